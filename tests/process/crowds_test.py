"""Many who follow a tracker at a time, some who do not read, and one who comes in the midst of it all."""

import resource
import signal
import time
import unittest

import msgpack
import zmq

from chaos import RECOVERY, Chaos
from follower import Follower
from memory import MIB

FOLLOWERS = 1_024  # one for each slot
FILES = 8_192  # they take some here, and two connections each at the tracker
# What a connection to a tracker may take: libzmq has buffers and two pipes for each.
CONNECTION = 64 * 1024


class Crowds(Chaos):
    def follower(self, context=None, **options):
        follower = Follower(context or self.context, self.files.events[0], self.files.queries[0], **options)
        self.addCleanup(follower.close)
        return follower

    def follow(self, followers, until, what, seconds=60):
        """All of them, while the load goes on; they are looked at when something may have come."""
        turned = 0.0

        def turn():
            nonlocal turned
            if time.monotonic() > turned + 0.02:
                for follower in followers:
                    follower.turn()
                turned = time.monotonic()
            return until()

        return self.go_on(turn, what, seconds)

    def test_a_thousand_followers_reconnect_together(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < FILES:
            self.skipTest(f"{FILES} open files are needed, {hard} are allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
        self.start(guests=5)
        context = zmq.Context()
        context.max_sockets = 2 * FOLLOWERS + 10
        self.addCleanup(context.destroy, linger=0)
        crowd = [self.follower(context, slots=[slot]) for slot in range(FOLLOWERS)]
        all_in_step = lambda: all(follower.in_step() for follower in crowd)
        self.follow(crowd, all_in_step, "all are in step")
        for follower in crowd:
            follower.disconnect()
        ticks = [follower.ticks for follower in crowd]
        for follower in crowd:
            follower.connect()
        heard = lambda: all(f.ticks > before for f, before in zip(crowd, ticks)) and all_in_step()
        self.follow(crowd, heard, "all have heard a tick since, and are in step")
        self.memory.sample()
        # Now they find the tracker gone, and come back at once when it is there again.
        began = time.monotonic()
        self.kill("t1")
        self.follow(crowd, self.passed(0.5), "time to pass")
        self.restart("t1")
        again = lambda: all(len(set(follower.boots)) == 2 for follower in crowd) and all_in_step()
        self.follow(crowd, again, "all hear the new run, and are in step")
        self.fault(began, RECOVERY + self.ttl)
        self.load.no_more_guests()
        self.follow(crowd, lambda: self.load.told(self.stories()), "all guests are told")
        know = lambda: set().union(*(follower.online() for follower in crowd)) == set(self.load.stays)
        self.follow(crowd, know, "together they know who is there")
        self.assertEqual([follower.resyncs for follower in crowd], [0] * FOLLOWERS)
        # One for each time that they were away, however slow the answers are; some are refused as `busy`.
        replays = sum(follower.replays for follower in crowd)
        self.assertLess(replays, 4 * FOLLOWERS)
        print(f"{replays} replays", flush=True)
        self.judge(t1=2 * FOLLOWERS * CONNECTION + 16 * MIB)

    def passed(self, seconds):
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end

    def statuses(self, rounds, users=2_000):
        """Each status that changes is an event."""
        for round_ in range(rounds):
            items = [{"user": f"talks{n}", "status": f"{round_} {'x' * 50}", "ttl_ms": 3_000} for n in range(users)]
            for first in range(0, users, 500):
                self.load.gateways[0].speak(items[first : first + 500])
            self.go_on_for(0.05)
        return rounds * users

    def test_a_subscriber_stalled_past_its_high_water_mark_while_the_publisher_is_killed(self):
        self.start()
        self.load.others.update(f"talks{n}" for n in range(2_000))
        # It subscribes to single events too, so that a mark of 10,000 messages is soon reached.
        small = {"rcvhwm": 10, "rcvbuf": 4096, "topics": (b"batch", b"tick", b"user/")}
        stalled = self.follower(**small)
        self.follow([stalled], stalled.in_step, "it is in step")
        self.programs["n1"].send(signal.SIGSTOP)  # what waits for the sink's follower dies with the tracker
        said = self.statuses(20)
        heard = stalled.singles
        self.go_on(lambda: self.numbers()["transitions"] >= said, "all of it is published")
        began = time.monotonic()
        self.kill("t1")
        self.go_on_for(0.3)
        self.restart("t1")
        self.programs["n1"].send(signal.SIGCONT)
        self.fault(began, RECOVERY + self.ttl)
        self.go_on_for(0.5)
        self.follow([stalled], lambda: len(stalled.boots) == 2 and stalled.in_step(), "it is in step again")
        self.assertLess(stalled.singles - heard, said, "it was past its mark")
        self.assertGreater(stalled.replays, 0)
        self.assertEqual(stalled.resyncs, 0)
        self.load.no_more_guests()
        self.follow([stalled], lambda: self.load.told(self.stories()), "all guests are told")
        know = lambda: stalled.online() == set(self.load.stays)
        self.follow([stalled], know, "it knows who is there, and that all who talked have left")
        print(f"{stalled.singles - heard} of {said} single events heard, {stalled.replays} replays", flush=True)
        self.judge(t1=32 * MIB, n1=48 * MIB)

    def numbers(self):
        return self.ask(op="status")["numbers"]

    def test_subscribers_and_askers_that_do_not_read(self):
        """What waits for them is bounded, and shared by those who do not read the same."""
        self.start()
        self.load.others.update(f"talks{n}" for n in range(2_000))
        small = {"rcvhwm": 10, "rcvbuf": 4096, "topics": (b"batch", b"tick", b"user/")}
        for _ in range(10):
            self.follower(**small)
        asker = self.context.socket(zmq.DEALER)
        asker.linger, asker.rcvhwm, asker.rcvbuf, asker.sndhwm = 0, 10, 4096, 1_000
        asker.connect(self.files.queries[0])
        self.addCleanup(asker.close)
        said = self.statuses(20)
        for _ in range(500):
            try:
                asker.send_multipart([b"", msgpack.packb({"op": "list"})], zmq.DONTWAIT)
            except zmq.Again:
                break
        self.go_on(lambda: self.numbers()["transitions"] >= said, "all of it is published")
        self.go_on_for(self.ttl)
        # 10,000 messages of some 300 bytes for all ten, the kernel's buffers apart; 100 answers.
        self.judge(t1=64 * MIB, n1=48 * MIB)

    def test_late_join_during_churn_equals_the_model(self):
        """A follower and a notifier come in the midst of it. In the end each knows who is there, and the sink
        was told of nobody but who was: those who were there when it began, and all who came since."""
        self.start(2, notifier=False, guests=200)
        self.go_on_for(self.ttl + 1)
        self.program("notifier", "n1")
        follower = self.follower()
        self.follow([follower], follower.in_step, "the follower is in step, in the midst of it")
        self.programs["n1"].wait_for("event=in_step", "err")
        in_step = time.monotonic()
        self.follow([follower], self.passed(self.ttl), "time to pass")
        self.load.no_more_guests()
        told = lambda: self.load.told(self.stories())
        # Who had left by then, and is told of by nobody, never will be.
        stories = self.stories()
        for user, guest in list(self.load.guests.items()):
            if guest.left and guest.left < in_step and user not in stories:
                del self.load.guests[user]
        self.follow([follower], told, "all guests are told")
        self.follow([follower], lambda: follower.online() == set(self.load.stays), "it knows the truth")
        stories = self.stories()
        since = [user for user, guest in self.load.guests.items() if guest.comes > in_step]
        self.assertGreater(len(since), 100)
        self.assertEqual([user for user in since if len(stories.get(user, ())) != 2], [])
        self.judge()


if __name__ == "__main__":
    unittest.main()
