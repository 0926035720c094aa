"""Heartbeats through three processes to a file, also while one of them is stopped or killed."""

import signal
import time
import unittest

import msgpack
import zmq

from pipeline import free_ports
from support import Program, Scratch, json_lines, wait_for

TTL = 2  # seconds


class Pipeline(unittest.TestCase):
    def start(self, collectors=1, trackers=1):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.close)
        ports = iter(free_ports(collectors + 3 * trackers))
        at = lambda: f'"tcp://127.0.0.1:{next(ports)}"'
        text = f'[presence]\ntimeout = "{TTL}s"\n'
        self.edges = []
        for number in range(collectors):
            endpoint = at()
            text += f'[[collector]]\nid = "c{number}"\nheartbeats = {endpoint}\n'
            self.edges.append(zmq.Context.instance().socket(zmq.PUSH))
            self.edges[-1].linger = 0
            self.edges[-1].connect(endpoint.strip('"'))
            self.addCleanup(self.edges[-1].close)
        for number in range(trackers):
            text += f'[[tracker]]\nid = "t{number}"\ningest = {at()}\nevents = {at()}\nquery = {at()}\n'
        text += '[[notifier]]\nid = "n1"\n[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'
        self.file = self.scratch.write("presence.toml", text)
        self.trackers = [self.program("presence-tracker", f"t{n}") for n in range(trackers)]
        self.collectors = [self.program("presence-collector", f"c{n}") for n in range(collectors)]
        self.notifier = self.program("presence-notifier", "n1")

    def program(self, name, identity):
        program = Program(self.scratch, name, "--config", self.file, "--id", identity)
        self.addCleanup(program.kill)
        return program

    def beat(self, *items, edge=0):
        self.edges[edge].send(msgpack.packb(list(items)))

    def states(self, user):
        return [e["state"] for e in json_lines(self.scratch / "events.jsonl") if e["user"] == user]

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

    def goes_on_though_stopped(self, stopped):
        """alice beats on while the program is stopped for longer than the ttl; carol's end shows, once
        it goes on, that time has passed."""
        self.start()
        self.beat("alice", "carol")
        self.wait_states("carol", ["online"])
        program = stopped()
        program.signal(signal.SIGSTOP)
        rest = self.passed(2 * TTL)
        self.keep(["alice"], rest, "time to pass")
        program.signal(signal.SIGCONT)
        self.keep(["alice"], lambda: self.states("carol") == ["online", "offline"], "carol to end")
        self.assertEqual(self.states("alice"), ["online"])

    def passed(self, seconds):
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end

    def test_a_stopped_tracker_tells_no_false_offline(self):
        self.goes_on_though_stopped(lambda: self.trackers[0])

    def test_a_stopped_collector_tells_no_false_offline(self):
        self.goes_on_though_stopped(lambda: self.collectors[0])

    def test_a_killed_tracker_tells_no_false_offline(self):
        self.start()
        self.beat("alice", "carol")
        self.wait_states("carol", ["online"])
        self.trackers[0].kill()
        self.program("presence-tracker", "t0")
        self.beat({"user": "dave", "ttl_ms": 2_000})
        self.keep(["alice"], lambda: self.states("dave")[-1:] == ["offline"], "dave to end")
        self.assertEqual(self.states("alice"), ["online"])


if __name__ == "__main__":
    unittest.main()
