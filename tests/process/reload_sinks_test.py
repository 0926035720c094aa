"""SIGHUP adds, removes and changes sinks by name, and touches no other; what a log place is told."""

import os
import signal
import sys
import unittest

from notifier_case import NotifierCase
from support import json_lines, wait_for


class ReloadSinksTest(NotifierCase):
    def setUp(self):
        super().setUp()
        self.folder = self.scratch / "told"
        self.folder.mkdir()

    def jsonl(self, name, **settings):
        return {"name": name, "type": "jsonl", "path": self.folder / f"{name}.jsonl"} | settings

    def hung(self, name):
        """Its program reads nothing, and ignores being asked to end."""
        hangs = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
        return {"name": name, "type": "exec", "command": [sys.executable, "-c", hangs], "acknowledge": True}

    def told(self, name):
        path = self.folder / f"{name}.jsonl"
        return [("+" if e["state"] == "online" else "-") + e["user"] for e in json_lines(path)] if path.exists() else []

    def wait_told(self, name, *words):
        wait_for(lambda: self.told(name) == list(words), lambda: f"{name}: {self.told(name)}, not {words}")

    def reload(self, *sinks):
        before = self.notifier.log().count("event=reloaded")
        self.scratch.write("presence.toml", self.tracker.config(*sinks))
        self.notifier.signal(signal.SIGHUP)
        wait_for(lambda: self.notifier.log().count("event=reloaded") == before + 1, lambda: self.notifier.log())

    def start(self, *sinks):
        self.notifier = self.start_notifier(*sinks)
        return self.notifier

    def test_one_is_added_and_told_who_is_online_while_another_goes_on(self):
        self.start(self.jsonl("a"))
        self.tracker.say("+alice")
        self.wait_told("a", "+alice")
        self.reload(self.jsonl("a"), self.jsonl("b"))
        self.wait_told("b", "+alice")
        self.tracker.say("-alice", "+bob")
        for name in "ab":
            self.wait_told(name, "+alice", "-alice", "+bob")
        self.assertNotIn("sink_changed", self.notifier.log())
        self.assertEqual(self.notifier.stop(), 0)

    def test_one_is_removed_and_goes_on_where_it_was_once_it_is_back(self):
        self.start(self.jsonl("a"), self.jsonl("b"))
        self.tracker.say("+alice")
        self.wait_told("b", "+alice")
        self.reload(self.jsonl("a"))
        self.notifier.wait_log("event=sink_removed sink=b")
        self.tracker.say("-alice", "+bob")
        self.wait_told("a", "+alice", "-alice", "+bob")
        self.assertEqual(self.told("b"), ["+alice"])
        self.reload(self.jsonl("a"), self.jsonl("b"))
        self.wait_told("b", "+alice", "-alice", "+bob")

    def test_a_changed_one_goes_on_by_its_new_settings(self):
        self.start(self.jsonl("a"), self.jsonl("b"))
        self.tracker.say("+alice")
        self.wait_told("b", "+alice")
        elsewhere = self.folder / "elsewhere.jsonl"
        self.reload(self.jsonl("a"), self.jsonl("b") | {"path": elsewhere})
        self.notifier.wait_log("event=sink_changed sink=b")
        self.tracker.say("-alice")
        self.wait_told("elsewhere", "-alice")
        self.assertEqual(self.told("b"), ["+alice"])

    def test_a_changed_one_that_hangs_makes_way_once_it_has_ended(self):
        self.start(self.jsonl("a"), self.hung("b"))
        self.tracker.say("+alice")
        self.notifier.wait_log("event=child_started sink=b")
        self.reload(self.jsonl("a"), self.jsonl("b"))
        self.tracker.say("+bob")
        self.wait_told("a", "+alice", "+bob")
        self.wait_told("b", "+alice", "+bob")

    def test_a_file_that_is_wrong_changes_nothing(self):
        self.start(self.jsonl("a"))
        self.scratch.write("presence.toml", self.tracker.config({"name": "b", "type": "nonsense"}))
        self.notifier.signal(signal.SIGHUP)
        self.notifier.wait_log("event=reload_refused")
        self.tracker.say("+alice")
        self.wait_told("a", "+alice")

    def test_one_that_cannot_be_opened_is_told_and_the_others_go_on(self):
        self.start(self.jsonl("a"))
        data = self.scratch / "data" / "n1" / "b"
        data.parent.mkdir(parents=True, exist_ok=True)
        data.write_text("no directory")
        self.reload(self.jsonl("a"), self.jsonl("b"))
        self.notifier.wait_log("event=sink_not_opened sink=b")
        self.tracker.say("+alice")
        self.wait_told("a", "+alice")
        data.unlink()
        self.reload(self.jsonl("a"), self.jsonl("b"))
        self.wait_told("b", "+alice")

    def test_the_level_of_the_log_follows_the_file(self):
        self.start(self.jsonl("a"))
        self.tracker.say("+alice")
        sinks = self.tracker.config(self.jsonl("a"), self.jsonl("b"))
        file = self.scratch.write("presence.toml", '[presence]\nlog_level = "error"\n' + sinks)
        self.notifier.signal(signal.SIGHUP)
        self.wait_told("b", "+alice")  # it has read the file, and says nothing of it
        file.write_text(file.read_text().replace('"error"', '"info"'))
        self.notifier.signal(signal.SIGHUP)
        self.notifier.wait_log("event=reloaded")
        self.assertEqual(self.notifier.log().count("event=reloaded"), 1)

    def test_what_a_log_place_is_told(self):
        self.start(
            self.jsonl("offlines", states=["offline"]),
            self.jsonl("tenant", user_prefix="t1:"),
            self.jsonl("patient", delay="1h"),
        )
        self.tracker.say("+t1:alice", "+bob")
        self.tracker.say("-t1:alice")
        self.wait_told("tenant", "+t1:alice", "-t1:alice")
        self.wait_told("offlines", "-t1:alice")
        self.wait_told("patient", "+t1:alice", "+bob")
        self.reload(self.jsonl("patient"))
        self.wait_told("patient", "+t1:alice", "+bob", "-t1:alice")


if __name__ == "__main__":
    unittest.main()
