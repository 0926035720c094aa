#!/usr/bin/python3
"""The floor of two hops: what the way of heartbeats costs if nobody looks at them.

Messages as `presence bench` sends them go from a PUSH to a PULL, are put together to frames of 64 KiB, and go from a DEALER to
a ROUTER, over tcp on loopback: sockets, kernel and one copy, three processes, and a loop in Python for each message. Prints the CPU seconds of the two receivers per
1M heartbeats, beside `presence bench --saturate` in the same rounds.
script/bench --hops runs it.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import statistics
import subprocess
import sys

import msgpack
import zmq

PRESENCE = pathlib.Path(__file__).resolve().parents[1] / "build/release/bin/presence"
FRAME_BYTES = 60_000
ROW_BYTES = 10  # a row's head in a frame beside its id


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def collector(ids, ports, costs):
    context = zmq.Context()
    pull, dealer = context.socket(zmq.PULL), context.socket(zmq.DEALER)
    ports.put(pull.bind_to_random_port("tcp://127.0.0.1"))
    dealer.connect(f"tcp://127.0.0.1:{ports_of_tracker.get()}")
    rows, size = [], 0
    pad = bytes(ids * ROW_BYTES)
    before = cpu()
    while message := pull.recv():
        rows += (message, pad)
        size += len(message) + len(pad)
        if size >= FRAME_BYTES:
            dealer.send(b"".join(rows))
            rows, size = [], 0
    dealer.send(b"")
    context.destroy(linger=5_000)  # sends what is left
    costs.put(cpu() - before)


def tracker(costs):
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    ports_of_tracker.put(router.bind_to_random_port("tcp://127.0.0.1"))
    before = cpu()
    while len(router.recv_multipart(copy=False)[1]) > 0:
        pass
    costs.put(cpu() - before)


def hops(ids, count):
    """CPU seconds per 1M heartbeats of both."""
    ports, costs = multiprocessing.Queue(), multiprocessing.Queue()
    both = [multiprocessing.Process(target=collector, args=(ids, ports, costs)),
            multiprocessing.Process(target=tracker, args=(costs,))]
    for process in both:
        process.start()
    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.connect(f"tcp://127.0.0.1:{ports.get()}")
    message = msgpack.packb([f"b0000:{n:010}" for n in range(ids)])
    for _ in range(count // ids):
        push.send(message)
    push.send(b"")
    context.destroy(linger=60_000)
    return sum(costs.get(timeout=60) for _ in both) / (count // ids * ids) * 1e6


def pipeline(ids):
    done = subprocess.run([PRESENCE, "bench", "--users", "1000000", "--saturate", "--duration", "5s", "--json",
                           "--ids-per-message", str(ids)], capture_output=True, text=True, check=True)
    return sum(process["cpu_seconds_per_million"] for process in json.loads(done.stdout)["processes"])


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=3)
options = parser.parse_args()
ports_of_tracker = multiprocessing.Queue()
print(f"load average {os.getloadavg()[0]:.1f}")
for ids in (256, 1000):
    floor, ours = [], []
    for _ in range(options.rounds):
        floor.append(hops(ids, 50_000_000))
        ours.append(pipeline(ids))
    print(f"{ids:5} ids a message: the way alone {statistics.median(floor):.3f} ({min(floor):.3f} to {max(floor):.3f}), "
          f"the pipeline {statistics.median(ours):.3f} ({min(ours):.3f} to {max(ours):.3f}) CPU s per 1M heartbeats", flush=True)
sys.exit(0)
