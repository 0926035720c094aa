"""Trackers and collectors are killed again and again under load. The truth is the load's schedule:
nobody who keeps beating is told offline, every long silence is, and each user's story alternates."""

import os
import random
import signal
import time
import unittest

import msgpack
import zmq

from pipeline import Installation, Up
from support import json_lines, wait_for

SECONDS = float(os.environ.get("KILLS_SECONDS", "40"))
SEED = int(os.environ.get("KILLS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
USERS = 400
TTL = 2.0
BEAT = 0.4
# A silence with so long a time without a kill in it is surely told: each kill holds everyone until
# the process is back (after up to 5 s, if it was killed often) and ttl from there.
SURELY = 10.0
KILL_EVERY = (2.0, 4.0)
KILLS_END = SECONDS - 15
SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'


class Schedule:
    """When a user beats: segments in seconds from the start, with silences of all lengths between."""

    def __init__(self, draw):
        self.segments = []
        at = draw.uniform(0, 3)
        while at < SECONDS:
            end = min(at + draw.uniform(1, 12), SECONDS)
            self.segments.append((at, end))
            at = end + draw.choice((draw.uniform(0.5, SURELY), draw.uniform(SURELY, SURELY + 4)))
        self.sent = []  # when each heartbeat went out

    def beats_at(self, now):
        if not any(begin <= now < end for begin, end in self.segments):
            return False
        return not self.sent or now - self.sent[-1] >= BEAT

    def silences(self):
        """Of the heartbeats as they were sent: (last before, first after)."""
        return [(a, b) for a, b in zip(self.sent, self.sent[1:] + [float("inf")]) if b - a > TTL]


class KillsTest(unittest.TestCase):
    def setUp(self):
        self.draw = random.Random(SEED)
        self.files = self.enterContext(Installation(2, 2, f"{TTL:g}s", SINK))
        path = self.files.directory / "events.jsonl"
        self.files.config.write_text(
            self.files.config.read_text().replace('"events.jsonl"', f'"{path}"')
        )
        self.up = self.enterContext(Up(self.files))
        context = self.enterContext(zmq.Context())
        self.edges = [self.edge(context, endpoint) for endpoint in self.files.heartbeats]
        self.users = {f"user{n}": Schedule(self.draw) for n in range(USERS)}

    def edge(self, context, endpoint):
        """As docs/protocol.md has it: what cannot be sent now is dropped, and told by the next beat."""
        edge = context.socket(zmq.PUSH)
        edge.linger = 0
        edge.immediate = 1
        edge.reconnect_ivl = 50
        edge.connect(endpoint)
        self.addCleanup(edge.close)
        return edge

    def events(self):
        return json_lines(self.files.directory / "events.jsonl")

    def beat(self, now):
        due = [user for user, schedule in self.users.items() if schedule.beats_at(now)]
        for number, edge in enumerate(self.edges):
            mine = [user for user in due if hash_of(user) % len(self.edges) == number]
            if not mine:
                continue
            try:
                edge.send(msgpack.packb(mine), zmq.DONTWAIT)
            except zmq.Again:
                continue
            for user in mine:
                self.users[user].sent.append(now)

    def kill_one(self):
        kind, name = self.draw.choice((("tracker", "t1"), ("tracker", "t2"), ("collector", "c1")))
        pid = self.up.child(kind, name)
        if pid:
            os.kill(pid, signal.SIGKILL)
        return kind if pid else None

    def run_load(self):
        began = time.monotonic()
        kills = []
        next_kill = 3.0
        while (now := time.monotonic() - began) < SECONDS:
            self.beat(now)
            if next_kill <= now < KILLS_END:
                kills.append((now, self.kill_one()))
                next_kill = now + self.draw.uniform(*KILL_EVERY)
            time.sleep(0.02)  # the pace of the load
        self.began_wall = time.time() - (time.monotonic() - began)
        return kills

    def test_nobody_is_wrongly_offline_and_nothing_is_lost(self):
        self.kills = kills = self.run_load()
        told = lambda: {event["user"]: event["state"] for event in self.events()}
        beaten = [user for user, schedule in self.users.items() if schedule.sent]
        wait_for(
            lambda: all(told().get(user) == "offline" for user in beaten),
            lambda: f"seed {SEED}: all are offline; {[u for u in beaten if told().get(u) != 'offline'][:5]}",
            60,
        )
        events = {event["id"]: event for event in self.events()}
        by_user = {}
        for event in sorted(events.values(), key=lambda e: (e["epoch"], e["seq"])):
            by_user.setdefault(event["user"], []).append(event)
        for user in beaten:
            with self.subTest(user=user, seed=SEED):
                self.judge(self.users[user], by_user[user])
        print(f"seed {SEED}: {len(kills)} kills, {len(events)} events of {len(beaten)} users")

    def judge(self, schedule, events):
        states = [event["state"] for event in events]
        self.assertEqual(states, ["online", "offline"] * (len(states) // 2))
        silences = schedule.silences()
        offlines = [e["at_ms"] / 1000 - self.began_wall for e in events if e["state"] == "offline"]
        for at in offlines:
            fitting = [
                (last, first)
                for last, first in silences
                if last + TTL - self.lost_around(last) <= at <= first + self.lost_around(first)
            ]
            self.assertTrue(fitting, f"told offline at {at:.3f}, silent in {silences}")
        for last, first in silences:
            if self.longest_peace(last, min(first, SECONDS)) < SURELY:
                continue
            self.assertTrue(
                [at for at in offlines if last < at <= first], f"silent from {last:.3f} to {first:.3f}"
            )

    def longest_peace(self, begin, end):
        """The longest time without a kill."""
        times = [begin] + [at for at, _ in self.kills if begin < at < end] + [end]
        return max(b - a for a, b in zip(times, times[1:]))

    def lost_around(self, time_of_beat):
        """How much of a user's heartbeats a dying collector may have taken with it, in seconds; and
        what reading and whole milliseconds differ by."""
        killed = [at for at, kind in self.kills if kind == "collector" and abs(at - time_of_beat) < 1]
        return 0.1 + (1.5 if killed else 0)


def hash_of(user):
    return int(user.removeprefix("user"))


if __name__ == "__main__":
    unittest.main()
