"""Whoever reads the log stands still, with the pipe full: processes go on, and say later how much they dropped."""

import fcntl
import os
import re
import signal
import subprocess
import unittest

from pipeline import Installation, binary, environment, presence
from support import PATIENCE, wait_for


class StalledReader:
    """A pipe for standard error, full from the start."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, 4096)
        # Flags of its own: those of the pipe are the program's, too.
        filler = os.open(f"/proc/self/fd/{self.write_end}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(filler, b"\n")
        except BlockingIOError:
            pass
        os.close(filler)
        os.set_blocking(self.read_end, False)
        self.text = ""

    def read(self):
        """All that has come so far."""
        try:
            while some := os.read(self.read_end, 65536):
                self.text += some.decode()
        except BlockingIOError:
            pass
        return self.text

    def close(self):
        os.close(self.read_end)
        os.close(self.write_end)


class LogReaderTest(unittest.TestCase):
    def start(self, kind, name):
        reader = StalledReader()
        self.addCleanup(reader.close)
        program = subprocess.Popen(
            [binary(f"presence-{kind}"), "--config", self.files.config, "--id", name],
            stdin=subprocess.DEVNULL,
            stderr=reader.write_end,
            env=environment(),
            cwd=self.files.directory,
        )
        self.addCleanup(lambda: (program.kill(), program.wait()))
        return program, reader

    def ask(self, *arguments):
        return presence(*arguments, "--config", self.files.config)

    def test_processes_go_on_while_nobody_reads_their_logs(self):
        self.files = self.enterContext(Installation(timeout="60s", sinks=""))
        text = self.files.config.read_text()
        self.files.config.write_text(text.replace("[presence]", '[presence]\nlog_level = "debug"', 1))
        programs = [self.start(*which) for which in (("tracker", "t1"), ("collector", "c1"))]
        wait_for(lambda: self.ask("status")[0] == 0, lambda: f"status is healthy: {self.ask('status')}")
        self.assertEqual(presence("beat", "--to", self.files.heartbeats[0], "alice")[0], 0)
        wait_for(lambda: "alice  online" in self.ask("get", "alice")[1], "a heartbeat is taken")

        for program, reader in programs:
            self.assertEqual(reader.text, "")
            # Of all who share it, shells among them.
            self.assertFalse(fcntl.fcntl(reader.write_end, fcntl.F_GETFL) & os.O_NONBLOCK)

            def told():
                reader.read()
                program.send_signal(signal.SIGHUP)  # which is worth a line
                return re.search(r"level=warn process=\w+ event=log_dropped lines=\d+\n.*event=reloaded", reader.read())

            wait_for(told, lambda: f"what was dropped is told: {reader.text.strip()}")
            program.send_signal(signal.SIGTERM)
            self.assertEqual(program.wait(PATIENCE), 0)
            self.assertIn("event=stopped", reader.read())


if __name__ == "__main__":
    unittest.main()
