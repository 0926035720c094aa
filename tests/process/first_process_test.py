"""Programs of ours as the first process of a container: they reap strangers, hear signals, and end with their code."""

import os
import pathlib
import signal
import subprocess
import sys
import unittest

import fake_tracker
from pipeline import Installation, Process, binary, children_of, command_of
from support import Scratch, json_lines, wait_for

# Ends with it, so that nothing stays behind.
CONTAINER = ("unshare", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")

# Leaves a grandchild behind for each line, and ends with 7 at the line of `last`.
LITTERER = """
import json, os, sys
for line in sys.stdin:
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
    if json.loads(line)["user"] == "last":
        os._exit(7)
    print("handled", flush=True)
"""


def why_not():
    """Why there can be no such container here, or None."""
    try:
        tried = subprocess.run([*CONTAINER, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    return tried.stderr.strip() if tried.returncode else None


def below(pid):
    """Pids of all that descend from a process."""
    children = children_of(pid)
    return children + [further for child in children for further in below(child)]


def is_zombie(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@unittest.skipIf(why_not(), f"no container: {why_not()}")
class FirstProcessTest(unittest.TestCase):
    def start(self, *command, cwd=None):
        """The program within a container; sets `first`, the pid of the first process there."""
        container = self.enterContext(Process(*CONTAINER, *command, cwd=cwd))
        self.container = container
        [self.first] = wait_for(lambda: children_of(container.pid), "the first process")
        return container

    def end(self, number=signal.SIGTERM):
        os.kill(self.first, number)
        return self.container.wait()

    def leave_strangers(self, count):
        """Whose parent ends before them: the first process inherits them."""
        script = f"for i in $(seq {count}); do (sleep 0.01 &) ; done"
        enter = ["nsenter", "--user", "--preserve-credentials", "--pid", "--target", str(self.first)]
        subprocess.run([*enter, "sh", "-c", script], check=True, stdout=subprocess.DEVNULL)

    def wait_reaped(self):
        def left():
            return [pid for pid in below(self.first) if is_zombie(pid) or command_of(pid)[:1] == ["sleep"]]

        wait_for(lambda: not left(), lambda: f"{len(left())} are left")

    def test_each_program_reaps_strangers_and_ends_in_order(self):
        files = self.enterContext(Installation(sinks=""))
        for kind in ("tracker", "collector", "notifier"):
            with self.subTest(kind):
                container = self.start(binary(f"presence-{kind}"), "--config", files.config, cwd=files.directory)
                container.wait_for("event=(notifier_)?started", "err")
                self.leave_strangers(20)
                self.wait_reaped()
                os.kill(self.first, signal.SIGHUP)
                told = {"tracker": "reloaded", "collector": "reloaded", "notifier": "reloaded"}[kind]
                container.wait_for(f"event={told}", "err")
                self.assertEqual(self.end(), 0)

    def test_a_whole_pipeline_reaps_strangers_and_ends_in_order(self):
        files = self.enterContext(Installation())
        container = self.start(binary("presence"), "up", "--config", files.config, cwd=files.directory)
        container.wait_for("process=up event=ready", "err")
        self.leave_strangers(20)
        self.wait_reaped()
        self.assertEqual(self.end(signal.SIGINT), 0)

    def test_the_end_of_a_program_is_the_end_of_its_container(self):
        files = self.enterContext(Installation(sinks=""))
        container = self.start(binary("presence-tracker"), "--config", files.config, cwd=files.directory)
        container.wait_for("event=started", "err")
        [program] = children_of(self.first)
        os.kill(program, signal.SIGKILL)
        self.assertEqual(container.wait(), 128 + signal.SIGKILL)
        code = self.start(binary("presence-tracker"), "--nonsense").wait()
        self.assertEqual(code, 64)

    def test_what_an_exec_sink_leaves_behind_is_reaped_and_how_it_ended_is_known(self):
        scratch = Scratch()
        self.addCleanup(scratch.close)
        tracker = fake_tracker.FakeTracker()
        self.addCleanup(tracker.close)
        program = scratch.write("program.py", LITTERER)
        sink = {"name": "prog", "type": "exec", "command": [sys.executable, program]}
        beside = {"name": "file", "type": "jsonl", "path": scratch / "events.jsonl"}
        config = scratch.write("presence.toml", tracker.config(sink, beside))
        container = self.start(binary("presence-notifier"), "--config", config, cwd=scratch.path)
        container.wait_for("event=in_step", "err")
        tracker.say(*(f"+user{n}" for n in range(100)))
        wait_for(lambda: container.out.count("handled") == 100, lambda: f"{len(container.out)} lines")
        self.wait_reaped()
        tracker.say("+last")
        container.wait_for('event=child_ended sink=prog pid=[0-9]+ how="exit 7"', "err")
        self.assertEqual(len(json_lines(scratch / "events.jsonl")), 101)
        self.assertEqual(self.end(), 0)


if __name__ == "__main__":
    unittest.main()
