"""A tracker that is killed and starts again from its journal: nobody flaps, nothing is lost."""

import signal
import time
import unittest

import msgpack
import zmq

import journals
from pipeline import Installation, Process, binary, run
from support import json_lines, wait_for

TTL = 2  # seconds
SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'


class RestartTest(unittest.TestCase):
    def start(self, settings=""):
        self.files = self.enterContext(Installation(timeout=f"{TTL}s", sinks=SINK, settings=settings))
        self.tracker = self.program("tracker", "t1")
        self.program("collector", "c1")
        self.program("notifier", "n1").wait_for("event=in_step", "err")
        context = self.enterContext(zmq.Context())
        self.edge = context.socket(zmq.PUSH)
        self.edge.linger = 0
        self.edge.connect(self.files.heartbeats[0])
        self.addCleanup(self.edge.close)
        self.query = context.socket(zmq.REQ)
        self.query.linger = 0
        self.query.rcvtimeo = 10_000
        self.query.connect(self.files.queries[0])
        self.addCleanup(self.query.close)
        self.first_boot = self.ask(op="status")["boot"]

    def program(self, kind, name):
        command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", name)
        return self.enterContext(Process(*command, cwd=self.files.directory))

    def restart(self, number=signal.SIGKILL):
        self.tracker.send(number)
        self.tracker.wait()
        self.tracker = self.program("tracker", "t1")
        self.tracker.wait_for("event=started", "err")

    def ask(self, **question):
        self.query.send(msgpack.packb(question))
        return msgpack.unpackb(self.query.recv())

    def beat(self, *items):
        self.edge.send(msgpack.packb(list(items)))

    def keep(self, users, until, what):
        def turn():
            self.beat(*users)
            return until()

        return wait_for(turn, what)

    def told(self, user):
        events = json_lines(self.files.directory / "events.jsonl")
        return [(e["state"], e["reason"]) for e in events if e["user"] == user]

    def reasons(self, user):
        """Of all events of the user's that the journal has."""
        rows = self.ask(op="replay", boot=self.first_boot, after=1)["rows"]
        events = [e for row in rows for slot in msgpack.unpackb(row)[5] for e in slot[3]]
        return [reason for who, _, reason, *_ in events if who == user]

    def online(self):
        return self.ask(op="count")["online"]

    def test_who_beats_on_is_not_told_again_and_who_left_is_told_offline_once(self):
        self.start()
        self.keep(["alice", "bob"], lambda: self.told("bob"), "bob is online")
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            self.restart(number)
            self.assertEqual(self.online(), 2)
            end = time.monotonic() + TTL / 2
            self.keep(["alice", "bob"], lambda: time.monotonic() > end, "half a ttl")
        self.restart()
        self.keep(["alice"], lambda: len(self.told("bob")) > 1, "bob has left")
        self.assertEqual(self.told("alice"), [("online", "heartbeat")])
        self.assertEqual(self.told("bob"), [("online", "heartbeat"), ("offline", "timeout")])

    def test_the_journal_gives_every_batch_again_over_all_runs(self):
        self.start()
        self.keep(["alice"], lambda: self.told("alice"), "alice is online")
        self.restart()
        self.keep(["bob"], lambda: self.told("bob"), "bob is online")
        run_of = lambda row: (msgpack.unpackb(row)[2], msgpack.unpackb(row)[4])
        boot = self.ask(op="status")["boot"]
        last = self.ask(op="snapshot", slot=0)["batch"]
        code = lambda **cursor: self.ask(op="replay", **cursor).get("error")
        self.assertEqual(code(boot=boot, after=0), "too_old")
        self.assertEqual(code(boot=boot, after=1), "diverged")  # the run before wrote it
        self.assertEqual(code(boot=boot, after=last + 1), "diverged")
        end = self.ask(op="replay", boot=boot, after=last, rid=7)
        self.assertEqual((end["rows"], end["batch"], end["rid"]), ([], last, 7))
        own = [n for n in range(1, last) if not code(boot=boot, after=n)]
        after_first = self.ask(op="replay", boot=boot, after=own[0])["rows"]
        _, before = run_of(after_first[0])
        rows = self.ask(op="replay", boot=before, after=1)["rows"]
        self.assertEqual([msgpack.unpackb(row)[3] for row in rows], list(range(2, last + 1)))
        self.assertEqual({run_of(row)[0] for row in rows}, {before, boot})
        self.assertEqual(rows[own[0] - 1 :], after_first)

    def test_on_start_offline_and_on_shutdown_offline_tell_everyone(self):
        self.start('on_start = "offline"\non_shutdown = "offline"')
        self.keep(["alice"], lambda: self.told("alice"), "alice is online")
        self.restart()
        wait_for(lambda: self.told("alice")[1:2] == [("offline", "startup")], "alice is told offline")
        # She may be back already: what the collector had not been thanked for comes again.
        self.keep(["alice"], lambda: self.online() == 1, "alice is back")
        self.restart(signal.SIGTERM)
        self.assertEqual(
            self.reasons("alice")[:4], ["heartbeat", "startup", "heartbeat", "shutdown"]
        )

    def test_a_directory_in_use_is_refused_in_one_line(self):
        self.start()
        command = (binary("presence-tracker"), "--config", self.files.config)
        code, _, err = run(*command)
        self.assertEqual(code, 69, err)  # the ports come first
        other = self.enterContext(Installation())
        own = other.config.read_text().replace(f"{other.directory}/t1", f"{self.files.directory}/t1")
        other.config.write_text(own)
        code, _, err = run(binary("presence-tracker"), "--config", other.config)
        self.assertEqual(code, 74, err)
        self.assertIn("in use by another process", err.splitlines()[-1])

    def test_a_journal_with_a_batch_of_a_newer_version_is_refused_and_left_alone(self):
        self.start()
        self.keep(["alice"], lambda: self.told("alice"), "alice is online")
        self.tracker.send(signal.SIGTERM)
        self.tracker.wait()
        journals.rewrite_last(self.files.directory / "t1", lambda batch: [batch[0] + 1, *batch[1:]])
        command = (binary("presence-tracker"), "--config", self.files.config)
        for _ in range(2):
            code, _, err = run(*command)
            self.assertEqual(code, 74, err)
            self.assertIn("cannot be read: of a newer version?", err.splitlines()[-1])
        journals.rewrite_last(self.files.directory / "t1", lambda batch: [batch[0] - 1, *batch[1:]])
        self.tracker = self.program("tracker", "t1")
        self.tracker.wait_for("event=journal_read batches=[0-9]+ online=1", "err")

    def test_a_wiped_directory_works(self):
        self.start()
        self.keep(["alice"], lambda: self.told("alice"), "alice is online")
        self.tracker.send(signal.SIGKILL)
        self.tracker.wait()
        for file in (self.files.directory / "t1").iterdir():
            file.unlink()
        self.tracker = self.program("tracker", "t1")
        end = time.monotonic() + 2 * TTL
        self.keep(["alice"], lambda: time.monotonic() > end, "two ttls")
        self.assertEqual(self.told("alice"), [("online", "heartbeat")])
        wait_for(lambda: self.told("alice")[1:] == [("offline", "timeout")], "alice leaves")

    def test_without_a_journal_nothing_is_kept(self):
        self.start('durability = "off"')
        self.keep(["alice"], lambda: self.told("alice"), "alice is online")
        self.assertFalse((self.files.directory / "t1").exists())
        self.assertEqual(self.ask(op="replay", boot=self.first_boot, after=1)["error"], "too_old")

    def test_a_journal_of_before_durability_was_off_is_not_resumed_after_it(self):
        self.start()
        self.keep(["alice"], lambda: self.told("alice"), "alice is online")
        text = self.files.config.read_text()
        self.files.config.write_text(text.replace("[presence]", '[presence]\ndurability = "off"'))
        self.restart(signal.SIGTERM)
        self.assertTrue([line for line in self.tracker.err if "event=journal_set_aside" in line])
        self.assertEqual(len(list((self.files.directory / "t1").glob("journal.sqlite.aside-*"))), 1)
        wait_for(lambda: [e[0] for e in self.told("alice")] == ["online", "offline"], "alice is away")
        self.files.config.write_text(text)
        self.restart(signal.SIGTERM)
        self.tracker.wait_for("event=journal_read batches=0 online=0", "err")
        self.keep(["bob"], lambda: self.told("bob"), "bob is online")
        self.assertEqual(len(self.told("alice")), 2)


if __name__ == "__main__":
    unittest.main()
