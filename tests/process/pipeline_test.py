"""Heartbeats through three processes to a file, also while one of them is stopped or killed."""

import signal
import time
import unittest

import msgpack
import zmq

from pipeline import Installation, Process, binary
from support import json_lines, wait_for

TTL = 2  # seconds
SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'


class Pipeline(unittest.TestCase):
    def start(self, collectors=1, trackers=1, settings=""):
        self.files = self.enterContext(Installation(collectors, trackers, f"{TTL}s", SINK, settings))
        self.trackers = [self.program("tracker", f"t{n + 1}") for n in range(trackers)]
        self.collectors = [self.program("collector", f"c{n + 1}") for n in range(collectors)]
        self.notifier = self.program("notifier", "n1")
        context = self.enterContext(zmq.Context())
        self.edges = [context.socket(zmq.PUSH) for _ in range(collectors)]
        for edge, endpoint in zip(self.edges, self.files.heartbeats):
            edge.linger = 0
            edge.connect(endpoint)
            self.addCleanup(edge.close)

    def program(self, kind, name):
        command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", name)
        return self.enterContext(Process(*command, cwd=self.files.directory))

    def beat(self, *items, edge=0):
        self.edges[edge].send(msgpack.packb(list(items)))

    def states(self, user):
        return [e["state"] for e in json_lines(self.files.directory / "events.jsonl") if e["user"] == user]

    def keep(self, users, until, what):
        """Users go on beating, several times a ttl, until the condition is true."""
        def turn():
            self.beat(*users)
            return until()
        return wait_for(turn, what)

    def wait_states(self, user, states):
        wait_for(lambda: self.states(user) == states, lambda: f"{user} {states}: {self.states(user)}")

    def test_one_heartbeat_becomes_one_line_and_a_silent_user_one_more(self):
        self.start()
        self.beat("alice")
        self.wait_states("alice", ["online"])
        self.wait_states("alice", ["online", "offline"])

    def test_a_bye_ends_a_session_at_once(self):
        self.start()
        self.beat({"user": "alice", "ttl_ms": 3_600_000})
        self.wait_states("alice", ["online"])
        self.beat({"user": "alice", "bye": True})
        self.wait_states("alice", ["online", "offline"])

    def test_two_collectors_and_two_trackers_share_the_users(self):
        self.start(collectors=2, trackers=2)
        users = [f"user{n}" for n in range(50)]
        for number, user in enumerate(users):
            self.beat(user, edge=number % 2)
        for user in users:
            self.wait_states(user, ["online", "offline"])

    def test_a_stopped_collector_tells_no_false_offline(self):
        """alice beats on while the only collector is stopped for longer than the ttl; carol's end shows, once
        it goes on, that time has passed. The long grace leaves it to the watermark alone."""
        self.start(settings='collector_grace = "60s"')
        self.beat("alice", "carol")
        self.wait_states("carol", ["online"])
        self.collectors[0].send(signal.SIGSTOP)
        end = time.monotonic() + 2 * TTL
        self.keep(["alice"], lambda: time.monotonic() > end, "time to pass")
        self.collectors[0].send(signal.SIGCONT)
        self.keep(["alice"], lambda: self.states("carol") == ["online", "offline"], "carol to end")
        self.assertEqual(self.states("alice"), ["online"])

    def test_a_killed_tracker_tells_no_false_offline(self):
        self.start()
        self.beat("alice", "carol")
        self.wait_states("carol", ["online"])
        self.trackers[0].send(signal.SIGKILL)
        self.trackers[0].wait()
        self.program("tracker", "t1")
        self.beat({"user": "dave", "ttl_ms": 2_000})
        self.keep(["alice"], lambda: self.states("dave")[-1:] == ["offline"], "dave to end")
        self.assertEqual(self.states("alice"), ["online"])


if __name__ == "__main__":
    unittest.main()
