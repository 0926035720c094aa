"""1,000 websocket connections of 600 users through the gateway: who comes, who goes, and when."""

import json
import os
import re
import shutil
import subprocess
import time
import unittest

from pipeline import Installation, Up
from support import ROOT, json_lines, wait_for

GATEWAY = ROOT / "edges/websocket"
TTL_MS = 5_000
LINGER_MS = 2_000
CLOCKS_MS = 50  # how far clocks of two processes are mapped
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
# script/nightly has a thousand for a minute.
RELOADING = int(os.environ.get("RELOADING", "200"))
RELOAD_SECONDS = int(os.environ.get("RELOAD_SECONDS", "6"))


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
        # Only what happens once it is ready is told as it happens, not as a difference found later.
        self.enterContext(Up(self.files))
        settings = {"PORT": "0", "PING_MS": "500", "LINGER_MS": str(LINGER_MS), "EDGE": "gateway", "COLLECTORS": self.files.heartbeats[0]}
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

    def truth(self):
        """Of each user, what the clients know: when they opened, were last alive, and ended."""
        print("truth", file=self.clients.stdin, flush=True)
        return {int(user[1:]): of for user, of in json.loads(self.clients.stdout.readline()).items()}

    def test_users_are_online_until_their_last_connection_ends(self):
        self.tell("open", range(0, 400), 2)
        self.tell("open", range(400, 600), 1)
        wait_for(lambda: len(self.events()) == 600, lambda: f"{len(self.events())} of 600 online")
        all_online = now_ms()

        self.tell("close", CLOSE_ONE, 1)
        self.tell("cut", CUT_ONE, 1)
        self.tell("close", CLOSE_BOTH)
        self.tell("close", CLOSE)
        self.tell("cut", CUT)
        gone = {*CLOSE_BOTH, *CLOSE, *CUT}
        wait_for(
            lambda: gone <= self.offline().keys(), lambda: f"{len(self.offline())} of {len(gone)} offline"
        )
        all_offline = now_ms()

        # A second connection, or one that was never ended, holds its user: also for the further ttl
        # until one more is gone.
        self.tell("cut", [SENTINEL])
        wait_for(lambda: SENTINEL in self.offline(), "the last one cut is offline")
        told, truth = self.events(), self.truth()
        for user, events in told.items():
            ended_too = ["offline"] if user in gone or user == SENTINEL else []
            self.assertEqual([event["state"] for event in events], ["online", *ended_too], user)
            self.assertEqual(events[0]["reason"], "heartbeat", user)
            self.assertGreaterEqual(events[0]["at_ms"], truth[user]["opening"] - CLOCKS_MS, user)
            self.assertLessEqual(events[0]["at_ms"], all_online, user)
        for user in (*CLOSE_BOTH, *CLOSE):
            self.check_bye(told[user][-1], truth[user], all_offline)
        for user in CUT:
            self.check_timeout(told[user][-1], truth[user], all_offline)
        self.check_timeout(told[SENTINEL][-1], truth[SENTINEL], now_ms())

    def check_bye(self, event, truth, seen):
        self.assertEqual(event["reason"], "bye")
        self.assertGreaterEqual(event["at_ms"], truth["ended"] - CLOCKS_MS)
        self.assertLessEqual(event["at_ms"], seen)

    def check_timeout(self, event, truth, seen):
        """A ttl after the last sign of life, which may have been on its way when the connection was cut."""
        self.assertEqual(event["reason"], "timeout")
        # Not sooner; later if a process stood still meanwhile, and deadlines were lifted for it.
        self.assertGreaterEqual(event["at_ms"] - event["last_seen_ms"], TTL_MS - 1)
        self.assertGreaterEqual(event["last_seen_ms"], truth["signs"][0] - CLOCKS_MS)
        self.assertLess(event["last_seen_ms"], truth["ended"] + TTL_MS)
        self.assertLessEqual(event["at_ms"], seen + 1)  # told when it was true, not before

    def states(self, user):
        return [event["state"] for event in self.events().get(user, [])]

    def wait_for_a_whole_ttl(self):
        """Until a timeout that began now was told; or one before it, had there been one."""
        self.tell("open", [SENTINEL], 1)
        wait_for(lambda: self.states(SENTINEL), "the sentinel is online")
        self.tell("cut", [SENTINEL])
        wait_for(lambda: SENTINEL in self.offline(), "the sentinel is offline")

    def test_a_page_that_is_loaded_anew_is_no_offline_and_one_that_is_left_is_a_bye(self):
        stay, leave = range(0, 20), range(20, 40)
        self.tell("open", [*stay, *leave], 1)
        wait_for(lambda: len(self.events()) == 40, lambda: f"{len(self.events())} of 40 online")
        self.tell("away", [*stay, *leave])
        self.tell("open", stay, 1)
        wait_for(lambda: len(self.offline()) == 20, lambda: f"{len(self.offline())} of 20 offline")
        told = self.offline()
        self.assertEqual(set(told), set(leave))
        truth = self.truth()
        for user, event in told.items():
            self.assertEqual(event["reason"], "bye", user)
            self.assertGreaterEqual(event["at_ms"], truth[user]["ended"] + LINGER_MS - CLOCKS_MS)
        self.wait_for_a_whole_ttl()
        self.assertEqual({tuple(self.states(user)) for user in stay}, {("online",)})

    def test_pages_that_are_loaded_anew_all_the_time_are_nobodys_business(self):
        users = range(1_000, 1_000 + RELOADING)
        self.tell("open", users, 1)
        wait_for(lambda: len(self.events()) == RELOADING, lambda: f"{len(self.events())} online")
        print(f"reload {RELOAD_SECONDS}", file=self.clients.stdin, flush=True)
        _, reloads, worst = self.clients.stdout.readline().split()
        self.assertGreater(int(reloads), RELOADING * RELOAD_SECONDS / 4)
        self.assertLess(int(worst), LINGER_MS - 200, "ms for a reload: this machine is too slow to tell")
        self.wait_for_a_whole_ttl()
        told = {user: self.states(user) for user in users}
        self.assertEqual({user: states for user, states in told.items() if states != ["online"]}, {})

    def test_more_tabs_than_a_tracker_keeps_sessions(self):
        self.tell("open", [1], 20)
        wait_for(lambda: self.states(1) == ["online"], "online")
        self.tell("close", [1], 16)
        self.wait_for_a_whole_ttl()
        self.assertEqual(self.states(1), ["online"])
        self.tell("close", [1])
        wait_for(lambda: self.states(1) == ["online", "offline"], "offline")
        self.assertEqual(self.offline()[1]["reason"], "bye")

    def test_a_bad_id_is_refused_and_counted(self):
        self.tell("open", [0], 1)
        refused = self.node(ROOT / "tests/process/websocket_clients.mjs", self.clients.args[2])
        print("open " + "x" * 129 + " 1", file=refused.stdin, flush=True)
        refused.stdout.readline()
        wait_for(lambda: self.events(), "the good one is online")
        self.assertEqual(list(self.events()), [0])


if __name__ == "__main__":
    unittest.main()
