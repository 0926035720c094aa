#!/usr/bin/python3
"""Many followers of all batches: what each costs the tracker, and that none misses one.

A collector and a tracker; `presence bench` lets users leave and return, at the given transitions a
second. Each follower is a SUB socket of its own, a few of them in a process; each checks that
batches follow one another without a hole up to the last one that a tick tells, and that it got the
same bytes as its neighbours. Runs without followers first, for comparison; ends with 1 if a batch
was lost or a transition wrong.
script/bench --fanout runs it.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("PROGRAMS", str(ROOT / "build/release/bin"))
sys.path.insert(0, str(ROOT / "tests/process"))
import msgpack  # noqa: E402
import zmq  # noqa: E402
from pipeline import Installation, Process, binary  # noqa: E402

PATIENCE = 30  # seconds
KNOWN = 256  # batches


class Follower:
    """One SUB socket: what it has heard so far."""

    def __init__(self, context, endpoint):
        self.socket = context.socket(zmq.SUB)
        self.socket.rcvhwm = 0  # as docs/protocol.md asks of followers
        self.socket.connect(endpoint)
        for topic in (b"batch", b"tick"):
            self.socket.subscribe(topic)
        self.batch = self.told = None  # the last one got, and the last one that a tick told
        self.batches = self.events = self.holes = self.bytes = 0

    def hear(self, known):
        """All that has come. `known`: bytes and number of events of the batches its neighbours got last."""
        while True:
            try:
                topic, body = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if topic == b"tick":
                self.told = msgpack.unpackb(body)[3]
                self.batch = self.told if self.batch is None else self.batch
            elif self.batch is not None:
                self.take(body, known)

    def take(self, body, known):
        number = self.batch + 1
        same, events = known.get(number, (None, 0))
        if same != body:  # decoding each for each would be another load
            _, _, _, number, _, slots = msgpack.unpackb(body)
            events = sum(len(slot[3]) for slot in slots)
            known[number] = body, events
            known.pop(number - KNOWN, None)
        self.holes += number != self.batch + 1
        self.batch = number
        self.batches += 1
        self.events += events
        self.bytes += len(body)

    def in_step(self, expected):
        """Has got all of the load, and the last batch that a tick told."""
        return self.events >= expected and self.told == self.batch


def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def follow(endpoint, count, pipe):
    """A process of followers: says when each has heard a tick; told how many events there were, it ends
    when all are in step."""
    context = zmq.Context()
    followers = [Follower(context, endpoint) for _ in range(count)]
    poller, known, ready, expected, deadline, before = zmq.Poller(), {}, False, None, None, 0
    by_socket = {f.socket: f for f in followers}
    for each in by_socket:
        poller.register(each, zmq.POLLIN)
    poller.register(pipe.fileno(), zmq.POLLIN)
    while deadline is None or time.monotonic() < deadline:
        for socket, _ in poller.poll(1_000):
            if socket in by_socket:
                by_socket[socket].hear(known)
            else:
                expected, deadline = pipe.recv(), time.monotonic() + PATIENCE
        if not ready and all(f.told is not None for f in followers):
            ready, before = True, cpu()
            pipe.send(None)
        if deadline and all(f.in_step(expected) for f in followers):
            break
    pipe.send({"cpu": cpu() - before, "followers": [
        {"batches": f.batches, "events": f.events, "bytes": f.bytes, "lost": f.holes + (f.batch != f.told)}
        for f in followers]})


class Followers:
    def __init__(self, endpoint, count, processes):
        start = multiprocessing.get_context("spawn")
        self.pipes, self.processes = [], []
        for n in range(min(processes, count)):
            ours, theirs = start.Pipe()
            share = count // processes + (n < count % processes)
            self.processes.append(start.Process(target=follow, args=(endpoint, share, theirs), daemon=True))
            self.processes[-1].start()
            self.pipes.append(ours)

    def answers(self):
        for pipe in self.pipes:
            if not pipe.poll(2 * PATIENCE):
                sys.exit("fanout: followers do not answer")
        return [pipe.recv() for pipe in self.pipes]

    def end(self, events):
        for pipe in self.pipes:
            pipe.send(events)
        told = self.answers()
        for process in self.processes:
            process.join()
        return told


def load(at, names, options):
    pids = ",".join(f"{name}={process.pid}" for name, process in names.items())
    command = [binary("presence"), "bench", "--json", "--config", at.config, "--pids", pids, "--users", options.users,
               "--interval", "60s", "--churn", options.transitions // 2, "--bye", "--duration", f"{options.seconds}s"]
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"fanout: presence bench: exit code {done.returncode}")
    return json.loads(done.stdout)


def run(count, options):
    with Installation(timeout="180s") as at, \
            Process(binary("presence-tracker"), "--id", "t1", "--config", at.config) as tracker, \
            Process(binary("presence-collector"), "--id", "c1", "--config", at.config) as collector:
        followers = Followers(at.events[0], count, options.processes)
        followers.answers()  # each has heard the tracker
        result = load(at, {"tracker": tracker, "collector": collector}, options)
        return result, followers.end(result["transitions"])


def line(count, result, told):
    transitions = result["transitions_in_load"]
    share = {p["name"]: p["cpu_seconds_per_million_transitions"] * transitions / 1e4 / result["seconds"]
             for p in result["processes"]}
    each = [f for process in told for f in process["followers"]]
    events = sum(f["events"] for f in each)
    lost = sum(f["lost"] for f in each) + result["batches_lost"]
    late = result["lateness_ms"]
    own = sum(p["cpu"] for p in told) / events * 1e6 if events else None
    cells = [f"{count}", f"{transitions / result['seconds']:,.0f}", f"{share['tracker']:.1f}",
             "" if own is None else f"{own:.2f}", f"{sum(f['batches'] for f in each):,}", f"{events:,}",
             f"{sum(f['bytes'] for f in each) / 1e6:,.0f}", f"{lost}", f"{late['p50']:.0f} / {late['p99']:.0f}"]
    print("| " + " | ".join(cells) + " |", flush=True)
    whole = all(f["events"] == result["transitions"] for f in each)
    if not whole:
        print(f"fanout: {result['transitions']} transitions, but followers got "
              f"{sorted({f['events'] for f in each})}", file=sys.stderr)
    if not result["good"]:
        print(f"fanout: WRONG: {result}", file=sys.stderr)
    return lost == 0 and whole and result["good"]


def main():
    parser = argparse.ArgumentParser(prog="script/bench --fanout", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--followers", type=int, nargs="+", default=[0, 10, 100])
    parser.add_argument("--processes", type=int, default=4, help="that share the followers")
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--transitions", type=int, default=20_000, help="a second")
    parser.add_argument("--seconds", type=int, default=15, help="of load, each")
    options = parser.parse_args()
    print("| followers | transitions/s | tracker, % of a core | a follower: CPU s per 1M events | batches got | "
          "events got | MB got | batches lost | offline late, p50 / p99 ms |")
    print("|---" * 9 + "|")
    good = [line(count, *run(count, options)) for count in options.followers]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
