"""What the network may send: counted by reason, answered where somebody waits, never the end of a
process, and never kept."""

import pathlib
import re
import socket
import unittest

import msgpack
import zmq

from pipeline import Installation, Process, binary
from support import wait_for

BOMB = b"\xdd\x0f\xff\xff\xff"  # the head of an array of 268 million elements
DEEP = b"\x91" * 10_000 + b"\xc0"
GROWTH_MAX = 16 << 20  # bytes; a list of BOMB's length would be hundreds of times this

# Reason: messages that are dropped for it.
HEARTBEATS = {
    "not_msgpack": [b"", b"\xc1", b"\xa5ab", BOMB, msgpack.packb("x") + b"\0", b"\xff" * 3 + b"\xc1"],
    "too_deep": [DEEP],
    "too_large": [b"\xa1" * 65_537],
    "wrong_type": [msgpack.packb(v) for v in (1.5, None, [[1]], {"user": 2.5})],
    "user_missing": [msgpack.packb({"session": "s"})],
    "user_empty": [msgpack.packb(""), msgpack.packb({"user": b""})],
    "user_too_long": [msgpack.packb("x" * 129), msgpack.packb("x" * 60_000)],
    "user_control": [msgpack.packb("a\nb"), msgpack.packb("a\0")],
    "user_not_utf8": [msgpack.packb(b"\xff\xfe"), msgpack.packb(b"\xc0\xaf")],
    "bad_session": [msgpack.packb({"user": "x", "session": "s" * 65})],
    "bad_ttl": [msgpack.packb({"user": "x", "ttl_ms": 1})],
    "bad_edge": [msgpack.packb({"edge": "", "boot": 1, "seq": 1, "beats": []})],
}
# Error: questions that are answered with it.
QUERIES = {
    "unknown_op": [msgpack.packb({"op": "dance"})],
    "bad_slot": [msgpack.packb({"op": "snapshot", "slot": s}) for s in (1024, 1 << 40)]
    + [msgpack.packb({"op": "snapshot"})],
    "bad_user": [msgpack.packb({"op": "get", "users": ["x" * 129]})],
    "too_many": [msgpack.packb({"op": "get", "users": ["x"] * 1001})],
    "bad_query": [b"", b"\xc1", BOMB, DEEP, msgpack.packb(7), msgpack.packb({}), b"\xa1" * 65_537],
}


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
        one.rcvtimeo = 10_000
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

    def test_a_bad_frame_is_refused_and_counted(self):
        frames = [b"", b"\xc1", BOMB, DEEP, msgpack.packb([1]), msgpack.packb([1, "other"] + [0] * 11)]
        link = self.socket(zmq.DEALER, self.files.ingest[0])
        for frame in frames:
            link.send(frame)
        self.still_serves()
        wait_for(lambda: self.counted(self.tracker, "frames_refused")
                 + self.counted(self.tracker, "malformed") == len(frames),
                 lambda: f"{len(frames)} refused: {self.tracker.err}")

    def test_garbage_that_is_no_zmq_and_connections_half_open_end_nothing(self):
        endpoints = [self.files.heartbeats[0], self.files.ingest[0], self.files.events[0], self.files.queries[0]]
        for endpoint in endpoints:
            host, port = endpoint.removeprefix("tcp://").split(":")
            greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03"
            for text in (b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70_000, greeting):
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
            followers.send(text)
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


if __name__ == "__main__":
    unittest.main()
