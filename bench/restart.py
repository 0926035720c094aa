#!/usr/bin/python3
"""How long a tracker that is killed is away, and whom that tells offline by mistake: nobody.

A collector and a tracker with its journal; all users beat every few seconds, all the time. The tracker is killed with
SIGKILL and started again at once. Told are the time from the kill until a subscriber hears the new run, how long
the journal took to read, and the offlines that were told until every deadline has passed twice. Ends with 1 if
there was one, or if the tracker was away for longer than 3 s.
script/bench --restart runs it.
"""
import argparse
import multiprocessing
import os
import pathlib
import signal
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("PROGRAMS", str(ROOT / "build/release/bin"))
sys.path[:0] = [str(ROOT / "bench/rivals"), str(ROOT / "tests/process")]
import msgpack  # noqa: E402
import zmq  # noqa: E402
from measure import user, wait_for  # noqa: E402
from pipeline import Installation, Process, binary, presence  # noqa: E402

AIM = 3.0  # seconds
TTL = 20  # seconds
ROUND = 5  # seconds, in which everybody beats once
IDS = 1000  # a message


def beat(endpoint, users):
    """All of them, round after round, spread over its time."""
    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.linger = 0
    socket.connect(endpoint)
    messages = [
        msgpack.packb([user(n).decode() for n in range(first, min(first + IDS, users))]) for first in range(0, users, IDS)
    ]
    due = time.monotonic()
    while True:
        for message in messages:
            time.sleep(max(0, due - time.monotonic()))
            due += ROUND / len(messages)
            socket.send(message)


class Follower:
    """Whose run is heard, and the offlines that were told."""

    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.rcvhwm = 0
        self.socket.reconnect_ivl, self.socket.reconnect_ivl_max = 20, 20
        self.socket.connect(endpoint)
        self.socket.subscribe(b"batch")
        self.socket.subscribe(b"tick")
        self.boot, self.offlines = None, 0

    def hear(self, milliseconds):
        if not self.socket.poll(milliseconds):
            return
        topic, body = self.socket.recv_multipart()
        body = msgpack.unpackb(body)
        self.boot = body[2]
        if topic == b"batch":
            self.offlines += sum(event[1] == "offline" for slot in body[5] for event in slot[3])

    def hear_for(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.hear(int(1000 * left) + 1)


def main():
    parser = argparse.ArgumentParser(
        prog="script/bench --restart", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    with Installation(timeout=f"{TTL}s") as at:
        start = lambda kind, name: Process(
            binary(f"presence-{kind}"), "--config", at.config, "--id", name, cwd=at.directory
        )
        loader = multiprocessing.Process(target=beat, args=(at.heartbeats[0], options.users), daemon=True)
        with start("collector", "c1"):
            tracker = start("tracker", "t1")
            follower = Follower(at.events[0])
            loader.start()
            wait_for(
                lambda: f"online {options.users}\n" in presence("count", "--config", at.config)[1],
                "everybody to be online", 60,
            )
            follower.hear_for(2 * ROUND)
            print("| kill | away, s | journal read, ms | users in it | offlines told |\n|---|---|---|---|---|", flush=True)
            away = []
            for kill in range(1, options.kills + 1):
                before = follower.boot
                killed = time.monotonic()
                tracker.send(signal.SIGKILL)
                tracker.wait()
                tracker = start("tracker", "t1")
                while follower.boot == before:
                    follower.hear(100)
                away.append(time.monotonic() - killed)
                follower.hear_for(2 * TTL)
                online, took = tracker.wait_for("event=journal_read .*online=(\\d+) .*took_ms=(\\d+)", "err").groups()
                print(f"| {kill} | {away[-1]:.2f} | {took} | {int(online):,} | {follower.offlines} |", flush=True)
            print(f"median {statistics.median(away):.2f} s, {min(away):.2f} to {max(away):.2f}")
            loader.terminate()
            tracker.send(signal.SIGTERM)
            tracker.wait()
    if follower.offlines or max(away) > AIM:
        sys.exit(f"restart: {follower.offlines} told offline by mistake, away for {max(away):.2f} s, allowed {AIM:g} s")


if __name__ == "__main__":
    main()
