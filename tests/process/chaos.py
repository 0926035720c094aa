"""What the tests that break things have in common: a pipeline, a load whose truth is known, a sink that
is read as it grows, and the memory of each process."""

import contextlib
import os
import random
import signal
import time
import unittest

import msgpack
import zmq

from memory import MIB, Memory
from pipeline import Installation, Process, binary
from population import Fault, Gateway, Population
from support import wait_for
from tail import Tail

SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'
SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
# What a fault of a collector, a tracker or a link between may cost beyond its own length, without the
# lift of every deadline (docs/reliability.md): caution after a stall, a frame sent again, the
# notifier's part (a tick, a question asked again).
RECOVERY = 1.0 + 1.0 + 3.0
# What a process may take more than at its start with some hundreds of users, whatever happens.
GROWTH_MAX = 16 * MIB


class Chaos(unittest.TestCase):
    ttl = 2.0
    edge = Gateway  # of which kind

    def start(self, collectors=1, trackers=1, links=(), settings="", notifier=True, sinks=SINK, sticky=False, **load):
        print(f"seed {SEED}", flush=True)
        self.files = self.enterContext(
            Installation(collectors, trackers, f"{self.ttl:g}s", sinks, settings, links)
        )
        self.memory, self.programs = Memory(), {}
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, linger=0)
        self.told = Tail(self.files.directory / "events.jsonl")
        for kind, count in (("tracker", trackers), ("collector", collectors), ("notifier", int(notifier))):
            for number in range(1, count + 1):
                self.program(kind, f"{kind[0]}{number}")
        if notifier:
            self.programs["n1"].wait_for("event=in_step", "err")
        self.load = Population(
            [self.gateway("gw1"), self.gateway("gw2")],
            self.ttl,
            SEED,
            sticky=self.gateway("gw3", self.files.heartbeats[:1]) if sticky else None,
            **load,
        )
        self.faults = self.load.faults
        if notifier:
            self.go_on(self.all_stay, "who stays is told online")
        # What an edge sends tells how long it was on its way only to a collector that knows its quickest.
        for gateway in self.load.gateways * 6:
            gateway.speak([])
        self.go_on_for(0.5)

    def program(self, kind, name, config=None, **how):
        command = (binary(f"presence-{kind}"), "--config", config or self.files.config, "--id", name)
        program = self.enterContext(Process(*command, cwd=self.files.directory, **how))
        self.programs[name] = program
        program.wait_for("event=(started|sink_begins|sink_goes_on)", "err")
        self.memory.watch(name, program.pid)
        return program

    def gateway(self, name, endpoints=None):
        gateway = self.edge(self.context, name, endpoints or self.files.heartbeats)
        self.addCleanup(gateway.close)
        return gateway

    def kill(self, name):
        self.memory.sample()
        self.programs[name].send(signal.SIGKILL)
        self.programs[name].wait()

    def restart(self, name):
        kind = {"c": "collector", "t": "tracker", "n": "notifier"}[name[0]]
        self.program(kind, name)

    def ask(self, number=0, **question):
        """An answer of a tracker. The load goes on meanwhile."""
        query = self.context.socket(zmq.REQ)
        query.linger = 0
        query.connect(self.files.queries[number])
        try:
            query.send(msgpack.packb(question))
            self.go_on(lambda: query.poll(0), "an answer")
            return msgpack.unpackb(query.recv())
        finally:
            query.close()

    def link(self, kind, number=0):
        """To an endpoint: heartbeats, ingest, events, queries."""
        return self.files.links[getattr(self.files, kind)[number]]

    def stories(self):
        return {
            user: [(state, at_ms / 1000, self.told.seen[event_id]) for event_id, state, at_ms in story]
            for user, story in self.told.read().stories.items()
        }

    def all_stay(self):
        """Also: each of them is there once."""
        self.told.read()
        return all(user in self.told.stories for user in self.load.stays)

    def go_on(self, until, what, seconds=30):
        """The load goes on until the condition is true."""
        sampled = 0.0

        def turn():
            nonlocal sampled
            self.load.turn()
            if time.monotonic() > sampled + 0.1:
                sampled = time.monotonic()
                self.memory.sample()
                self.told.read()
            return until()

        return wait_for(turn, what, seconds)

    def go_on_for(self, seconds):
        end = time.monotonic() + seconds
        self.go_on(lambda: time.monotonic() >= end, "time to pass", seconds + 30)

    def fault(self, begin, cost):
        """One that began then and is over now."""
        self.faults.append(Fault(begin, time.monotonic(), cost))

    @contextlib.contextmanager
    def stopped(self, name, cost):
        """SIGSTOP; SIGCONT at the end. Yields when."""
        began = time.monotonic()
        self.programs[name].send(signal.SIGSTOP)
        try:
            yield began
        finally:
            self.programs[name].send(signal.SIGCONT)
        self.fault(began, cost)

    def judge(self, growth_max=GROWTH_MAX, **growth):
        """All guests leave, and are told; who stays does. Then everything ends in order, and what the
        processes took is within its bound."""
        self.load.no_more_guests()
        wrong = lambda stories: next(self.load.wrongs_so_far(stories), None)
        ended = lambda stories: self.load.told(stories) or wrong(stories)
        told = lambda: f"all guests are told; {list(self.load.wrongs(self.stories()))[:5]}"
        self.go_on(lambda: ended(self.stories()), told, 60)
        self.assertIsNone(wrong(self.stories()), f"seed {SEED}")
        stays = len(self.load.stays)
        online = lambda: sum(self.ask(n, op="count")["online"] for n in range(len(self.files.queries)))
        self.go_on(lambda: online() == stays, lambda: f"{stays} online: {online()}")
        for name in sorted(self.programs):  # collectors, the notifier, trackers
            if self.programs[name].running():
                self.programs[name].send(signal.SIGTERM)
                self.assertEqual(self.programs[name].wait(), 0, self.programs[name].err[-5:])
        wrongs = list(self.load.wrongs(self.stories()))
        self.tell(wrongs)
        self.assertEqual(wrongs[:10], [], f"{len(wrongs)} wrongs; seed {SEED}")
        self.assertEqual(self.memory.beyond(growth_max, **growth), {}, "bytes more than at the start")

    def tell(self, wrongs):
        grown = {name: f"{size / MIB:.1f}" for name, size in self.memory.grown().items()}
        guests = self.load.guests.values()
        print(
            f"seed {SEED}: {len(self.load.stays)} stay, {len(guests)} guests, "
            f"{sum(gateway.dropped for gateway in self.load.gateways)} envelopes dropped by edges; "
            f"MiB more than at the start {grown}; longest pause of the load {self.load.pause:.2f} s; "
            f"{len(wrongs)} wrong",
            flush=True,
        )
