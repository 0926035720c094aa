"""Hostile input of every kind to every port, while a pipeline works: nobody is told anything wrong or late,
nothing of it is kept, and each kind is counted."""

import collections
import itertools
import re
import socket
import unittest

import zmq

from chaos import Chaos
from hostile import BOMB, DEEP, FRAMES, HEARTBEATS, QUERIES, RAW

ROUNDS_A_SECOND = 20


class Hostile(Chaos):
    def socket(self, kind, endpoint):
        one = self.context.socket(kind)
        one.linger = 0
        one.connect(endpoint)
        self.addCleanup(one.close)
        return one

    def send(self, one, *frames):
        try:
            one.send_multipart(frames, zmq.DONTWAIT)
        except zmq.Again:
            self.refused += 1  # it is no peer to speak to, or has enough of us

    def test_hostile_input_of_every_kind_under_load(self):
        self.start(1)
        self.load.others.add("x")  # whose heartbeats count, though a field of theirs does not
        self.refused, self.rounds = 0, 0
        push = self.socket(zmq.PUSH, self.files.heartbeats[0])
        link = self.socket(zmq.DEALER, self.files.ingest[0])
        asker = self.socket(zmq.DEALER, self.files.queries[0])
        stranger = self.socket(zmq.DEALER, self.files.events[0])
        flood = self.socket(zmq.XSUB, self.files.events[0])
        ports = [self.files.heartbeats[0], self.files.ingest[0], self.files.events[0], self.files.queries[0]]
        heartbeats = [message for messages in HEARTBEATS.values() for message in messages]
        questions = [question for some in QUERIES.values() for question in some]
        self.codes = collections.Counter()
        half_open = itertools.cycle([[] for _ in range(20)])

        def round_():
            self.rounds += 1
            for message in heartbeats:
                self.send(push, message)
            self.send(push, b"\xa1a", b"\xa1b")
            for frame in FRAMES:
                self.send(link, frame)
            for question in questions:
                self.send(asker, b"", question)
            while asker.poll(0):
                self.codes[asker.recv_multipart()[-1][:1]] += 1
            for text in (b"", b"\x01", DEEP, BOMB):
                self.send(stranger, text)
            self.send(flood, b"\x01" + str(self.rounds).encode() + b"x" * 50_000)
            for port in ports:
                self.garbage(port, RAW[self.rounds % len(RAW)], next(half_open))

        for _ in range(20):  # the first ones warm up
            round_()
        for name in ("t1", "c1", "n1"):
            self.memory.watch(name, self.programs[name].pid)
        for _ in range(int(3 * self.ttl * ROUNDS_A_SECOND)):
            round_()
            self.go_on_for(1 / ROUNDS_A_SECOND)
        self.assertGreater(self.codes.total(), self.rounds * len(questions) / 2, "questions are answered")
        counted = lambda: set(re.findall(r"(\w+)=\d", " ".join(
            line for line in list(self.programs["c1"].err) if "event=trouble" in line)))
        kinds = {*HEARTBEATS, "multipart"}
        self.go_on(lambda: kinds <= counted(), lambda: f"each kind is counted: {kinds - counted()}")
        refused = lambda: [line for line in list(self.programs["t1"].err) if "event=frame_refused" in line
                           or "frames_refused=" in line]
        self.go_on(refused, "frames are refused")
        self.judge()

    def garbage(self, endpoint, text, kept):
        """The connection stays half open until its turn comes again."""
        host, port = endpoint.removeprefix("tcp://").split(":")
        if len(kept) == 4:
            kept.pop(0).close()
        raw = socket.create_connection((host, int(port)))
        self.addCleanup(raw.close)
        kept.append(raw)
        raw.setblocking(False)
        try:
            raw.send(text)
        except OSError:
            pass  # closed by the other side: its right


if __name__ == "__main__":
    unittest.main()
