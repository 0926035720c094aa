"""The disk of a tracker or of a notifier is full, or may not be written, while it runs under load. It
says so, tells nothing that it could not keep, takes no more memory than it may, and goes on by itself
when there is room again: each transition is told in the end."""

import contextlib
import os
import pathlib
import re
import resource
import signal
import subprocess
import time
import unittest

import msgpack
import zmq

import journals
from comers import Comers
from pipeline import Installation, Process, binary, presence
from support import wait_for
from tail import Tail

SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'
# A sanitizer's shadow is not ours to bound.
RSS_MAX = (4000 if os.environ.get("SANITIZE") else 400) << 20


@contextlib.contextmanager
def tmpfs(directory, size):
    """A small file system at a directory, which is made."""
    directory.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "presence-test", directory],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise unittest.SkipTest(f"no tmpfs may be mounted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


def fill(directory):
    """Takes all the room there is."""
    with open(directory / "filler", "wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)


def set_immutable(path, yes):
    return subprocess.run(["chattr", "+i" if yes else "-i", path], capture_output=True, check=False)


def immutable_bites(directory):
    """Whether a file that is open and made immutable is no longer written."""
    probe = directory / "probe"
    with open(probe, "wb", buffering=0) as file:
        if set_immutable(probe, True).returncode != 0:
            return False
        try:
            file.write(b"x")
            return False
        except OSError:
            return True
        finally:
            set_immutable(probe, False)


def limit_files(pid, size):
    """No file of the process may grow beyond, as `ulimit -f` and LimitFSIZE= have it."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def rss(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) << 10


class Disk(unittest.TestCase):
    def start(self, small, size="256m"):
        """`small`: the directory that is on a small file system, or None."""
        self.files = self.enterContext(Installation(timeout="2s", sinks=SINK))
        if small:
            self.small = self.files.directory / small
            self.enterContext(tmpfs(self.small, size))
        self.programs = {kind: self.program(kind) for kind in ("tracker", "collector", "notifier")}
        self.programs["notifier"].wait_for("event=in_step", "err")
        context = self.enterContext(zmq.Context())
        self.edge = self.socket(context, zmq.PUSH, self.files.heartbeats[0])
        self.query = self.socket(context, zmq.REQ, self.files.queries[0])
        self.query.rcvtimeo = 10_000
        self.batches = self.socket(context, zmq.SUB, self.files.events[0])
        self.batches.rcvhwm = 0
        self.batches.subscribe(b"batch")
        self.published = []  # numbers
        self.load = Comers(self.edge)
        self.told = Tail(self.files.directory / "events.jsonl")
        self.keep_loading(lambda: len(self.told.read().ids) > 100, "a first hundred events")

    def socket(self, context, kind, endpoint):
        socket = context.socket(kind)
        socket.linger = 0
        socket.connect(endpoint)
        self.addCleanup(socket.close)
        return socket

    def program(self, kind):
        command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", f"{kind[0]}1")
        return self.enterContext(Process(*command, cwd=self.files.directory))

    def ask(self, op):
        self.query.send(msgpack.packb({"op": op}))
        return msgpack.unpackb(self.query.recv())

    def freshness(self):
        return self.ask("count")["freshness"]

    def listen(self):
        while self.batches.poll(0):
            self.published.append(msgpack.unpackb(self.batches.recv_multipart()[1])[3])
        return len(self.published)

    def keep_loading(self, until, what, seconds=30):
        def turn():
            self.load.turn()
            self.listen()
            return until()

        return wait_for(turn, what, seconds)

    def load_for(self, seconds):
        end = time.monotonic() + seconds
        self.keep_loading(lambda: time.monotonic() > end, "time to pass", seconds + 30)

    def says(self, kind, pattern):
        self.keep_loading(
            lambda: any(re.search(pattern, line) for line in list(self.programs[kind].err)),
            lambda: f"{kind} says {pattern}: {self.programs[kind].err[-3:]}",
        )

    def judge(self):
        """All that came and went is told once and in order, as the journal has it."""
        self.load.held = True
        self.load.say_bye()
        wrongs = lambda: self.load.wrongs(self.told.read().states())
        self.keep_loading(lambda: not wrongs(), lambda: wrongs()[:5])
        self.load.stays = []
        for kind in ("collector", "tracker", "notifier"):
            self.programs[kind].send(signal.SIGTERM)
            self.assertEqual(self.programs[kind].wait(), 0)
        self.assertEqual(self.told.read().odd, [])
        in_journal = {}
        for event_id, user, *event in journals.events(self.files.directory / "t1"):
            in_journal.setdefault(user, []).append((event_id, *event))
        self.assertEqual(self.told.stories, in_journal)


class Tracker(Disk):
    def cannot_write(self, why):
        """It says so again and again, publishes nothing, and answers are stale; status names the file
        and the error at once."""
        self.says("tracker", "event=journal_failing")
        failing = [line for line in self.programs["tracker"].err if "event=journal_failing" in line]
        self.assertEqual(len(failing), 1, failing)
        self.assertIn(why, failing[0])
        self.keep_loading(lambda: self.freshness() == "stale", "answers are stale")
        self.assertEqual(self.ask("count")["stale_by"], ["disk"])
        journal = self.files.directory / "t1" / "journal.sqlite"
        (hold,) = [hold for hold in self.ask("status")["holds"] if hold["what"] == "disk"]
        self.assertEqual(hold["why"], "failing")
        self.assertIn(f"{journal}: {why}" if why.startswith("disk") else why, hold["error"])
        code, out, _ = presence("status", "--config", self.files.config)
        self.assertEqual(code, 1)
        self.assertIn(f"held by disk  {hold['error']}", out)
        self.assertIn("is stale: its disk cannot be written", out.splitlines()[-1])
        self.says("tracker", "stale_by=disk")
        self.listen()
        before = len(self.published)
        self.load_for(2)
        self.assertEqual(len(self.published), before)

    def goes_on(self):
        self.says("tracker", "event=journal_recovered")
        self.keep_loading(lambda: self.freshness() == "live", "answers are live")
        self.load_for(0.5)
        first = self.published[0]
        self.assertEqual(self.published, list(range(first, first + len(self.published))))
        self.judge()

    def test_a_full_disk(self):
        self.start("t1")
        fill(self.small)
        self.cannot_write("disk full (No space left on device)")
        (self.small / "filler").unlink()
        self.goes_on()

    def test_a_file_as_large_as_it_may_be(self):
        self.start(None)
        limit_files(self.programs["tracker"].pid, 4096)
        self.cannot_write("disk full (File too large)")
        self.says("tracker", r"event=journal_failing .* for_ms=1\d{4}$")  # again, 10 s later
        limit_files(self.programs["tracker"].pid, resource.RLIM_INFINITY)
        self.goes_on()

    def test_killed_while_the_disk_is_full(self):
        self.start("t1")
        fill(self.small)
        self.cannot_write("disk full (No space left on device)")
        self.load.held = True
        self.programs["tracker"].send(signal.SIGKILL)
        self.programs["tracker"].wait()
        (self.small / "filler").unlink()
        self.programs["tracker"] = self.program("tracker")
        self.programs["tracker"].wait_for("event=started", "err")
        self.load.held = False
        self.keep_loading(lambda: self.freshness() == "live", "answers are live")
        self.judge()

    def test_a_directory_that_may_not_be_written(self):
        self.start(None)
        directory = self.files.directory / "t1"
        if not immutable_bites(directory):
            self.skipTest("no file can be made immutable here")
        files = [path for path in directory.iterdir()]
        self.addCleanup(lambda: [set_immutable(path, False) for path in files])
        for path in files:
            self.assertEqual(set_immutable(path, True).returncode, 0)
        self.cannot_write("(Operation not permitted)")
        for path in files:
            self.assertEqual(set_immutable(path, False).returncode, 0)
        self.goes_on()

    def test_a_flood_while_the_disk_is_full(self):
        """Collectors keep what is not acknowledged, the newest of each session once that is much: what
        waits and all memory stay bounded, heartbeats are taken in, and everyone is told in the end."""
        # Room for all that is still kept and under way when the disk has recovered: some 5 million
        # transitions of 60 bytes. With less it is soon full again, and for good.
        self.start("t1", "640m")
        fill(self.small)
        self.says("tracker", "event=journal_failing")
        crowds = [[f"crowd{n}-{m}" for m in range(1000)] for n in range(20)]
        come = [msgpack.packb(crowd) for crowd in crowds]
        go = [msgpack.packb([{"user": user, "bye": True} for user in crowd]) for crowd in crowds]
        self.load.held = True
        largest = {"tracker": 0, "collector": 0}
        waiting = [(time.monotonic(), 0)]  # when it grew to what
        sent = 0
        while time.monotonic() < waiting[-1][0] + 8:
            for message in come + go:
                self.edge.send(message)
            sent += 2 * len(crowds) * len(crowds[0])
            self.load.turn()
            for kind in largest:
                largest[kind] = max(largest[kind], rss(self.programs[kind].pid))
            now_waiting = self.numbers()["journal_waiting_bytes"]
            self.assertLess(now_waiting, 70 << 20)
            if now_waiting > waiting[-1][1]:
                waiting.append((time.monotonic(), now_waiting))
        print(
            f"{sent} heartbeats and byes: {waiting[-1][1] >> 20} MiB wait, RSS "
            + ", ".join(f"{kind} {size >> 20} MiB" for kind, size in largest.items()),
            flush=True,
        )
        self.assertGreater(waiting[-1][1], 1 << 20)
        for kind in largest:
            self.assertLess(largest[kind], RSS_MAX)
        (self.small / "filler").unlink()
        self.says("tracker", "event=journal_recovered")
        everyone = {user for crowd in crowds for user in crowd}
        beaten = [0.0]

        def wrong():
            if time.monotonic() - beaten[-1] > 0.5:
                beaten.append(time.monotonic())
                for message in come:
                    self.edge.send(message)
            self.load.turn()
            states = self.told.read().states()
            return [user for user in everyone if states.get(user, [None])[-1] != "online"]

        wait_for(lambda: not wrong(), lambda: wrong()[:5], 180)
        for user, states in self.told.read().states().items():
            self.assertEqual(states, (["online", "offline"] * len(states))[: len(states)], user)

    def numbers(self):
        return self.ask("status")["numbers"]


class Notifier(Disk):
    def test_a_full_disk(self):
        self.start("n1")
        fill(self.small)
        self.cannot_write("disk full (No space left on device)")
        (self.small / "filler").unlink()
        self.goes_on()

    def test_files_as_large_as_they_may_be(self):
        """What it keeps, and the file of a sink."""
        self.start(None)
        limit_files(self.programs["notifier"].pid, 4096)
        self.cannot_write("File too large")
        limit_files(self.programs["notifier"].pid, resource.RLIM_INFINITY)
        self.goes_on()

    def cannot_write(self, why):
        self.says("notifier", "event=sink_failed")
        failed = [line for line in self.programs["notifier"].err if "event=sink_failed" in line]
        self.assertIn(why, failed[0])
        self.load_for(1)
        before = len(self.told.read().ids)
        self.load_for(2)
        self.assertEqual(len(self.told.read().ids), before)
        self.assertLess(rss(self.programs["notifier"].pid), RSS_MAX)

    def goes_on(self):
        self.says("notifier", "event=sink_recovered")
        self.judge()

    def test_killed_while_the_disk_is_full(self):
        self.start("n1")
        fill(self.small)
        self.says("notifier", "event=sink_failed")
        self.programs["notifier"].send(signal.SIGKILL)
        self.programs["notifier"].wait()
        (self.small / "filler").unlink()
        self.programs["notifier"] = self.program("notifier")
        self.load_for(1)
        self.judge()


del Disk  # it has no tests of its own


if __name__ == "__main__":
    unittest.main()
