"""A SIGHUP while a process starts is a request as any other, not its end."""

import os
import signal
import unittest

from pipeline import Installation, Process, binary
from support import wait_for


class EarlySignalsTest(unittest.TestCase):
    def setUp(self):
        self.files = self.enterContext(Installation())
        self.pipe = self.files.directory / "pipe.toml"
        os.mkfifo(self.pipe)

    def start(self, *command):
        """A process that reads its configuration, and the end of the pipe that it waits for."""
        process = self.enterContext(Process(*command, "--config", self.pipe, cwd=self.files.directory))

        def opened():
            try:
                return os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                self.assertTrue(process.running())
                return None  # it has not opened its end yet

        return process, wait_for(opened, "the configuration is read")

    def start_with_sighup(self, *command):
        process, writer = self.start(*command)
        process.send(signal.SIGHUP)
        os.write(writer, self.files.config.read_bytes())
        os.close(writer)
        # It counts: a pipe is not read again.
        process.wait_for("event=reload_refused .*not a regular file", "err")
        return process

    def test_of_the_processes(self):
        for kind, name in (("collector", "c1"), ("tracker", "t1"), ("notifier", "n1")):
            with self.subTest(kind):
                process = self.start_with_sighup(binary(f"presence-{kind}"), "--id", name)
                process.send(signal.SIGTERM)
                self.assertEqual(process.wait(), 0)

    def test_of_up_and_what_it_passes_on_to_a_child_that_starts(self):
        up = self.start_with_sighup(binary("presence"), "up")
        up.wait_for("process=n1 event=reloaded", "err")
        up.wait_for("process=up event=ready", "err")
        up.send(signal.SIGINT)
        self.assertEqual(up.wait(), 0)
        self.assertFalse([line for line in up.err if "event=process_ended" in line])

    def test_who_waits_for_a_configuration_can_be_ended(self):
        process, writer = self.start(binary("presence-tracker"))
        self.addCleanup(os.close, writer)
        process.send(signal.SIGINT)
        self.assertEqual(process.wait(), -signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
