#!/usr/bin/python3
"""What a sink takes: transitions a second, and CPU of the notifier for a million of them. script/bench --sinks

A tracker that a test would use says batches of 1,000, for users who come and go in turn; of what was said at most
60,000 events wait. The place is a real server on this machine, with fsync on.
"""
import argparse
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("PROGRAMS", str(ROOT / "build/release/bin"))
sys.path.insert(0, str(ROOT / "tests/process"))

import fake_tracker
from postgres_server import PostgresServer
from support import Program, Scratch, wait_for

BATCH = 1_000
AHEAD = 60  # batches


class Postgres:
    OPTIONS = {"fsync": "on", "shared_buffers": "256MB", "max_wal_size": "4GB"}

    def __init__(self, scratch, history):
        self.server = PostgresServer(scratch, **self.OPTIONS)
        self.history = history

    def sink(self):
        history = {"history": "presence_history"} if self.history else {}
        return {"name": "now", "type": "postgres", "dsn": self.server.dsn()} | history

    def online(self, user):
        row = self.server.rows("SELECT online FROM presence WHERE user_id = %s", user)
        return bool(row and row[0][0])

    def cpu(self):
        """Of all of the server's processes that are there, seconds."""
        return sum(map(cpu_of, self.server.processes()))


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(history, users, seconds):
    scratch = Scratch()
    place = Postgres(scratch, history)
    tracker = fake_tracker.FakeTracker()
    file = scratch.write("presence.toml", tracker.config(place.sink()))
    notifier = Program(scratch, "presence-notifier", "--config", file)
    try:
        wait_for(tracker.subscribed, "the notifier subscribes")
        notifier.wait_log("event=in_step")
        said = 0

        def say(until):
            """Each batch ends with a user of its own, by whom it is seen to have arrived."""
            nonlocal said
            first = said
            while not until(said - first):
                turn, begin = divmod(said * BATCH, users)
                sign = "+" if turn % 2 == 0 else "-"
                tracker.say(*(f"{sign}user-{n:011}" for n in range(begin, begin + BATCH - 1)), f"+batch-{said}")
                said += 1
                if said > AHEAD:
                    wait_for(lambda: place.online(f"batch-{said - AHEAD}"), "it keeps up", 120)
            wait_for(lambda: place.online(f"batch-{said - 1}"), "all is written", 120)

        say(lambda batches: batches * BATCH >= users)  # the table has all of them
        cpu, server, began, before = cpu_of(notifier.process.pid), place.cpu(), time.monotonic(), said
        say(lambda _: time.monotonic() - began > seconds)
        took, events = time.monotonic() - began, (said - before) * BATCH
        million = events / 1e6
        return events / took, (cpu_of(notifier.process.pid) - cpu) / million, (place.cpu() - server) / million
    finally:
        notifier.kill()
        tracker.close()
        place.server.close()
        scratch.close()


def main():
    parser = argparse.ArgumentParser(prog="script/bench --sinks", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="of load, each")
    parser.add_argument("--users", type=int, default=200_000)
    options = parser.parse_args()
    print("| | transitions/s | CPU s of the notifier per 1M | of the server |")
    print("|---|---|---|---|")
    for name, history in (("postgres", False), ("postgres, with a history", True)):
        rounds = zip(*(run(history, options.users, options.seconds) for _ in range(options.rounds)))
        rate, ours, theirs = ((statistics.median(v), min(v), max(v)) for v in map(list, rounds))
        print("| %s | %s (%s to %s) | %.2f (%.2f to %.2f) | %.2f (%.2f to %.2f) |"
              % (name, *(f"{value:,.0f}" for value in rate), *ours, *theirs))  # fmt: skip


if __name__ == "__main__":
    main()
