"""What README.md shows works: the client against a pipeline and without one, the commands, the file."""

import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from pipeline import Installation, Process, binary, presence, run
from support import PATIENCE, wait_for

README = (pathlib.Path(__file__).parents[2] / "README.md").read_text()


GATEWAY = pathlib.Path(__file__).parents[2] / "edges/websocket"


def no_node():
    if not shutil.which("node"):
        return "node is not installed"
    if not (GATEWAY / "node_modules/zeromq").exists():
        return "edges/websocket/node_modules is missing: script/bootstrap installs it"
    return None


def snippets(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(name):
    found = re.findall(rf"^    presence {name}\b([^#\n]*)", README, re.MULTILINE)
    assert found, f"README.md shows no `presence {name}`"
    return [line.split() for line in found]


class Readme(unittest.TestCase):
    def setUp(self):
        self.files = self.enterContext(Installation(timeout="30s"))
        self.heartbeats = self.files.heartbeats[0]

    def start(self):
        for kind, name in (("tracker", "t1"), ("collector", "c1")):
            command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", name)
            self.enterContext(Process(*command))

    def presence(self, *words):
        return run(binary("presence"), *words, "--config", self.files.config)

    def client(self, body):
        text = body.replace("tcp://127.0.0.1:7400", self.heartbeats)
        self.assertNotEqual(text, body, "the client names the address of heartbeats")
        return text

    def test_the_python_client_brings_its_users_online(self):
        self.start()
        shown = snippets("python")
        self.assertTrue(shown)
        for body in shown:
            opening, found, sending = self.client(body).partition("try:")
            lines = (found + sending).splitlines()
            again = "\n".join(["import time", "while True:", *("    " + line for line in lines), "    time.sleep(.05)"])
            running = subprocess.Popen([sys.executable, "-c", opening + again])
            self.addCleanup(running.wait, PATIENCE)
            self.addCleanup(running.kill)
            for user in ("alice", "bob"):
                wait_for(lambda: "online" in self.presence("get", user)[1].split(),
                         lambda: f"{user} online: {self.presence('get', user)}")

    def test_the_python_client_never_waits_though_no_collector_runs(self):
        for body in snippets("python"):
            opening, found, sending = self.client(body).partition("try:")
            self.assertTrue(found, "the client sends within a `try:`")
            lines = (found + sending).splitlines()
            # More often than a socket has room for.
            often = "\n".join(["for _ in range(5_000):", *("    " + line for line in lines)])
            done = subprocess.run([sys.executable, "-c", opening + often], timeout=PATIENCE)
            self.assertEqual(done.returncode, 0)

    def node(self, more=""):
        shown = snippets("js")
        self.assertEqual(len(shown), 1)
        script = self.client(shown[0]).replace("5_000", "50") + more
        return ["node", "-e", script]

    @unittest.skipIf(no_node(), no_node())
    def test_the_node_client_brings_its_users_online(self):
        self.start()
        running = subprocess.Popen(self.node(), cwd=GATEWAY)
        self.addCleanup(running.wait, PATIENCE)
        self.addCleanup(running.kill)
        wait_for(lambda: "online" in self.presence("get", "bob")[1].split(), "bob is online")

    @unittest.skipIf(no_node(), no_node())
    def test_the_node_client_never_waits_though_no_collector_runs(self):
        often = "for (let n = 0; n < 5_000; n += 1) beat(['alice']); process.exit(0);"
        done = subprocess.run(self.node(often), cwd=GATEWAY, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0)

    def test_the_configuration_is_right(self):
        shown = snippets("toml")
        self.assertTrue(shown)
        for body in shown:
            file = self.files.directory / "shown.toml"
            file.write_text(body)
            code, _, err = presence("check-config", file)
            self.assertEqual(code, 0, err)

    def test_the_commands_that_end_do_what_is_said(self):
        self.start()
        wait_for(lambda: self.presence("count")[0] == 0, "a tracker that answers")
        for name in ("get", "count", "list"):
            for words in commands(name):
                code, _, err = self.presence(name, *words)
                self.assertEqual(code, 0, err)
        for words in commands("beat"):
            more = ["--count", "1"] if "--every" in words else []
            code, _, err = self.presence("beat", *words, *more)
            self.assertEqual(code, 0, err)


if __name__ == "__main__":
    unittest.main()
