"""Edges that live, die and come back: who is told offline, when, and how many at once.

As a program of its own: `leases_test.py --users 100000` runs with so many users (CI: 20,000)."""

import sys
import time
import unittest

import msgpack
import zmq

from pipeline import Installation, Process, binary, presence
from support import json_lines, wait_for

USERS = 20_000
TTL, EDGE_TIMEOUT = 4, 1.5  # seconds
SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'


class Edge:
    """One that names itself, and speaks when it is told to."""

    def __init__(self, context, name, endpoint):
        self.name, self.seq, self.boot = name, 0, time.time_ns() // 1000
        self._socket = context.socket(zmq.PUSH)
        self._socket.linger = 0
        self._socket.connect(endpoint)
        self._spoke = 0.0
        self.spoke_at = 0.0  # on the clock on the wall, as `sent`
        self.sent = {}  # user to the time of their last heartbeat

    def speak(self, users=(), suspended=None):
        """An envelope for each 1,000 users; at least one. `suspended`: for so many seconds this edge's clock
        stood still; None: it does not tell its clock."""
        for first in range(0, max(len(users), 1), 1000):
            self.seq += 1
            some = users[first : first + 1000]
            body = {"edge": self.name, "boot": self.boot, "seq": self.seq, "beats": some}
            if suspended is not None:
                body["sent_ms"] = round((time.monotonic() - suspended) * 1000)
            self.spoke_at = time.time()
            self.sent.update(dict.fromkeys(some, self.spoke_at))
            self._socket.send(msgpack.packb(body))
        self._spoke = time.monotonic()

    def lease(self, users=()):
        """Half a second is half of what is asked of an edge."""
        if time.monotonic() - self._spoke > 0.5:
            self.speak(users)

    def close(self):
        self._socket.close()


