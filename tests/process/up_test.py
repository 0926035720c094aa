"""`presence up` over the real binaries: ready, transitions, restarts, an end without leftovers."""

import json
import os
import pty
import resource
import signal
import unittest

from pipeline import Installation, Process, Up, alive, binary, children_of, default_port_taken, presence, run
from support import wait_for


def transitions(process, user):
    """States of one user as the stdout sink told them."""
    events = [json.loads(line) for line in list(process.out) if line.startswith("{")]
    return [(e["state"], e["reason"]) for e in events if e["user"] == user]


class UpTest(unittest.TestCase):
    def setUp(self):
        self.installation = self.enterContext(Installation())

    def up(self, *flags):
        return self.enterContext(Up(self.installation, *flags))

    def beat(self, *arguments):
        done = presence("beat", "--to", self.installation.heartbeats[0], *arguments)
        self.assertEqual(done, (0, "", ""))

    def ask(self, *arguments):
        done = presence(*arguments, "--config", self.installation.config)
        self.assertEqual(done[0], 0, done)
        return done[1]

    def test_a_user_comes_and_goes(self):
        up = self.up()
        for endpoint in (self.installation.heartbeats + self.installation.queries):
            self.assertIn(endpoint, up.wait_for("process=up event=ready.*", "err").group())
        self.beat("alice", "--every", "200ms", "--count", "3", "--status", "away")
        # Once it is ready, nothing that happens is told as a difference found later.
        wait_for(lambda: len(transitions(up, "alice")) == 2, "alice comes and falls silent")
        self.assertEqual(
            transitions(up, "alice"), [("online", "heartbeat"), ("offline", "timeout")]
        )
        self.beat("bob", "--session", "a", "--ttl", "60s")
        wait_for(lambda: self.ask("count") == "online 1\nsessions 1\n", "bob is counted")
        self.assertRegex(self.ask("get", "carol", "bob"), r"^carol  offline\nbob  online  for ")
        self.assertEqual(self.ask("list"), "bob\n")
        self.assertRegex(self.ask("status"), r"tracker t1 .*\n  collector c1  live  \d+ ms behind")
        self.beat("bob", "--session", "a", "--bye")
        wait_for(lambda: transitions(up, "bob")[1:] == [("offline", "bye")], "bob says bye")

    def test_watch_shows_transitions_as_they_happen(self):
        self.up()
        query = self.installation.queries[0]
        with Process(binary("presence"), "watch", "--to", query) as everyone, Process(
            binary("presence"), "watch", "--to", query, "--user", "al", "--json"
        ) as only_al:

            # A subscription takes effect a moment after the process starts: until then, al and
            # alice come and go.
            def shown():
                self.beat("al", "alice")
                self.beat("al", "alice", "--bye")
                return any("  alice  " in line for line in list(everyone.out)) and only_al.out

            wait_for(shown, "transitions are shown")
            self.assertRegex(everyone.out[0], r"^\d\d:\d\d:\d\d\.\d\d\d  (online |offline)  al")
            self.assertEqual({json.loads(line)["user"] for line in list(only_al.out)}, {"al"})
            only_al.send(signal.SIGINT)
            self.assertEqual(only_al.wait(), 0)

    def test_a_killed_child_is_started_again(self):
        up = self.up()
        for kind, name in (("tracker", "t1"), ("collector", "c1"), ("notifier", "n1")):
            killed = up.child(kind, name)
            os.kill(killed, signal.SIGKILL)
            up.wait_for(f'event=process_ended name="{kind} {name}" signal=9 then="it is started again"', "err")
            wait_for(lambda: up.child(kind, name) not in (None, killed), f"a new {kind}")
        self.beat("alice", "--every", "100ms", "--count", "10")
        # By a heartbeat, or found by comparison if the new notifier was not yet in step.
        wait_for(lambda: transitions(up, "alice"), "alice is online")
        self.assertEqual(transitions(up, "alice")[0][0], "online")
        self.assertEqual(up.stop(), 0)

    def limit(self, up, what, soft):
        _, hard = resource.prlimit(up.pid, what)
        self.addCleanup(lambda: alive(up.pid) and resource.prlimit(up.pid, what, (hard, hard)))
        return resource.prlimit(up.pid, what, (soft, hard))

    def test_a_child_that_cannot_be_watched_is_tried_again(self):
        up = self.up()
        before = self.limit(up, resource.RLIMIT_NOFILE, 5)  # of which it polls all: it takes no fewer
        os.kill(up.child("collector", "c1"), signal.SIGKILL)
        up.wait_for('event=process_not_started name="collector c1" error="cannot watch .*Too many open files"', "err")
        resource.prlimit(up.pid, resource.RLIMIT_NOFILE, before)
        up.wait_for('event=process_recovered name="collector c1"', "err")

    def test_a_reload_without_room_for_the_configuration_changes_nothing(self):
        up = self.up()
        before = self.limit(up, resource.RLIMIT_FSIZE, 0)
        up.send(signal.SIGHUP)
        up.wait_for('event=reload_refused error="cannot copy a configuration: File too large"', "err")
        resource.prlimit(up.pid, resource.RLIMIT_FSIZE, before)
        up.send(signal.SIGHUP)
        up.wait_for("process=up event=reloaded", "err")

    def test_a_reload_that_was_refused_is_told_to_nobody_but_sinks_open_their_files_anew(self):
        log, moved = self.installation.directory / "log", self.installation.directory / "moved"
        text = self.installation.config.read_text()
        text = text.replace('type = "stdout"\nformat = "json"', f'type = "jsonl"\npath = "{log}"')
        self.installation.config.write_text(text)
        up = self.up()
        self.installation.config.write_text(text.replace("timeout", "timeuot"))
        log.rename(moved)
        up.send(signal.SIGHUP)
        up.wait_for('process=up event=reload_refused .*files_of_sinks="opened anew all the same"', "err")
        wait_for(log.exists, "a new file")
        self.installation.config.write_text(text)
        up.send(signal.SIGHUP)
        for name in ("up", "c1", "t1"):
            up.wait_for(f"process={name} event=reloaded", "err")
        for name in ("up", "c1", "t1"):
            self.assertEqual(sum(f"process={name} event=reloaded" in line for line in list(up.err)), 1)

    def test_a_terminal_that_is_closed_ends_it(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.installation.directory)
            os.execv(binary("presence"), ["presence", "up", "--config", str(self.installation.config)])
        self.addCleanup(lambda: alive(pid) and os.kill(pid, signal.SIGKILL))
        said = b""
        while b"process=up event=ready" not in said:
            said += os.read(terminal, 65536)
        children = children_of(pid)
        os.close(terminal)
        wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "it ends")
        wait_for(lambda: not [child for child in children if alive(child)], "and so do its children")

    def test_an_end_leaves_no_process(self):
        for end in (signal.SIGINT, signal.SIGTERM):
            up = self.up()
            children = children_of(up.pid)
            self.assertEqual(len(children), 3)
            up.send(end)
            self.assertEqual(up.wait(), 0)
            self.assertFalse([pid for pid in children if alive(pid)])

    def test_children_do_not_outlive_a_killed_supervisor(self):
        up = self.up()
        children = children_of(up.pid)
        up.send(signal.SIGKILL)
        up.wait()
        wait_for(lambda: not [pid for pid in children if alive(pid)], "all children end")

    def test_a_stopped_child_is_killed_after_a_second_signal(self):
        up = self.up()
        children = children_of(up.pid)
        os.kill(up.child("collector", "c1"), signal.SIGSTOP)

        def ended():
            up.send(signal.SIGINT)
            return not up.running()

        wait_for(ended, "impatience ends it")
        self.assertEqual(up.wait(), 0)
        self.assertTrue(any('event=process_killed name="collector c1"' in line for line in up.err), up.err)
        self.assertFalse([pid for pid in children if alive(pid)])

    def test_a_second_one_ends_with_69_and_leaves_the_first_alone(self):
        up = self.up()
        code, _, err = run(binary("presence"), "up", "--config", self.installation.config)
        self.assertEqual(code, 69, err)
        self.assertIn("Address already in use", err)
        self.assertIn("the others are ended", err)
        self.assertTrue(up.running())
        self.beat("alice")
        wait_for(lambda: transitions(up, "alice"), "the first one works")

    def test_the_demo_shows_transitions_within_seconds(self):
        up = self.up("--demo")
        wait_for(lambda: up.out, "somebody comes")


