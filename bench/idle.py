#!/usr/bin/python3
"""What a pipeline costs while nothing happens: users online, no heartbeat and no expiry due.

`presence up` with a collector, a tracker and a notifier that writes a file; everybody beats once.
The CPU share of each process, with its threads and how often each woke, is told twice: at once
after all are online, while the tracker still writes the states of its slots (one each 100 ms), and
when that is over. Ends with 1 if a process then takes more than 2 % of a core.
script/bench --idle runs it.
"""
import argparse
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("PROGRAMS", str(ROOT / "build/release/bin"))
sys.path[:0] = [str(ROOT / "bench/rivals"), str(ROOT / "tests/process")]
import msgpack  # noqa: E402
import zmq  # noqa: E402
from measure import user, wait_for  # noqa: E402
from pipeline import Installation, Up, children_of, presence  # noqa: E402

AIM = 2.0  # percent of a core
STATES = 110  # seconds in which all states of slots are written
TTL = 300  # seconds; all is over before


def threads_of(pid):
    """By thread: its name, ns on a CPU, and how often it gave one up to wait."""
    threads = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        threads[task.name] = (status["Name"].strip(), int((task / "schedstat").read_text().split()[0]),
                              int(status["voluntary_ctxt_switches"]))
    return threads


def watch(processes, seconds):
    """By process: percent of a core, and the same of each thread with its wake-ups a second."""
    before = {name: threads_of(pid) for name, pid in processes.items()}
    began = time.monotonic()
    time.sleep(seconds)
    after = {name: threads_of(pid) for name, pid in processes.items()}
    took = time.monotonic() - began
    shares = {}
    for name in processes:
        each = []
        for task, (title, ns, waits) in after[name].items():
            _, ns_before, waits_before = before[name].get(task, (title, 0, 0))
            each.append(((ns - ns_before) / took / 1e7, title, (waits - waits_before) / took))
        each.sort(reverse=True)
        shares[name] = sum(share for share, _, _ in each), each
    return shares


def show(title, shares):
    print(f"\n| {title} | % of a core | by thread, with wake-ups a second |\n|---|---|---|")
    for name, (share, each) in shares.items():
        print(f"| {name} | {share:.2f} | " + ", ".join(
            f"{thread} {part:.2f} ({wakes:.0f})" for part, thread, wakes in each if part >= 0.005) + " |", flush=True)


def arrive(endpoint, users):
    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.linger = 10_000
    socket.connect(endpoint)
    for first in range(0, users, 256):
        socket.send(msgpack.packb([user(n).decode() for n in range(first, min(first + 256, users))]))
    socket.close()
    context.term()


def lines_in(path):
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def main():
    parser = argparse.ArgumentParser(prog="script/bench --idle", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=30, help="of each of the two looks")
    options = parser.parse_args()
    sink = '[[sink]]\ntype = "jsonl"\npath = "events.jsonl"\n'
    with Installation(timeout=f"{TTL}s", sinks=sink) as at, Up(at) as up:
        began = time.monotonic()
        arrive(at.heartbeats[0], options.users)
        wait_for(lambda: f"online {options.users}\n" in presence("count", "--config", at.config)[1],
                 "everybody to be online", 60)
        wait_for(lambda: lines_in(at.directory / "events.jsonl") >= options.users, "the sink to know", 120)
        online = time.monotonic()
        print(f"{options.users:,} users online after {online - began:.1f} s", file=sys.stderr, flush=True)
        names = {"presence up": up.pid}
        for pid in children_of(up.pid):
            names[pathlib.Path(f"/proc/{pid}/exe").resolve().name] = pid
        show("states still written", watch(names, options.seconds))
        time.sleep(max(0, online + STATES - time.monotonic()))
        last = watch(names, options.seconds)
        show("idle", last)
        if time.monotonic() - began > TTL:
            sys.exit(f"idle: took longer than the timeout of {TTL} s; users expired meanwhile")
        if max(share for share, _ in last.values()) > AIM:
            sys.exit(f"idle: above {AIM:g} % of a core")


if __name__ == "__main__":
    main()
