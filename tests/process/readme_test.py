"""What README.md shows works: the client against a pipeline and without one, the commands, the file."""

import pathlib
import re
import subprocess
import sys
import unittest

from pipeline import free_ports
from support import BIN, PATIENCE, Program, Scratch, wait_for

README = (pathlib.Path(__file__).parents[2] / "README.md").read_text()


def snippets(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(name):
    found = re.findall(rf"^    presence {name}\b([^#\n]*)", README, re.MULTILINE)
    assert found, f"README.md shows no `presence {name}`"
    return [line.split() for line in found]


class Readme(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.close)
        self.heartbeats, ingest, events, query = (
            f"tcp://127.0.0.1:{port}" for port in free_ports(4)
        )
        self.file = self.scratch.write(
            "presence.toml",
            f'[[collector]]\nid = "c1"\nheartbeats = "{self.heartbeats}"\n'
            f'[[tracker]]\nid = "t1"\ningest = "{ingest}"\nevents = "{events}"\nquery = "{query}"\n',
        )

    def start(self):
        for name, identity in (("presence-tracker", "t1"), ("presence-collector", "c1")):
            program = Program(self.scratch, name, "--config", self.file, "--id", identity)
            self.addCleanup(program.kill)

    def presence(self, *words):
        return subprocess.run(
            [BIN / "presence", *words, "--config", self.file],
            capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
        )

    def client(self, body):
        text = body.replace("tcp://127.0.0.1:7400", self.heartbeats)
        self.assertNotEqual(text, body, "the client names the address of heartbeats")
        return text

    def test_the_python_client_brings_its_users_online(self):
        self.start()
        shown = snippets("python")
        self.assertTrue(shown)
        for body in shown:
            # It goes on running, as a server does, so that the message is not lost with it.
            running = subprocess.Popen(
                [sys.executable, "-c", self.client(body) + "\nimport sys; sys.stdin.read()"],
                stdin=subprocess.PIPE,
            )
            self.addCleanup(running.wait, PATIENCE)
            self.addCleanup(running.stdin.close)
            for user in ("alice", "bob"):
                wait_for(lambda: "online" in self.presence("get", user).stdout.split(),
                         lambda: f"{user} online: {self.presence('get', user)}")

    def test_the_python_client_returns_though_no_collector_runs(self):
        for body in snippets("python"):
            done = subprocess.run([sys.executable, "-c", self.client(body)], timeout=PATIENCE)
            self.assertEqual(done.returncode, 0)

    def test_the_configuration_is_right(self):
        shown = snippets("toml")
        self.assertTrue(shown)
        for body in shown:
            file = self.scratch.write("shown.toml", body)
            done = subprocess.run([BIN / "presence", "check-config", file], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_commands_that_end_do_what_is_said(self):
        self.start()
        wait_for(lambda: self.presence("count").returncode == 0, "a tracker that answers")
        for name in ("get", "count", "list"):
            for words in commands(name):
                done = self.presence(name, *words)
                self.assertEqual(done.returncode, 0, done.stderr)
        for words in commands("beat"):
            more = ["--count", "1"] if "--every" in words else []
            done = self.presence("beat", *words, *more)
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