class LeasesTest(unittest.TestCase):
    def start(self, rate=5000, edge_grace=2.5):
        settings = f'edge_timeout = "{EDGE_TIMEOUT * 1000:.0f}ms"\n'
        settings += f'edge_grace = "{edge_grace * 1000:.0f}ms"\n'
        settings += f"edge_lost_rate = {rate}\n"
        self.files = self.enterContext(Installation(timeout=f"{TTL}s", sinks=SINK, settings=settings))
        for kind, name in (("tracker", "t1"), ("collector", "c1"), ("notifier", "n1")):
            command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", name)
            process = self.enterContext(Process(*command, cwd=self.files.directory))
            if kind == "tracker":
                self.tracker = process
        process.wait_for("event=in_step", "err")
        self.context = self.enterContext(zmq.Context())
        self.query = self.context.socket(zmq.REQ)
        self.query.linger = 0
        self.query.rcvtimeo = 10_000
        self.query.connect(self.files.queries[0])
        self.addCleanup(self.query.close)

    def edge(self, name):
        edge = Edge(self.context, name, self.files.heartbeats[0])
        self.addCleanup(edge.close)
        return edge

    def ask(self, **question):
        self.query.send(msgpack.packb(question))
        return msgpack.unpackb(self.query.recv())

    def online(self):
        return self.ask(op="count")["online"]

    def events(self, state=None):
        return [
            e
            for e in json_lines(self.files.directory / "events.jsonl")
            if state is None or e["state"] == state
        ]

    def while_they_speak(self, edges, condition, what):
        """Waits for the condition; the edges hold their leases meanwhile."""

        def turn():
            for edge in edges:
                edge.lease()
            return condition()

        return wait_for(turn, what)

    def come(self, edge, users):
        edge.speak(users)
        self.while_they_speak([edge], lambda: self.online() == len(users), "all are online")

    def test_users_leave_while_their_edges_live_all_offline_on_time(self):
        self.start(rate=100)  # has no say
        users = [f"u{n}" for n in range(USERS)]
        edges = [self.edge("gw-1"), self.edge("gw-2")]
        for n, edge in enumerate(edges):
            edge.speak(users[n::2])
        self.while_they_speak(edges, lambda: self.online() == USERS, "all are online")
        sent = {**edges[0].sent, **edges[1].sent}
        self.while_they_speak(edges, lambda: self.online() == 0, "all are offline")
        self.while_they_speak(edges, lambda: len(self.events("offline")) >= USERS, "all are told")
        offline = self.events("offline")
        self.assertEqual(len(offline), USERS)
        self.assertEqual({e["reason"] for e in offline}, {"timeout"})
        late = [e["at_ms"] / 1000 - sent[e["user"]] - TTL for e in offline]
        self.assertGreater(min(late), -0.01)
        self.assertLess(max(late), 1)

    def test_an_edge_dies_and_its_users_come_back_elsewhere_no_transition(self):
        self.start(edge_grace=6.5)  # time enough to look
        users = [f"u{n}" for n in range(1000)]
        dying, other = self.edge("gw-1"), self.edge("gw-2")
        self.come(dying, users)
        dying.close()
        held = lambda: self.ask(op="get", users=users[:1])["users"][0].get("held_by")
        self.while_they_speak([other], lambda: held() == "edge:gw-1", "they are held")
        self.assertEqual(self.online(), len(users))
        answer = self.ask(op="status")
        self.assertEqual([(h["what"], h["sessions"]) for h in answer["holds"]], [("edge:gw-1", 1000)])
        self.assertIn(answer["freshness"], ("live", "warming"))  # of others all is known
        _, out, _ = presence("status", "--config", self.files.config)
        self.assertRegex(out, r"held by edge:gw-1 +silent for .*: its 1000 sessions held, at most")
        self.tracker.wait_for("event=held by=edge:gw-1 why=silent sessions=1000", "err")
        other.speak(users)

        def gone():
            other.lease(users)  # the dead edge's sessions outlive one heartbeat
            return self.ask(op="count")["sessions"] == len(users)

        wait_for(gone, "the dead edge's sessions have ended")
        self.tracker.wait_for("event=released by=edge:gw-1", "err")
        self.assertEqual(self.online(), len(users))
        self.assertEqual(self.events("offline"), [])
        self.assertEqual(len(self.events()), len(users))

    def test_an_edge_dies_and_they_do_not_paced_edge_lost(self):
        self.start(rate=500)
        users = [f"u{n}" for n in range(1000)]
        dying = self.edge("gw-1")
        self.come(dying, users)
        dying.close()
        wait_for(lambda: len(self.events("offline")) == len(users), "all are told")
        offline = self.events("offline")
        self.assertEqual({e["reason"] for e in offline}, {"edge_lost"})
        at = sorted(e["at_ms"] / 1000 for e in offline)
        # Not before their ttl and the hold are over; not all at once; but all.
        self.assertGreater(at[0], dying.spoke_at + EDGE_TIMEOUT + 2.5 - 0.01)
        self.assertGreater(at[0], min(dying.sent.values()) + TTL - 0.01)
        self.assertGreater(at[-1] - at[0], 1.5)
        self.assertLess(at[-1] - at[0], 4)
        for first in range(len(at)):
            within = sum(1 for t in at[first : first + 600] if t < at[first] + 1)
            self.assertLessEqual(within, 560)
        self.assertEqual(self.ask(op="status")["numbers"]["edge_lost"], len(users))

    def test_an_edge_whose_machine_is_suspended_keeps_its_users(self):
        """CLOCK_MONOTONIC stands still meanwhile, so that all it sends afterwards seems to be late."""
        self.start(edge_grace=8.5)
        edge = self.edge("gw-1")

        def speak_for(seconds, suspended):
            end = time.monotonic() + seconds

            def turn():
                if time.time() > edge.spoke_at + 0.5:
                    edge.speak(["alice"], suspended)
                return time.monotonic() > end or self.events("offline")

            wait_for(turn, "time to pass")

        speak_for(1, 0)
        wait_for(lambda: time.time() > edge.spoke_at + 1.5 * TTL, "it was suspended for longer than a ttl")
        speak_for(2 * TTL, 1.5 * TTL)
        self.assertEqual([e["state"] for e in self.events()], ["online"])

    def test_a_user_on_two_edges_one_dies(self):
        self.start()
        dying, other = self.edge("gw-1"), self.edge("gw-2")
        self.come(dying, ["alice", "bob"])
        other.speak(["alice"])
        self.while_they_speak(
            [dying, other], lambda: self.ask(op="count")["sessions"] == 3, "alice is on both"
        )
        dying.close()

        def gone():
            other.lease(["alice"])
            return self.online() == 1

        wait_for(gone, "bob is lost")
        wait_for(lambda: self.events("offline"), "bob is told")
        self.assertEqual([(e["user"], e["reason"]) for e in self.events("offline")], [("bob", "edge_lost")])
        self.assertEqual(self.ask(op="count")["sessions"], 1)


if __name__ == "__main__":
    if "--users" in sys.argv:
        at = sys.argv.index("--users")
        USERS = int(sys.argv[at + 1])
        del sys.argv[at : at + 2]
    unittest.main()
