"""What process tests share: the built programs, and waits on conditions with a deadline."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Not PRESENCE_...: the programs would take it for a setting.
BIN = pathlib.Path(os.environ.get("PROGRAMS", ROOT / "build/dev/bin"))
SLOWNESS = 6 if os.environ.get("SANITIZE") else 1  # nothing is fast under a sanitizer


def patience(seconds=30):
    """How long to wait for what should be there much sooner: a test machine may be busy, and slow."""
    return seconds * SLOWNESS


PATIENCE = patience()


def wait_for(condition, what, seconds=30):
    """Polls until the condition is true and returns its value; fails with `what` otherwise,
    a text or a function that makes it. The seconds are those of a machine that is not slow."""
    deadline = time.monotonic() + patience(seconds)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            told = what() if callable(what) else what
            raise AssertionError(f"waited {patience(seconds):g} s in vain: {told}")
        time.sleep(0.005)


def built_in(sink):
    """Whether the programs have sinks of this type."""
    said = subprocess.run([BIN / "presence-notifier", "--version"], capture_output=True, text=True, check=True)
    return sink in said.stdout.split("sinks: ")[1].replace(",", " ").split()


class Scratch:
    """A directory of its own, gone afterwards."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="presence-test-")
        self.path = pathlib.Path(self._directory.name)

    def __truediv__(self, name):
        return self.path / name

    def write(self, name, text):
        (self / name).write_text(text)
        return self / name

    def close(self):
        self._directory.cleanup()


class Program:
    """A running program of ours; its log is kept in a file."""

    def __init__(self, scratch, name, *arguments, stdout=subprocess.DEVNULL):
        self._log = scratch / f"{name}.log"
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(
                [BIN / name, *map(str, arguments)], stdout=stdout, stderr=log, cwd=scratch.path
            )

    def log(self):
        return self._log.read_text(errors="replace")

    def wait_log(self, text):
        wait_for(lambda: text in self.log(), lambda: f"{text!r} in the log:\n{self.log()}")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)


def json_lines(path, notices=False):
    """The whole lines of a file, decoded, without notices; nothing while there is no file."""
    try:
        text = pathlib.Path(path).read_text()
    except FileNotFoundError:
        return []
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [line for line in lines if notices or "notice" not in line]
