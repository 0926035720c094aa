"""1,000 websocket connections of 600 users through the gateway: who comes, who goes, and when."""

import os
import re
import shutil
import subprocess
import time
import unittest

from pipeline import Installation, Process, binary
from support import ROOT, json_lines, wait_for

GATEWAY = ROOT / "edges/websocket"
TTL_MS = 3_000
SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'

# Users by what becomes of them; the first 400 have two connections.
CLOSE_ONE = range(0, 100)
CUT_ONE = range(100, 200)
CLOSE_BOTH = range(200, 300)
KEEP_BOTH = range(300, 400)
CLOSE = range(400, 480)
CUT = range(480, 540)
KEEP = range(540, 599)
SENTINEL = 599  # cut last


def missing():
    if not shutil.which("node"):
        return "node is not installed"
    if not (GATEWAY / "node_modules/ws").exists():
        return "edges/websocket/node_modules is missing: script/bootstrap installs it"
    return None


def now_ms():
    return time.time() * 1000


@unittest.skipIf(missing(), missing())
class WebsocketTest(unittest.TestCase):
    def setUp(self):
        self.files = self.enterContext(Installation(1, 1, f"{TTL_MS}ms", SINK))
        for kind, name in (("tracker", "t1"), ("collector", "c1"), ("notifier", "n1")):
            command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", name)
            self.enterContext(Process(*command, cwd=self.files.directory))
        settings = {"PORT": "0", "PING_MS": "500", "EDGE": "gateway", "COLLECTORS": self.files.heartbeats[0]}
        self.gateway = self.node(GATEWAY / "main.js", env=os.environ | settings)
        url = re.search(r"ws://[^/]*", self.gateway.stdout.readline())[0]
        self.clients = self.node(ROOT / "tests/process/websocket_clients.mjs", url)

    def node(self, *command, env=None):
        process = subprocess.Popen(
            ["node", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

        def end():
            process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def tell(self, command, users, *count):
        """All at once, then their answers."""
        lines = [" ".join(map(str, (command, f"u{user}", *count))) for user in users]
        for line in lines:
            print(line, file=self.clients.stdin)
        self.clients.stdin.flush()
        for _ in lines:
            self.assertTrue(self.clients.stdout.readline().startswith(command))

    def events(self):
        """Of each user, what was told, in order."""
        told = {}
        for event in json_lines(self.files.directory / "events.jsonl"):
            told.setdefault(int(event["user"][1:]), []).append(event)
        return told

    def offline(self):
        return {user: told[-1] for user, told in self.events().items() if told[-1]["state"] == "offline"}

    def test_users_are_online_until_their_last_connection_ends(self):
        self.tell("open", range(0, 400), 2)
        self.tell("open", range(400, 600), 1)
        wait_for(lambda: len(self.events()) == 600, lambda: f"{len(self.events())} of 600 online")

        began = now_ms()
        self.tell("close", CLOSE_ONE, 1)
        self.tell("cut", CUT_ONE, 1)
        self.tell("close", CLOSE_BOTH)
        self.tell("close", CLOSE)
        self.tell("cut", CUT)
        gone = {*CLOSE_BOTH, *CLOSE, *CUT}
        offline = wait_for(
            lambda: gone <= self.offline().keys() and self.offline(),
            lambda: f"{len(self.offline())} of {len(gone)} offline",
        )
        seen = now_ms()

        # A second connection, or one that was never ended, holds its user: also for the further ttl
        # until one more is gone.
        self.tell("cut", [SENTINEL])
        wait_for(lambda: SENTINEL in self.offline(), "the last one cut is offline")
        for user, told in self.events().items():
            ended_too = ["offline"] if user in gone or user == SENTINEL else []
            self.assertEqual([event["state"] for event in told], ["online", *ended_too], user)
            self.assertEqual(told[0]["reason"], "heartbeat", user)
        for user in (*CLOSE_BOTH, *CLOSE):
            self.assertEqual(offline[user]["reason"], "bye")
            self.assertGreaterEqual(offline[user]["at_ms"], began - 50)  # how far clocks are mapped
            self.assertLessEqual(offline[user]["at_ms"], seen)
        for user in CUT:
            event = offline[user]
            self.assertEqual(event["reason"], "timeout")
            self.assertLessEqual(abs(event["at_ms"] - event["last_seen_ms"] - TTL_MS), 1)
            self.assertLessEqual(event["at_ms"], seen + 1)  # told when it was true, not before

    def test_a_bad_id_is_refused_and_counted(self):
        self.tell("open", [0], 1)
        refused = self.node(ROOT / "tests/process/websocket_clients.mjs", self.clients.args[2])
        print("open " + "x" * 129 + " 1", file=refused.stdin, flush=True)
        refused.stdout.readline()
        wait_for(lambda: self.events(), "the good one is online")
        self.assertEqual(list(self.events()), [0])


if __name__ == "__main__":
    unittest.main()
