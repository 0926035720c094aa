"""Users who leave through one collector while they come through another, and whose messages overtake one
another on the way."""

import time
import unittest

from chaos import Chaos

USERS = 200
LATE = 0.4  # seconds that a link takes more


class Races(Chaos):
    def setUp(self):
        self.start(2, 2, links=("heartbeats",))
        self.users = [f"mover{n}" for n in range(USERS)]
        self.load.others.update(self.users)
        # One edge, connected to each collector on its own.
        self.ways = [self.gateway("gw", [endpoint]) for endpoint in self.files.heartbeats]
        self.ways[1].boot = self.ways[0].boot
        for number, way in enumerate(self.ways):
            self.go_on(lambda way=way: way.speak([]), f"c{number + 1} is there")

    def beat(self, way, session):
        for first in range(0, USERS, 1000):
            beats = [{"user": user, "session": session} for user in self.users[first : first + 1000]]
            self.assertTrue(self.ways[way].speak(beats))

    def bye(self, way, session):
        byes = [{"user": user, "session": session, "bye": True} for user in self.users]
        self.assertTrue(self.ways[way].speak([], byes))

    def keep_until(self, way, session, until, what):
        """They beat on through that way."""
        beaten = 0.0

        def turn():
            nonlocal beaten
            if time.monotonic() > beaten + 0.3:
                beaten = time.monotonic()
                self.beat(way, session)
            return until()

        self.go_on(turn, what)

    def keep_for(self, way, session, seconds):
        end = time.monotonic() + seconds
        self.keep_until(way, session, lambda: time.monotonic() > end, "time to pass")

    def states(self):
        """How often each story happened."""
        stories = {}
        for user in self.users:
            story = tuple(state for _, state, _ in self.told.read().stories[user])
            stories[story] = stories.get(story, 0) + 1
        return stories

    def everyone(self, *stories):
        return set(self.states()) <= set(stories)

    def test_bye_and_reconnect_racing_through_two_collectors(self):
        """Each in its turn is late: the bye of the connection before, the heartbeat of the next, neither."""
        self.keep_until(0, "s0", lambda: self.everyone(("online",)), "all are online")
        for round_, late in enumerate((0, 1, None)):
            old, new = round_ % 2, 1 - round_ % 2
            for number, endpoint in enumerate(self.files.heartbeats):
                link = self.files.links[endpoint]
                link.slow(delay=(LATE if late is not None and number == (old, new)[late] else 0.0, 0.0))
            self.bye(old, f"s{round_}")
            self.beat(new, f"s{round_ + 1}")
            # A ttl later whoever is held by nothing but a mistake would be told.
            self.keep_for(new, f"s{round_ + 1}", self.ttl + 0.5)
            count = 1 + 2 * (round_ + 1)
            self.keep_until(
                new, f"s{round_ + 1}", lambda: all(story[-1] == "online" for story in self.states()),
                lambda: f"all are online again: {self.states()}",
            )
            for story in self.states():
                self.assertEqual(story, (("online", "offline") * count)[: len(story)])
                self.assertLessEqual(len(story), count)
        # Who was never offline took no harm, who was is back; now they leave.
        self.bye(new, f"s{round_ + 1}")
        self.go_on(lambda: all(story[-1] == "offline" for story in self.states()), "all are offline")
        print(f"stories: { {len(story): n for story, n in self.states().items()} }", flush=True)
        self.judge()
        self.assertEqual([story for story in self.states() if story[-1] != "offline"], [])

    def test_a_bye_that_overtakes_its_heartbeats(self):
        self.keep_until(0, "s", lambda: self.everyone(("online",)), "all are online")
        self.files.links[self.files.heartbeats[0]].slow(delay=(LATE, 0.0))
        for _ in range(3):
            self.beat(0, "s")
            self.go_on_for(0.05)
        self.bye(1, "s")
        self.go_on(lambda: self.everyone(("online", "offline")), "all are offline")
        self.go_on_for(LATE + 1)
        self.judge()
        self.assertTrue(self.everyone(("online", "offline")), self.states())


if __name__ == "__main__":
    unittest.main()
