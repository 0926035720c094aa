"""One connection that sends without an end, of each kind that libzmq would keep: it is ended, and
nobody else notices."""

import itertools
import random
import threading
import time
import unittest

import msgpack
import zmq

from chaos import RECOVERY, Chaos
from memory import MIB
from support import patience
from zmtp import Peer, frame

# More than a flood may send, less than the machine has.
FLOOD_MAX = 4096 * MIB
# What a flood may take for a moment: the bound of one message, and what comes between two looks.
GROWTH_MAX = 1024 * MIB


class Floods(Chaos):
    def flood(self, name, endpoint, kind, texts):
        """Until the connection is ended. The load goes on meanwhile; others may be told late, not wrongly."""
        peer = Peer(endpoint, kind, seconds=patience())
        self.addCleanup(peer.close)
        self.memory.watch(name, self.programs[name].pid)
        sent, began = [], time.monotonic()
        thread = threading.Thread(target=lambda: sent.append(peer.send_until_ended(texts, FLOOD_MAX)))
        thread.start()
        self.go_on(lambda: not thread.is_alive(), f"{kind} at {name} is ended", 60)
        thread.join()
        self.fault(began, RECOVERY)
        print(f"{kind}: ended after {sent[0] / MIB:.1f} MiB, {time.monotonic() - began:.1f} s; {name} grew by "
              f"{self.memory.grown()[name] / MIB:.1f} MiB", flush=True)
        self.assertLess(sent[0], FLOOD_MAX)

    def ended(self, name, socket, why):
        told = f"event=connection_ended socket={socket} why={why} peer=127.0.0.1:"
        self.go_on(lambda: any(told in line for line in list(self.programs[name].err)), told)

    def test_a_message_of_parts_without_an_end(self):
        self.start(1)
        for body in (b"x" * 65_536, b""):
            parts = frame(body, more=True) * max(1, (1 << 18) // (len(body) + 2))
            self.flood("c1", self.files.heartbeats[0], "PUSH", itertools.repeat(parts))
            self.flood("t1", self.files.ingest[0], "DEALER", itertools.repeat(parts))
            self.flood("t1", self.files.queries[0], "DEALER",
                       itertools.repeat(frame(body[:60_000], more=True) * 4_000 if body == b"" else
                                        frame(body[:60_000], more=True) * 4))
        self.flood("t1", self.files.events[0], "SUB", itertools.repeat(frame(b"x" * 400, more=True) * 500))
        self.ended("c1", "heartbeats", "unfinished_message")
        self.ended("t1", "ingest", "unfinished_message")
        self.judge(GROWTH_MAX)

    def test_what_is_no_subscription(self):
        self.start(1)
        self.flood("t1", self.files.events[0], "SUB", itertools.repeat(frame(b"x" * 100) * 2_000))
        self.ended("t1", "events", "no_subscription")
        self.judge(GROWTH_MAX)

    def test_a_subscriber_who_comes_and_goes_without_an_end(self):
        """It is let go on, and nothing piles up."""
        self.start(1)
        on_off = (frame(b"\1user/a\0") + frame(b"\0user/a\0")) * 5_000
        peer = Peer(self.files.events[0], "SUB", seconds=patience())
        self.addCleanup(peer.close)
        sent = []
        enough = threading.Event()
        texts = itertools.takewhile(lambda _: not enough.is_set(), itertools.repeat(on_off))
        thread = threading.Thread(target=lambda: sent.append(peer.send_until_ended(texts, FLOOD_MAX)))
        thread.start()
        self.go_on_for(3 * self.ttl)
        enough.set()
        self.go_on(lambda: not thread.is_alive(), "the rest is taken")
        print(f"{sent[0] / MIB:.1f} MiB taken", flush=True)
        self.assertGreater(sent[0], MIB)
        self.judge()

    def test_topics_without_an_end(self):
        """Who follows with few topics goes on."""
        self.start(1)
        follower = self.context.socket(zmq.SUB)
        self.addCleanup(follower.close)
        follower.linger = 0
        follower.connect(self.files.events[0])
        follower.subscribe(b"tick")
        self.go_on(lambda: follower.poll(0), "a tick")
        chance = random.Random(1)
        new = (b"".join(frame(b"\1" + chance.randbytes(12)) for _ in range(2_000)) for _ in itertools.count())
        self.flood("t1", self.files.events[0], "SUB", new)
        self.ended("t1", "events", "too_many_topics")
        while follower.poll(0):
            follower.recv_multipart()
        self.go_on(lambda: follower.poll(0), "another tick")
        few = lambda: self.ask(op="status")["numbers"]["topics"] < 10
        began = time.monotonic()
        self.go_on(few, "its topics are gone")
        self.fault(began, RECOVERY)
        print(f"its topics were gone after {time.monotonic() - began:.2f} s", flush=True)
        self.judge(GROWTH_MAX)

    def test_replays(self):
        """Whoever asks for all there is, again and again, waits for themselves: a notifier that was away
        learns what it missed."""
        self.start(1)
        self.kill("n1")
        crowd = [msgpack.packb([f"crowd{n}-{m}" for m in range(1000)]) for n in range(20)]
        byes = [msgpack.packb([{"user": f"crowd{n}-{m}", "bye": True} for m in range(1000)]) for n in range(20)]
        push = self.context.socket(zmq.PUSH)
        self.addCleanup(push.close)
        push.linger = 0
        push.connect(self.files.heartbeats[0])
        numbers = lambda: self.ask(op="status")["numbers"]
        for _ in range(4):  # 160,000 events: some 15 MiB
            for messages in (crowd, byes):
                before = numbers()["transitions"]
                for message in messages:
                    push.send(message)
                self.go_on(lambda: numbers()["transitions"] >= before + 20_000, "the crowd is applied")
        boot = self.ask(op="status")["boot"]
        question = msgpack.packb({"op": "replay", "boot": boot, "after": 1})
        stop = threading.Event()
        answered, refused = [0], [0]

        def flood(one):
            out = 0
            while not stop.is_set():
                while out < 90:
                    one.send_multipart([b"", question])
                    out += 1
                if one.poll(1000):
                    out -= 1
                    answer = one.recv_multipart()[-1]
                    answered[0] += 1
                    refused[0] += b"busy" in answer[:40]
                else:
                    out = 0
            one.close(0)

        threads = []
        for _ in range(12):
            one = self.context.socket(zmq.DEALER)
            one.linger = 0
            one.connect(self.files.queries[0])
            threads.append(threading.Thread(target=flood, args=(one,)))
        for thread in threads:
            thread.start()
        try:
            self.go_on(lambda: refused[0] > 100, "replays are refused")
            began = time.monotonic()
            notifier = self.program("notifier", "n1")
            self.go_on(lambda: any("event=in_step" in line for line in list(notifier.err)), "it has caught up", 20)
            print(f"caught up after {time.monotonic() - began:.1f} s; {answered[0]} replays answered, "
                  f"{refused[0]} refused", flush=True)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertGreaterEqual(numbers()["replays_refused"], 100)
        for program in ("c1", "n1", "t1"):
            self.programs[program].send(15)
            self.assertEqual(self.programs[program].wait(), 0)


del Chaos  # it has no tests of its own


if __name__ == "__main__":
    unittest.main()
