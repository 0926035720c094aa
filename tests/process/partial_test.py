"""With one of several trackers away: what answers is shown, what does not is named, and the exit code says so."""

import json
import os
import pathlib
import re
import signal
import time
import unittest

from fake_tracker import owner_of, slot_of
from pipeline import Installation, Process, Up, binary, presence, run
from support import wait_for

USERS = [f"user-{i}" for i in range(30)]
OF_T1 = [user for user in USERS if owner_of(slot_of(user), ["t1", "t2"]) == "t1"]
OF_T2 = [user for user in USERS if user not in OF_T1]


class OneOfTwoIsAwayTest(unittest.TestCase):
    def setUp(self):
        self.files = self.enterContext(Installation(trackers=2, timeout="60s"))
        self.up = self.enterContext(Up(self.files))
        presence("beat", *USERS, "--to", self.files.heartbeats[0])
        wait_for(lambda: self.ask("count")[1] == "online 30\nsessions 30\n", "all are there")

    def ask(self, *arguments, within="500ms"):
        return presence(*arguments, "--config", self.files.config, "--within", within)

    def stop(self, number=signal.SIGSTOP):
        os.kill(self.up.child("tracker", "t2"), number)

    def test_questions(self):
        self.stop()
        away = f"tracker t2 ({self.files.queries[1]}): no answer within 500 ms"
        began = time.monotonic()
        code, out, err = self.ask("count")
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual((code, out), (1, f"online {len(OF_T1)}\nsessions {len(OF_T1)}\n"))
        self.assertIn(f"{away}; its users are not counted", err)
        self.assertNotIn("presence up", err)
        code, out, err = self.ask("list")
        self.assertEqual((code, sorted(out.split())), (1, sorted(OF_T1)))
        self.assertIn(away, err)
        code, out, err = self.ask("get", OF_T2[0], OF_T1[0])
        self.assertEqual(code, 1)
        self.assertRegex(out, f"^{OF_T2[0]}  unknown\n{OF_T1[0]}  online  for ")
        self.assertIn(f"{away}; its users are unknown", err)
        code, out, err = self.ask("get", OF_T1[0])
        self.assertEqual((code, err), (0, ""))
        code, out, err = self.ask("status")
        self.assertEqual(code, 1)
        self.assertRegex(out, r"(?m)^tracker t1 .*warming|^tracker t1 .*live")
        self.assertRegex(out, rf"(?m)^tracker t2 \({self.files.queries[1]}\)  no answer within 500 ms$")
        self.assertRegex(out.splitlines()[-1], r"^degraded: .*tracker t2 .*no answer within")

    def test_json(self):
        self.stop()
        for command in (("count",), ("list",), ("get", OF_T1[0], OF_T2[0])):
            code, out, _ = self.ask(*command, "--json")
            told = json.loads(out)
            self.assertEqual((code, told["complete"]), (1, False), told)
            self.assertEqual([t["id"] for t in told["trackers"]], ["t1", "t2"])
            self.assertIn("error", told["trackers"][1])
        self.assertEqual([u["state"] for u in told["users"]], ["online", "unknown"])
        code, out, _ = self.ask("status", "--json")
        told = json.loads(out)
        self.assertEqual((code, told["state"]), (1, "degraded"))
        self.assertEqual(told["trackers"][0]["collectors"][0]["id"], "c1")

    def test_exit_codes(self):
        both = (OF_T1[0], OF_T2[0])
        self.assertEqual(self.ask("get", "--exit-code", *both)[0], 0)
        self.stop()
        self.assertEqual(self.ask("get", "--exit-code", *both)[0], 3)
        self.assertEqual(self.ask("get", "--exit-code", OF_T1[0])[0], 0)
        os.kill(self.up.child("tracker", "t1"), signal.SIGSTOP)
        self.assertEqual(self.ask("status")[0], 2)
        self.assertEqual(self.ask("count")[0], 69)

    def test_watch_says_who_is_silent_and_who_is_back(self):
        with Process(binary("presence"), "watch", "--config", self.files.config) as watch:
            wait_for(lambda: self.comes_and_goes(watch, OF_T2[0]), "it watches t2")
            self.stop()
            watch.wait_for(r"tracker t2 \(.*\) is silent: what happens there is not shown", "err")
            self.stop(signal.SIGCONT)
            watch.wait_for(r"tracker t2 \(.*\) is heard again after \d+ s", "err")
            watch.send(signal.SIGINT)
            self.assertEqual(watch.wait(), 1)

    def comes_and_goes(self, watch, user):
        for more in ((), ("--bye",)):
            presence("beat", user, *more, "--to", self.files.heartbeats[0])
        return any(user in line for line in list(watch.out))


