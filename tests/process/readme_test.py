"""What README.md shows works: the client against a pipeline and without one, the commands, the file."""

import contextlib
import pathlib
import re
import shutil
import signal
import tempfile
import subprocess
import sys
import unittest

from pipeline import Installation, Process, binary, default_port_taken, presence, run
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
        """A tracker and a collector; the latter's Process."""
        for kind, name in (("tracker", "t1"), ("collector", "c1")):
            command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", name)
            last = self.enterContext(Process(*command))
        return last

    def presence(self, *words):
        return run(binary("presence"), *words, "--config", self.files.config)

    def client(self, language, *changes):
        """The client that is shown, for our address, and changed to be quick."""
        (text,) = snippets(language)
        for old, new in (("tcp://127.0.0.1:7400", self.heartbeats), *changes):
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def python(self, *changes):
        return [sys.executable, "-c", self.client("python", *changes)]

    def node(self, *changes):
        return ["node", "-e", self.client("js", *changes)]

    def online(self, user):
        return "online" in self.presence("get", user)[1].split()

    def brings_online(self, command):
        self.start()
        self.enterContext(Process(*command, cwd=GATEWAY))
        for user in ("alice", "bob"):
            wait_for(lambda: self.online(user), lambda: f"{user} online: {self.presence('get', user)}")

    def goes_on_while_its_collector_is_stopped(self, command):
        """`command` prints how often it has sent, and dropped, now and then."""
        collector = self.start()
        client = self.enterContext(Process(*command, cwd=GATEWAY))
        wait_for(lambda: self.online("alice"), lambda: f"alice is online: {client.err}")
        collector.send(signal.SIGSTOP)
        stopped = len(client.out)

        def dropping():
            told = [tuple(map(int, line.split())) for line in client.out[stopped:]]
            return len(told) > 2 and told[-1][0] > told[1][0] and told[-1][1] > told[1][1]

        wait_for(dropping, lambda: f"it drops and goes on: {client.out[stopped:][-3:]}, {client.err}")
        self.assertTrue(client.running())
        collector.send(signal.SIGCONT)

    def test_the_python_client_brings_its_users_online(self):
        self.brings_online(self.python(("sleep(5)", "sleep(.05)")))

    def test_the_python_client_never_waits_though_no_collector_runs(self):
        # More often than a socket has room for.
        often = self.python(("while True", "for _ in range(5_000)"), ("sleep(5)", "sleep(0)"))
        self.assertEqual(subprocess.run(often, timeout=PATIENCE).returncode, 0)

    def test_the_python_client_drops_and_goes_on_while_its_collector_is_stopped(self):
        tell = "n = globals().get('n', 0) + 1; n % 1_000 or print(n, dropped, flush=True)"
        self.goes_on_while_its_collector_is_stopped(self.python(("time.sleep(5)", tell)))

    @unittest.skipIf(no_node(), no_node())
    def test_the_node_client_brings_its_users_online(self):
        self.brings_online(self.node(("5_000", "50")))

    @unittest.skipIf(no_node(), no_node())
    def test_the_node_client_never_waits_though_no_collector_runs(self):
        often = "for (let n = 0; n < 5_000; n += 1) beat(['alice']); process.exit(0);"
        command = self.node(("setInterval(() => beat(['alice', 'bob']), 5_000);", often))
        self.assertEqual(subprocess.run(command, cwd=GATEWAY, timeout=PATIENCE).returncode, 0)

    @unittest.skipIf(no_node(), no_node())
    def test_the_node_client_drops_and_goes_on_while_its_collector_is_stopped(self):
        often = """(async () => {
            for (let n = 1; ; n += 1) {
                await beat(Array(500).fill('alice'));
                if (n % 1_000 === 0) console.log(n, dropped);
            }
        })();"""
        command = self.node(("setInterval(() => beat(['alice', 'bob']), 5_000);", often))
        self.goes_on_while_its_collector_is_stopped(command)

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
        wait_for(lambda: self.presence("status")[0] == 0, "a tracker that answers, and has heard its collector")
        for name in ("get", "count", "list", "status"):
            for words in commands(name):
                code, _, err = self.presence(name, *words)
                self.assertEqual(code, 0, err)
        for words in commands("beat"):
            more = ["--count", "1"] if "--every" in words else []
            code, _, err = self.presence("beat", *words, *more)
            self.assertEqual(code, 0, err)

    def test_the_commands_for_a_file_do_what_is_said(self):
        (shown,) = snippets("toml")
        (self.files.directory / "presence.toml").write_text(shown)
        notifier = self.enterContext(
            Process(binary("presence-notifier"), "--config", "presence.toml", cwd=self.files.directory)
        )
        notifier.wait_for("event=sink_begins sink=audit", "err")
        for name in ("check-config", "dead"):
            for words in commands(name):
                code, _, err = run(binary("presence"), name, *words, cwd=self.files.directory)
                self.assertEqual(code, 0, err)

    def test_the_load_does_what_is_said(self):
        for words in commands("bench"):
            code, out, err = presence("bench", *words, "--duration", "1s")
            self.assertEqual(code, 0, out + err)

    def test_each_command_that_is_shown_is_run(self):
        run_here = set(re.findall(r'commands\("([a-z-]+)"\)', pathlib.Path(__file__).read_text()))
        run_here |= {"get", "count", "list", "status", "check-config", "dead"}
        shown = set(re.findall(r"^    presence ([a-z-]+)", README, re.MULTILINE))
        self.assertEqual(shown - run_here, set())

    def test_the_commands_that_run_on_do_what_is_said(self):
        if taken := default_port_taken():
            self.skipTest(taken)
        for words in commands("up"):
            with self.subTest(up=words), contextlib.ExitStack() as stack:
                # What an earlier run left in its journal would be waited for, and told as degraded.
                empty = stack.enter_context(tempfile.TemporaryDirectory(prefix="presence-test-"))
                up = stack.enter_context(Process(binary("presence"), "up", *words, cwd=empty))
                up.wait_for("event=ready", "err")
                watches = [
                    stack.enter_context(Process(binary("presence"), "watch", *more))
                    for more in commands("watch")
                ]

                # A subscription takes effect a moment after a process starts.
                def shown():
                    for more in ((), ("--bye",)):
                        self.assertEqual(presence("beat", "alice", *more), (0, "", ""))
                    return all("alice  bye" in "".join(watch.out) for watch in watches)

                wait_for(shown, lambda: f"alice comes and goes: {[w.err for w in watches]}")
                up.wait_for("  online   alice  heartbeat")
                # A machine that left a process no time for 250 ms is told as degraded for a second.
                wait_for(lambda: presence("status")[0] == 0, lambda: f"all is well: {presence('status')}")
                up.send(signal.SIGINT)
                self.assertEqual(up.wait(), 0)


if __name__ == "__main__":
    unittest.main()
