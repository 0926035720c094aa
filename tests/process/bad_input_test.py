"""What the network may send: counted by reason, answered where somebody waits, never the end of a
process, and never kept."""

import itertools
import os
import pathlib
import re
import socket
import unittest

import msgpack
import zmq

from hostile import BOMB, DEEP, FRAMES, HEARTBEATS, QUERIES, RAW
from pipeline import Installation, Process, binary
from support import wait_for

# Bytes; a list of BOMB's length would be hundreds of times this. A sanitizer's allocator keeps what was
# freed: there the flood is only survived.
GROWTH_MAX = float("inf") if os.environ.get("SANITIZE") else 16 << 20


def rss(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


class BadInput(unittest.TestCase):
    def setUp(self):
        self.files = self.enterContext(Installation(timeout="60s"))
        self.tracker = self.program("tracker", "t1")
        self.collector = self.program("collector", "c1")
        self.context = self.enterContext(zmq.Context())
        self.push = self.socket(zmq.PUSH, self.files.heartbeats[0])
        self.ask = self.socket(zmq.DEALER, self.files.queries[0])
        self.seen = 0
        self.still_serves()

    def program(self, kind, name):
        command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", name)
        return self.enterContext(Process(*command))

    def socket(self, kind, endpoint):
        one = self.context.socket(kind)
        one.linger = 0
        one.rcvtimeo = one.sndtimeo = 10_000
        one.connect(endpoint)
        self.addCleanup(one.close)
        return one

    def answer(self, question):
        self.ask.send_multipart([b"", question])
        return msgpack.unpackb(self.ask.recv_multipart()[-1])

    def still_serves(self):
        """A heartbeat sent now, by a user not seen before, is answered with online."""
        self.seen += 1
        user = f"witness{self.seen}"
        self.push.send(msgpack.packb(user))
        question = msgpack.packb({"op": "get", "users": [user]})
        wait_for(lambda: self.answer(question)["users"][0]["state"] == "online",
                 lambda: f"{user} online; {self.collector.err} {self.tracker.err}")
        self.assertTrue(self.collector.running() and self.tracker.running())

    def counted(self, process, reason):
        lines = [line for line in list(process.err) if "event=trouble" in line]
        return sum(int(n) for line in lines for n in re.findall(rf"\b{reason}=(\d+)", line))

    def grows_little(self, process, turn, times=300):
        """Each round of bad input, hundreds of times, leaves nothing behind. The first rounds warm up."""
        for _ in range(20):
            turn()
        self.still_serves()
        before = rss(process)
        for _ in range(times):
            turn()
        self.still_serves()
        self.assertLess(rss(process) - before, GROWTH_MAX)

    def test_each_bad_heartbeat_is_counted_by_its_reason(self):
        for messages in HEARTBEATS.values():
            for message in messages:
                self.push.send(message)
        self.push.send_multipart([b"\xa1a", b"\xa1b"])
        self.still_serves()
        for reason, messages in {**HEARTBEATS, "multipart": [b""]}.items():
            wait_for(lambda: self.counted(self.collector, reason) == len(messages),
                     lambda: f"{reason}={len(messages)}: {self.collector.err}")

    def test_each_bad_question_is_answered_with_its_code(self):
        for code, questions in QUERIES.items():
            for question in questions:
                self.assertEqual(self.answer(question).get("error"), code, question[:60])
        self.still_serves()

    def test_a_wrong_field_costs_itself_and_the_log_says_whose_it_is(self):
        for n, item in enumerate([{"status": "s" * 65}, {"status": "back at 5\n"}, {"ttl_ms": 30}, {"age_ms": -5},
                                  {"bye": 0}, {"session": "t" * 65}, {"session": None}]):
            self.push.send(msgpack.packb({"user": f"wrong{n}", **item}))
            question = msgpack.packb({"op": "get", "users": [f"wrong{n}"]})
            wait_for(lambda: self.answer(question)["users"][0]["state"] == "online", lambda: f"{item} online")
        lines = [line for line in list(self.collector.err) if "event=wrong_field" in line]
        self.assertEqual(len(lines), 1, "one in 10 s")
        self.assertIn("reason=bad_status user=wrong0", lines[0])

    def test_edges_beyond_the_limit_have_no_lease_and_their_users_count(self):
        for n in range(10_000):
            self.push.send(msgpack.packb({"edge": f"edge{n}", "boot": 1, "seq": 1, "beats": []}))
        self.still_serves()
        for n in range(3):
            self.push.send(msgpack.packb({"edge": f"late{n}", "boot": 1, "seq": 1, "beats": ["late"]}))
        self.push.send(msgpack.packb({"edge": "edge0", "boot": 1, "seq": 2, "beats": ["known"]}))
        self.still_serves()
        wait_for(lambda: self.counted(self.collector, "edges_limit") == 3, lambda: self.collector.err)
        states = self.answer(msgpack.packb({"op": "get", "users": ["late", "known"]}))["users"]
        self.assertEqual([state["state"] for state in states], ["online", "online"])

    def test_a_bad_frame_is_refused_and_counted(self):
        link = self.socket(zmq.DEALER, self.files.ingest[0])
        for frame in FRAMES:
            link.send(frame)
        self.still_serves()
        wait_for(lambda: self.counted(self.tracker, "frames_refused")
                 + self.counted(self.tracker, "malformed") == len(FRAMES),
                 lambda: f"{len(FRAMES)} refused: {self.tracker.err}")

    def test_garbage_that_is_no_zmq_and_connections_half_open_end_nothing(self):
        endpoints = [self.files.heartbeats[0], self.files.ingest[0], self.files.events[0], self.files.queries[0]]
        for endpoint in endpoints:
            host, port = endpoint.removeprefix("tcp://").split(":")
            for text in RAW:
                raw = socket.create_connection((host, int(port)))
                self.addCleanup(raw.close)  # open until the end of the test
                try:
                    raw.sendall(text)
                except OSError:
                    pass  # closed by the other side: its right
        self.still_serves()

    def test_garbage_on_the_port_of_events_ends_nothing(self):
        followers = self.socket(zmq.DEALER, self.files.events[0])
        listener = self.socket(zmq.SUB, self.files.events[0])
        listener.subscribe(b"\xff" * 60_000)
        for text in (b"", b"\x01", DEEP, BOMB):
            try:
                followers.send(text, zmq.NOBLOCK)
            except zmq.Again:
                break  # refused already: a DEALER may not speak to an XPUB
        self.still_serves()

    def test_bad_input_is_not_kept(self):
        heartbeats = [m for messages in HEARTBEATS.values() for m in messages]

        def flood():
            for message in heartbeats:
                self.push.send(message)

        def ask():
            self.answer(BOMB)
            self.answer(DEEP)

        self.grows_little(self.collector, flood)
        self.grows_little(self.tracker, ask)

    def test_frames_of_collectors_unknown_are_not_kept(self):
        link = self.socket(zmq.DEALER, self.files.ingest[0])
        names = itertools.count()

        def forge():
            for _ in range(20):
                header = [1, "main", f"forged{next(names)}", 1, 1, 1, 1, 0, 1 << 59, None, 0, False]
                link.send(msgpack.packb([*header, b"\xff" * 2_000]))
                link.send(msgpack.packb([*header, b""]))

        self.grows_little(self.tracker, forge, times=200)

    def test_long_subscriptions_are_not_kept(self):
        flood = self.socket(zmq.XSUB, self.files.events[0])
        texts = itertools.count()

        def subscribe():
            flood.send(b"\x01" + str(next(texts)).encode() + b"x" * 50_000, zmq.NOBLOCK)

        self.grows_little(self.tracker, subscribe, times=100)

    def test_garbage_that_is_no_zmq_is_not_kept(self):
        def garbage(endpoint):
            host, port = endpoint.removeprefix("tcp://").split(":")
            with socket.create_connection((host, int(port))) as raw:
                try:
                    raw.sendall(b"\xff" * 20_000)
                except OSError:
                    pass  # closed by the other side: its right

        self.grows_little(self.collector, lambda: garbage(self.files.heartbeats[0]))
        for endpoint in (self.files.ingest[0], self.files.events[0], self.files.queries[0]):
            self.grows_little(self.tracker, lambda e=endpoint: garbage(e))


class TwoTrackers(unittest.TestCase):
    def test_a_question_for_another_trackers_user_or_slot_is_answered_with_its_endpoint(self):
        files = self.enterContext(Installation(trackers=2))
        for name in ("t1", "t2"):
            self.enterContext(Process(binary("presence-tracker"), "--config", files.config, "--id", name))
        context = self.enterContext(zmq.Context())
        asked = []
        for endpoint in files.queries:
            one = context.socket(zmq.REQ)
            one.linger, one.rcvtimeo = 0, 10_000
            one.connect(endpoint)
            self.addCleanup(one.close)

            def answer(question, one=one):
                one.send(msgpack.packb(question))
                return msgpack.unpackb(one.recv())

            asked.append(answer)
        for question in ({"op": "get", "users": ["alice"]}, {"op": "snapshot", "slot": 7}):
            answers = [answer(question) for answer in asked]
            moved = [a for a in answers if a.get("error") == "moved"]
            self.assertEqual(len(moved), 1, answers)
            owner = 1 - answers.index(moved[0])
            self.assertEqual(moved[0]["endpoint"], files.queries[owner])


if __name__ == "__main__":
    unittest.main()