class SeveralTest(unittest.TestCase):
    def test_questions_go_to_the_tracker_that_owns_the_answer(self):
        with Installation(collectors=2, trackers=3, timeout="60s") as installation:
            with Up(installation):
                users = [f"user-{i}" for i in range(40)]
                for i, endpoint in enumerate(installation.heartbeats):
                    self.assertEqual(presence("beat", "--to", endpoint, *users[i::2])[0], 0)
                # One tracker tells of all of them.
                where = ("--to", installation.queries[2])
                count = "online 40\nsessions 40\n"
                wait_for(lambda: presence("count", *where)[1] == count, "all are counted")
                self.assertEqual(sorted(presence("list", *where)[1].split()), sorted(users))
                lines = presence("get", *where, *users, "nobody")[1].splitlines()
                self.assertEqual([line.split()[0] for line in lines], users + ["nobody"])
                self.assertEqual([line.split()[1] for line in lines], ["online"] * 40 + ["unknown"])
                self.assertEqual(presence("status", *where)[1].count("\n  collector c"), 6)


class BuiltInTest(unittest.TestCase):
    def test_without_a_file_it_listens_where_the_documents_say(self):
        if taken := default_port_taken():
            self.skipTest(taken)
        with Process(binary("presence"), "up", "--timeout", "1s") as up:
            up.wait_for("event=ready.*tcp://127.0.0.1:7400.*:7411.*:7412", "err")
            self.assertEqual(presence("beat", "alice")[0], 0)
            up.wait_for(r"^\d\d:\d\d:\d\d\.\d\d\d  online   alice  heartbeat")
            up.wait_for(r"  offline  alice  timeout")
            self.assertEqual(presence("count")[:2], (0, "online 0\nsessions 0\n"))
            up.send(signal.SIGHUP)
            up.wait_for("event=reload_refused error=.*started without a file", "err")
            up.send(signal.SIGINT)
            self.assertEqual(up.wait(), 0)


if __name__ == "__main__":
    unittest.main()
