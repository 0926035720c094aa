"""The load of kills_test.py: who beats when is drawn from a seed, so that the test and the process
that sends know the same. As a program it sends, and writes when each tick went out."""

import json
import random
import sys
import time

import msgpack
import zmq

TICK = 0.05  # seconds
# Between two heartbeats of a user: with a ttl of 2 s, who loses one must be held by the tracker.
BEAT_TICKS = 20


class Schedule:
    """When a user beats, in ticks from the start: spells, first and last beat, with silences between
    that a ttl of 2 s surely survives, or surely does not. Only what lies before `end_tick` is beaten.
    """

    def __init__(self, seed, number, end_tick):
        draw = random.Random(f"{seed} {number}")
        ticks = lambda low, high: round(draw.uniform(low, high) / TICK)
        self.spells = []
        at = ticks(0, 6)
        while at < end_tick:
            last = min(at + BEAT_TICKS * draw.randrange(1, 10), end_tick - 1)
            last -= (last - at) % BEAT_TICKS
            self.spells.append((at, last))
            at = last + draw.choice((ticks(0.6, 1.2), ticks(2.5, 6), ticks(9, 15), ticks(9, 15)))

    def ticks(self):
        return [tick for first, last in self.spells for tick in range(first, last + 1, BEAT_TICKS)]


def user_id(number):
    return f"user{number}"


class Load:
    """Which users beat at each tick, one tick after the other."""

    def __init__(self, seed, users, end_tick):
        self._begins = [[] for _ in range(end_tick)]
        for number in range(users):
            for first, last in Schedule(seed, number, end_tick).spells:
                self._begins[first].append((number, last))
        self._by_phase = [[] for _ in range(BEAT_TICKS)]

    def due(self, tick):
        phase = tick % BEAT_TICKS
        going_on = [(number, last) for number, last in self._by_phase[phase] if tick <= last]
        self._by_phase[phase] = going_on + self._begins[tick]
        return [number for number, _ in self._by_phase[phase]]


def array_of(packed):
    return msgpack.Packer().pack_array_header(len(packed)) + b"".join(packed)


def edge(context, endpoints):
    """As docs/protocol.md has it: one PUSH to all; what cannot be sent now is dropped, and told by
    the next beat."""
    push = context.socket(zmq.PUSH)
    push.linger, push.immediate, push.sndhwm, push.reconnect_ivl = 0, 1, 100, 50
    for endpoint in endpoints:
        push.connect(endpoint)
    return push


def main(seed, users, seconds, endpoints):
    end_tick = round(seconds / TICK)
    load = Load(seed, users, end_tick)
    packed = [msgpack.packb(user_id(number)) for number in range(users)]
    context = zmq.Context()
    edges = [edge(context, endpoints) for _ in range(2)]
    began = time.monotonic() + 0.5  # until then the edges connect
    dropped = 0
    sent_at = []
    for tick in range(end_tick):
        time.sleep(max(0.0, began + tick * TICK - time.monotonic()))  # the pace of the load
        due = load.due(tick)
        sent_at.append(time.monotonic())
        for half, push in enumerate(edges):
            message = array_of([packed[number] for number in due if number % 2 == half])
            try:
                push.send(message, zmq.DONTWAIT)
            except zmq.Again:
                dropped += 1
    context.destroy(linger=200)
    print(json.dumps({"sent_at": sent_at, "dropped": dropped}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
