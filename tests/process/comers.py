"""A load whose every transition is known: users who stay, and users who come, beat on and say bye.
Nobody comes or says bye while `held`, as a collector keeps only the newest of a session for a
tracker that is away."""

import collections
import time

import msgpack

BEAT = 0.2  # seconds


class Comers:
    """Call turn() every few milliseconds: each time somebody new comes, and whoever has been here for
    `stay` seconds says bye."""

    def __init__(self, edge, stay=0.5, stays=20, at_once=1):
        self._edge = edge
        self.stay = stay
        self._at_once = at_once
        self.stays = [f"stays{n}" for n in range(stays)]
        self.here = collections.deque()  # (user, when they came)
        self.came = 0
        self.held = False
        self._beat_at = 0.0

    def turn(self):
        now = time.monotonic()
        items = []
        if not self.held:
            for _ in range(self._at_once):
                self.here.append((f"comer{self.came}", now))
                self.came += 1
                items.append(self.here[-1][0])
            while self.here and now - self.here[0][1] >= self.stay:
                items.append({"user": self.here.popleft()[0], "bye": True})
        if now >= self._beat_at:
            self._beat_at = now + BEAT
            items += self.stays + [user for user, _ in self.here]
        for begin in range(0, len(items), 1000):
            self._edge.send(msgpack.packb(items[begin : begin + 1000]))

    def say_bye(self):
        """All who came."""
        while self.here:
            self._edge.send(msgpack.packb({"user": self.here.popleft()[0], "bye": True}))

    def wrongs(self, stories):
        """What is wrong in the stories, which are states by user, once all said bye."""
        expected = {user: ["online"] for user in self.stays}
        expected |= {f"comer{n}": ["online", "offline"] for n in range(self.came)}
        users = set(expected) | set(stories)
        return [
            f"{user}: {stories.get(user)}" for user in users if stories.get(user) != expected.get(user)
        ]

    def untrue(self, stories):
        """Less: who stays is told once, and the others' stories alternate and end offline."""
        return [f"{user}: {stories.get(user)}" for user in self.stays if stories.get(user) != ["online"]] + [
            f"{user}: {states}"
            for user, states in stories.items()
            if user.startswith("comer") and states != ["online", "offline"] * (len(states) // 2)
        ]
