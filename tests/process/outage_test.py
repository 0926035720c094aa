"""The only collector is away for about a ttl, while edges that follow the protocol leave it and drop
what nobody takes. No user who went on beating is told offline."""

import signal
import time
import unittest

import msgpack
import zmq

from pipeline import Installation, Process, binary
from support import json_lines, wait_for

SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'
USERS = [f"user{n}" for n in range(40)]


class Outage(unittest.TestCase):
    ttl, interval = 5, 5 / 3  # seconds

    def setUp(self):
        self.files = self.enterContext(Installation(timeout=f"{self.ttl}s", sinks=SINK))
        self.program("tracker", "t1")
        self.collector = self.program("collector", "c1")
        self.program("notifier", "n1")
        self.edge = self.enterContext(zmq.Context()).socket(zmq.PUSH)
        self.edge.linger, self.edge.immediate, self.edge.sndhwm = 0, 1, 100
        self.edge.setsockopt(zmq.HEARTBEAT_IVL, 500)
        self.edge.setsockopt(zmq.HEARTBEAT_TIMEOUT, 2_000)
        self.edge.connect(self.files.heartbeats[0])
        self.addCleanup(self.edge.close)
        now = time.monotonic()
        self.due = {user: now + n * self.interval / len(USERS) for n, user in enumerate(USERS)}
        self.beat_until(lambda: all(self.states(user) == ["online"] for user in USERS), "all online")

    def program(self, kind, name):
        command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", name)
        return self.enterContext(Process(*command, cwd=self.files.directory))

    def states(self, user):
        return [e["state"] for e in json_lines(self.files.directory / "events.jsonl") if e["user"] == user]

    def beat(self, user):
        try:
            self.edge.send(msgpack.packb(user), zmq.NOBLOCK)
        except zmq.Again:
            pass  # dropped, as nobody is there

    def beat_until(self, condition, what):
        """Each user beats once in an interval, in turns."""

        def turn():
            for user, due in self.due.items():
                if time.monotonic() >= due:
                    self.due[user] = due + self.interval
                    self.beat(user)
            return condition()

        wait_for(turn, what)

    def beat_for(self, seconds):
        end = time.monotonic() + seconds
        self.beat_until(lambda: time.monotonic() > end, "time to pass")

    def nobody_left(self):
        self.beat_for(self.ttl + 2)
        self.assertEqual([user for user in USERS if self.states(user) != ["online"]], [])

    def away(self, number):
        self.collector.send(number)
        self.collector.wait()
        self.beat_for(self.ttl + 1)
        self.collector = self.program("collector", "c1")
        self.nobody_left()


class Gone(Outage):
    def test_ended_and_started_again_after_more_than_a_ttl(self):
        self.away(signal.SIGTERM)

    def test_killed_and_started_again_after_more_than_a_ttl(self):
        self.away(signal.SIGKILL)


class Stopped(Outage):
    ttl, interval = 8, 3  # what comes before the edge leaves, after 2 s, waits in the kernel

    def test_stopped_for_almost_a_ttl(self):
        self.collector.send(signal.SIGSTOP)
        self.beat_for(self.ttl - 1)
        self.collector.send(signal.SIGCONT)
        self.nobody_left()


if __name__ == "__main__":
    unittest.main()
