"""A process that may open no more files takes no more connections, says so, goes on with those it has, and
takes new ones as soon as it can."""

import contextlib
import os
import pathlib
import resource
import signal
import socket
import time
import unittest

from chaos import RECOVERY, SINK, Chaos
from pipeline import alive
from tail import Tail

COPY = '[[sink]]\nname = "copy"\ntype = "exec"\ncommand = ["/bin/sh", "-c", "exec cat >> copy.jsonl"]\n'
SPARE = 20  # files that a process may open beyond those it has


def open_files(pid):
    return {int(file.name) for file in pathlib.Path(f"/proc/{pid}/fd").iterdir()}


def first_spare(pid):
    """The first file that is free, or may become so: a connection, or a pipe to a child. Those below stay for good."""
    lasting = set()
    log = os.readlink(f"/proc/{pid}/fd/2")  # which the log opened anew
    for file in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            link = os.readlink(file)
            if int(file.name) < 3 or link == log or not link.startswith(("socket:", "pipe:")):
                lasting.add(int(file.name))
    return min(set(range(1_000)) - lasting)


class Files(Chaos):
    def limit(self, name, count):
        """The soft limit, as the hard one cannot be raised again."""
        pid = self.programs[name].pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, hard))

    @contextlib.contextmanager
    def used_up(self, name, endpoint):
        """By connections to that endpoint, of which most are still to be taken."""
        self.limit(name, len(open_files(self.programs[name].pid)) + SPARE)
        host, port = endpoint.removeprefix("tcp://").split(":")
        with contextlib.ExitStack() as connections:
            for _ in range(5 * SPARE):
                connections.enter_context(socket.create_connection((host, int(port))))
            self.says(name, "files_used_up max=")
            yield
        self.says(name, "files_free")

    def says(self, name, event):
        told = lambda: [line for line in list(self.programs[name].err) if f"event={event}" in line]
        self.go_on(told, lambda: f"{name} says {event}: {self.programs[name].err[-5:]}")
        return told()

    def test_a_collector_without_files(self):
        self.start(1)
        with self.used_up("c1", self.files.heartbeats[0]):
            gateway = self.gateway("late")
            self.load.others.add("late")
            self.go_on_for(1.5 * self.ttl)
            self.assertFalse("late" in self.told.read().stories)
        came = lambda: gateway.speak(["late"]) and "late" in self.told.read().stories
        self.go_on(came, "an edge that came meanwhile is heard")
        self.go_on(lambda: len(self.told.read().stories["late"]) == 2, "and its user leaves")
        self.assertEqual(len(self.says("c1", "files_used_up")), 1)
        self.judge()

    def test_a_tracker_without_files(self):
        self.start(2)
        with self.used_up("t1", self.files.events[0]):
            self.go_on_for(0.5 * self.ttl)
        began = time.monotonic()
        with self.used_up("t1", self.files.ingest[0]):
            # One that comes anew is not taken meanwhile, and keeps of each session the newest only.
            self.kill("c1")
            self.restart("c1")
            self.go_on_for(self.ttl)
        self.load.losses.append((began - 0.5, time.monotonic() + 0.5))
        self.fault(began, RECOVERY + 2 * self.ttl)
        self.judge()

    def test_a_notifier_without_files(self):
        """It cannot start the program of its exec sink, nor go back to a tracker that was away."""
        self.start(1, sinks=SINK + COPY)
        notifier = self.programs["n1"]
        child = int(notifier.wait_for("event=child_started sink=copy pid=([0-9]+)", "err")[1])
        began = time.monotonic()
        few = first_spare(notifier.pid)
        self.assertGreater(few, 6)  # what poll(2) is given may not be more
        self.limit("n1", few)
        self.says("n1", f"files_used_up max={few}")
        self.kill("t1")
        os.kill(child, signal.SIGKILL)
        self.restart("t1")
        self.go_on_for(self.ttl)
        self.says("n1", "sink_failed sink=copy")
        self.assertFalse(alive(child))
        self.limit("n1", 1_000)
        self.says("n1", "files_free")
        # It connects again after a second at most, the sink is tried again after ten.
        self.fault(began, RECOVERY + self.ttl)
        self.judge()
        copy = Tail(self.files.directory / "copy.jsonl")  # may be told again what it took
        self.assertEqual(copy.read().states(), self.told.states())


if __name__ == "__main__":
    unittest.main()
