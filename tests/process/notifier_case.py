"""What tests of a notifier share: a tracker that says what the test says, and the notifier with its sinks."""

import os
import re
import signal
import subprocess
import unittest

import fake_tracker
from pipeline import alive
from support import Program, Scratch, wait_for


class NotifierCase(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.close)
        self.tracker = fake_tracker.FakeTracker()
        self.addCleanup(self.tracker.close)

    def begin_notifier(self, *sinks, arguments=(), stdout=subprocess.DEVNULL, **config):
        """It ends with the test. `config`: as FakeTracker.config() takes it."""
        file = self.scratch.write("presence.toml", self.tracker.config(*sinks, **config))
        notifier = Program(self.scratch, "presence-notifier", "--config", file, *arguments, stdout=stdout)
        self.addCleanup(notifier.kill)
        return notifier

    def start_notifier(self, *sinks, **how):
        """And it is in step, unless an earlier one was."""
        notifier = self.begin_notifier(*sinks, **how)
        wait_for(self.tracker.subscribed, "the notifier subscribes")
        notifier.wait_log("event=in_step")
        return notifier


class ExecCase(NotifierCase):
    """A notifier with an exec sink `prog`, whose programs end with the test."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.end_programs)
        self.out = self.scratch / "handled"
        self.file = self.scratch / "events.jsonl"

    def sinks(self, *command, **settings):
        """The sink, and a file beside it that is told the same."""
        prog = {"name": "prog", "type": "exec", "command": list(command)} | settings
        return prog, {"name": "file", "type": "jsonl", "path": self.file}

    def pids(self):
        """Of all programs, the newest last."""
        log = self.scratch / "presence-notifier.log"
        text = log.read_text() if log.exists() else ""
        return [int(pid) for pid in re.findall("event=child_started sink=prog pid=([0-9]+)", text)]

    def end_programs(self):
        for pid in self.pids():
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