class ReloadTest(unittest.TestCase):
    def test_up_starts_and_ends_what_the_file_says(self):
        whole = self.enterContext(Installation(trackers=2, timeout="60s"))
        text = whole.config.read_text()
        second = text[text.index('[[tracker]]\nid = "t2"') : text.index("[[notifier]]")]
        one = text.replace(second, "")
        whole.config.write_text(one)
        up = self.enterContext(Up(whole))
        self.assertIsNone(up.child("tracker", "t2"))

        # Without a higher version nobody takes the list over, and it says so.
        whole.config.write_text(text)
        up.send(signal.SIGHUP)
        up.wait_for('process=up event=reload_refused .*`map_version` is not above 1: raise it"', "err")
        self.assertIsNone(up.child("tracker", "t2"))

        whole.config.write_text(text.replace("[presence]\n", "[presence]\nmap_version = 2\n"))
        up.send(signal.SIGHUP)
        up.wait_for('process=up event=reloaded started="tracker t2" ended="" restarted="notifier n1"', "err")
        status = lambda: presence("status", "--config", whole.config)[:2]
        wait_for(lambda: status()[0] == 0 and "tracker t2" in status()[1], lambda: status())
        wait_for(lambda: sum("process=up event=ready" in line for line in list(up.err)) == 2, "ready again")
        presence("beat", "--to", whole.heartbeats[0], *USERS)
        told = lambda: {json.loads(line)["user"] for line in list(up.out) if line.startswith("{")}
        wait_for(lambda: told() == set(USERS), "the notifier tells of the users of both")

        whole.config.write_text("[presence\n")
        up.send(signal.SIGHUP)
        up.wait_for("process=up event=reload_refused", "err")
        up.wait_for("process=n1 event=reloaded", "err")  # that is all they hear of it
        self.assertIsNotNone(up.child("tracker", "t2"))

        whole.config.write_text(one.replace("[presence]\n", "[presence]\nmap_version = 3\n"))
        up.send(signal.SIGHUP)
        up.wait_for('process=up event=reloaded started="" ended="tracker t2"', "err")
        wait_for(lambda: up.child("tracker", "t2") is None, "t2 ends")
        for unwanted in ("event=process_ended", "process=t[12] event=reload_refused"):
            self.assertFalse([line for line in up.err if re.search(unwanted, line)], up.err)
        self.assertEqual(up.stop(), 0)

    def test_a_child_starts_again_by_what_the_others_go_by(self):
        files = self.enterContext(Installation(timeout="60s"))
        whole = files.config.read_text()
        up = self.enterContext(Up(files))
        # A file that was cut before its trackers is one with the default tracker, at other ports.
        files.config.write_text(whole[: whole.index("[[tracker]]")])
        for reloads in (False, True):
            if reloads:
                up.send(signal.SIGHUP)
                up.wait_for("process=up event=reload_refused .*it has no ..tracker.. any more: was the file cut short", "err")
            killed = up.child("tracker", "t1")
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda: up.child("tracker", "t1") not in (None, killed), "a new tracker")
            wait_for(lambda: presence("count", "--to", files.queries[0])[0] == 0, "which is where it was")
        self.assertEqual(up.stop(), 0)


class LogTest(unittest.TestCase):
    def test_every_line_is_in_the_chosen_format(self):
        sink = ('[[sink]]\nname = "mailer"\ntype = "exec"\n'
                'command = ["/bin/sh", "-c", "echo hello you >&2; exec cat >/dev/null"]\n')
        files = self.enterContext(Installation(sinks=sink, settings='log_format = "json"'))
        up = self.enterContext(Process(binary("presence"), "up", "--config", files.config, cwd=files.directory))
        up.wait_for('"event":"ready"', "err")
        up.wait_for('"event":"child_said","sink":"mailer","line":"hello you"', "err")
        os.kill(next(iter(map(int, run("pgrep", "-P", up.pid, "-f", "presence-collector")[1].split()))), signal.SIGKILL)
        up.wait_for('"event":"process_ended","name":"collector c1","signal":9', "err")
        second = run(binary("presence"), "up", "--config", files.config)
        self.assertEqual(second[0], 69)
        lines = list(up.err) + second[2].splitlines()
        for wrong in (("--timeout", "soon"), ("--no-such-flag",), ("--config", "/no/such/file")):
            code, _, err = run(binary("presence-tracker"), "--log-format", "json", *wrong)
            self.assertEqual(code, 78 if "--config" in wrong else 64, err)
            lines += err.splitlines()
        for line in lines:
            told = json.loads(line)
            self.assertLessEqual({"time", "level", "process", "event"}, told.keys())


class DefaultFileTest(unittest.TestCase):
    def test_the_file_that_is_read(self):
        files = self.enterContext(Installation())
        check = lambda *more, **how: run(binary("presence"), "check-config", *more, **how)[1]
        self.assertEqual(check(cwd=files.directory), "./presence.toml: ok\n")
        variable = {"PRESENCE_CONFIG": str(files.config)}
        self.assertEqual(check(env=variable), f"{files.config}: ok\n")
        self.assertEqual(check("--config", "", cwd=files.directory), "built-in configuration: ok\n")
        printed = run(binary("presence-tracker"), "--print-config", cwd=files.directory)[1]
        self.assertIn(files.queries[0], printed)

    def test_the_demo_leaves_nothing_behind(self):
        from pipeline import default_port_taken
        if taken := default_port_taken():
            self.skipTest(taken)
        files = self.enterContext(Installation())
        empty = files.directory / "empty"
        empty.mkdir()
        with Process(binary("presence"), "up", "--demo", "--collectors", "1", cwd=empty) as up:
            up.wait_for("event=ready", "err")
            up.send(signal.SIGINT)
            self.assertEqual(up.wait(), 0)
        self.assertEqual(list(pathlib.Path(empty).iterdir()), [])


if __name__ == "__main__":
    unittest.main()
