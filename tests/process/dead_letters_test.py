"""Dead letters: what a sink does not take is given up, listed, replayed as it is then, or dropped."""

import json
import os
import re
import subprocess
import unittest
import unittest.mock

import webhook_receiver as answers
from pipeline import run
from notifier_case import NotifierCase
from support import BIN, PATIENCE, json_lines, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Picky(answers.Receiver):
    """Answers 500 to whatever has an event of one of the users it refuses."""

    def __init__(self):
        super().__init__()
        self.refused = set()
        self.codes = {}  # of some users; of others 500

    def take(self, handler, body):
        refused = self.refused & {event.get("user") for event in json.loads(body)["data"]}
        for user in sorted(refused)[:1]:
            self.plan(answers.status(self.codes.get(user, 500)))
        return super().take(handler, body)


class DeadLettersTest(NotifierCase):
    def setUp(self):
        super().setUp()
        self.receiver = Picky()
        self.addCleanup(self.receiver.close)
        self.secrets = self.scratch.write("secrets", SECRET + "\n")
        self.config = self.scratch / "presence.toml"

    def start(self, fault=None, **settings):
        hook = {"name": "hook", "type": "webhook", "url": self.receiver.url(), "batch_max": 1}
        hook |= {"secret_file": self.secrets, "allow_private": True, "timeout": "1s", "attempts_max": 3}
        audit = {"name": "audit", "type": "jsonl", "path": self.scratch / "events.jsonl"}
        with unittest.mock.patch.dict(os.environ, {"FAULT_POINT": fault} if fault else {}):
            notifier = self.begin_notifier(hook | settings, audit)
        ended = lambda: notifier.process.poll() is not None
        wait_for(self.tracker.subscribed, "the notifier subscribes")
        in_step = lambda: "event=in_step" in notifier.log().rpartition("event=start ")[2]
        wait_for(lambda: ended() or in_step(), lambda: f"in step: {notifier.log()}")
        return notifier

    def presence(self, *arguments, code=0):
        """`presence dead ...` where the notifier runs: what it says."""
        command = [BIN / "presence", "dead", *arguments, "--config", self.config]
        done = subprocess.run(
            command, cwd=self.scratch.path, capture_output=True, text=True, timeout=PATIENCE
        )
        self.assertEqual(done.returncode, code, done)
        return done.stderr if code else done.stdout

    def letters(self, *arguments):
        return [json.loads(line) for line in self.presence("list", "--json", *arguments).splitlines()]

    def wait_letters(self, number):
        wait_for(lambda: len(self.letters()) == number, lambda: f"{number} letters: {self.letters()}")

    def told(self, user):
        """What the receiver took of a user: states in order, with how it came to be known."""
        return [(e["state"], e["reason"]) for e in self.receiver.events() if e["user"] == user]

    def wait_told(self, user, *expected):
        wait_for(lambda: self.told(user) == list(expected), lambda: f"{user}: {self.told(user)}")

    def tries(self, event_id):
        return sum(e["id"] == event_id for r in self.receiver.requests for e in r.events)

    def test_what_one_user_makes_fail_is_given_up_and_others_go_on(self):
        notifier = self.start()
        self.receiver.refused = {"alice"}
        self.tracker.say("+alice")
        self.tracker.say("+bob")
        self.tracker.say("-alice")
        self.wait_told("bob", ("online", "heartbeat"))
        self.wait_letters(2)
        notifier.wait_log("event=dead_letters sink=hook events=1 ")
        self.assertRegex(notifier.log(), r'event=dead_letters sink=hook events=1 reason=".* answered 500"')
        for letter, state in zip(self.letters(), ("online", "offline")):
            self.assertEqual((letter["sink"], letter["notifier"], letter["attempts"]), ("hook", "n1", 3))
            self.assertIn("answered 500", letter["failure"])
            self.assertEqual((letter["event"]["user"], letter["event"]["state"]), ("alice", state))
            self.assertEqual(self.tries(letter["event"]["id"]), 3)
        self.assertEqual(self.letters("--user", "bob"), [])
        line = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  hook  alice  online  heartbeat  after 3 attempts: .* answered 500$"
        self.assertRegex(self.presence("list").splitlines()[0], line)
        # The sink beside it has them all, and no dead letters.
        beside = lambda: [e["user"] for e in json_lines(self.scratch / "events.jsonl")]
        wait_for(lambda: beside() == ["alice", "bob", "alice"], beside)
        self.assertEqual(self.letters("--sink", "audit"), [])
        self.assertEqual(notifier.stop(), 0)

    def test_each_reason_is_told_with_how_many_died_of_it(self):
        notifier = self.start(attempts_max=1)
        self.receiver.refused = {"alice", "bob", "carol"}
        self.receiver.codes = {"bob": 422}
        for what in ("+alice", "+bob", "-alice", "+carol", "-bob"):
            self.tracker.say(what)
        self.wait_letters(5)
        # The first of each reason at once, the others together, 10 s later.
        line = r'event=dead_letters sink=hook events=(\d) reason=".* answered (\d+)"'
        told = lambda: re.findall(line, notifier.log())
        died = lambda code: sum(int(events) for events, of in told() if of == code)
        wait_for(lambda: (died("500"), died("422")) == (3, 2), told)
        self.assertEqual(told(), [("1", "500"), ("1", "422"), *told()[2:]])
        self.assertEqual(len(told()), 4)
        codes = [re.search(r"answered (\d+)", letter["failure"])[1] for letter in self.letters()]
        self.assertEqual(codes, ["500", "422", "500", "500", "422"])

    def test_a_replay_tells_the_current_state_once_and_in_order(self):
        notifier = self.start()
        self.receiver.refused = {"alice", "carol"}
        for what in ("+alice", "-alice", "+carol", "+bob"):
            self.tracker.say(what)
        self.wait_letters(3)
        self.receiver.refused = set()
        self.tracker.say("+alice")
        self.wait_told("alice", ("online", "heartbeat"))
        self.assertEqual(self.presence("replay", "--user", "alice"), "hook: 2 dead letters to be replayed\n")
        self.wait_letters(1)
        self.wait_told("alice", ("online", "heartbeat"), ("online", "reconcile"))
        self.assertEqual(self.told("carol"), [])
        self.assertEqual(self.presence("replay", "--all"), "hook: 1 dead letter to be replayed\n")
        self.wait_letters(0)
        self.wait_told("carol", ("online", "reconcile"))
        self.tracker.say("-carol")
        self.wait_told("carol", ("online", "reconcile"), ("offline", "timeout"))
        notifier.wait_log("event=dead_letters_replayed sink=hook letters=2")
        self.assertEqual(self.told("bob"), [("online", "heartbeat")])
        self.assertEqual(self.presence("replay", "--all"), "no dead letters\n")
        self.assertEqual(notifier.stop(), 0)

    def test_a_replay_that_is_refused_is_a_dead_letter_again(self):
        self.start()
        self.receiver.refused = {"alice"}
        self.tracker.say("+alice")
        self.wait_letters(1)
        self.presence("replay", "--all")
        # The state as it is stands beside what died first; neither waits for a replay.
        wait_for(lambda: [x["event"]["reason"] for x in self.letters()] == ["heartbeat", "reconcile"], self.letters)
        self.assertEqual({letter["replay"] for letter in self.letters()}, {False})
        self.receiver.refused = set()
        self.presence("replay", "--user", "alice")
        self.wait_letters(0)
        self.wait_told("alice", ("online", "reconcile"))

    def test_what_is_dropped_is_told_no_more(self):
        notifier = self.start()
        self.receiver.refused = {"alice", "bob"}
        self.tracker.say("+alice")
        self.tracker.say("+bob")
        self.wait_letters(2)
        self.assertEqual(self.presence("drop", "--user", "alice", "--sink", "hook"), "hook: 1 dead letter dropped\n")
        self.assertEqual(self.presence("drop", "--user", "alice"), "no dead letters of alice\n")
        self.receiver.refused = set()
        self.presence("replay", "--all")
        self.wait_told("bob", ("online", "reconcile"))
        self.assertEqual(self.told("alice"), [])
        self.assertEqual(notifier.stop(), 0)

    def test_all_of_it_works_while_the_notifier_is_down(self):
        notifier = self.start()
        self.receiver.refused = {"alice", "bob"}
        self.tracker.say("+alice")
        self.tracker.say("+bob")
        self.wait_letters(2)
        self.assertEqual(notifier.stop(), 0)
        self.assertEqual(len(self.letters()), 2)
        self.presence("drop", "--user", "bob")
        self.presence("replay", "--user", "alice")
        self.assertIn("(to be replayed)", self.presence("list"))
        self.tracker.say("-alice")
        self.receiver.refused = set()
        # Also by one that gives nothing up any more.
        notifier = self.start(attempts_max=0)
        self.wait_told("alice", ("offline", "timeout"))
        self.wait_letters(0)
        self.assertEqual(self.told("bob"), [])

    def test_killed_between_adding_and_going_on_the_chunk_is_tried_once_more(self):
        for takes, user in ((False, "alice"), (True, "carol")):
            with self.subTest(takes=takes):
                self.receiver.refused = {user}
                killed = self.start(fault="sink.given_up")
                self.tracker.say("+" + user)
                wait_for(lambda: killed.process.poll() is not None, "it is killed")
                event_id = self.letters()[0]["event"]["id"]
                self.assertEqual(self.tries(event_id), 3)
                if takes:
                    self.receiver.refused = set()
                notifier = self.start()
                self.wait_letters(0 if takes else 1)
                self.tracker.say("+bob", "-bob")
                wait_for(lambda: self.told("bob")[-1:] == [("offline", "timeout")], "what comes after")
                self.assertEqual(self.tries(event_id), 4 if takes else 6)
                self.assertEqual([letter["event"]["id"] for letter in self.letters()], [] if takes else [event_id])
                self.assertEqual(notifier.stop(), 0)
                self.presence("drop", "--all")

    def test_killed_at_any_time_a_replay_is_told_and_nothing_comes_out_of_order(self):
        notifier = self.start()
        self.receiver.refused = {"alice"}
        self.tracker.say("+alice")
        self.wait_letters(1)
        self.receiver.refused = set()
        # While its state is under way, and is not answered.
        self.receiver.plan(answers.hang())
        asked = len(self.receiver.requests)
        self.presence("replay", "--all")
        wait_for(lambda: len(self.receiver.requests) > asked, "the replay is told")
        notifier.kill()
        self.tracker.say("-alice")
        self.start()
        self.wait_letters(0)
        self.tracker.say("+alice")
        wait_for(lambda: self.told("alice")[-1:] == [("online", "heartbeat")], lambda: self.told("alice"))
        told = [(e["epoch"], e["seq"]) for e in self.receiver.events() if e["user"] == "alice"]
        self.assertEqual(told, sorted(told))
        # Three tries of what died, and the replay that was not answered, came once more each.
        self.assertEqual(len(self.receiver.ids()) - len(set(self.receiver.ids())), 3)

    def test_what_names_when_to_come_again_and_410_are_not_given_up(self):
        later = answers.status(429, {"Retry-After": "1"})
        self.receiver.plan(later, later, answers.status(410))
        notifier = self.start(attempts_max=1)
        self.tracker.say("+alice")
        notifier.wait_log("event=sink_gone")
        self.assertEqual(self.letters(), [])
        notifier.signal(1)
        self.wait_told("alice", ("online", "heartbeat"))
        self.assertEqual(len(set(self.receiver.ids())), 1)

    def test_with_as_many_as_there_may_be_nothing_more_is_given_up(self):
        notifier = self.start(dead_max=1)
        self.receiver.refused = {"alice", "bob"}
        self.tracker.say("+alice")
        self.tracker.say("+bob")
        notifier.wait_log("event=dead_letters_not_kept sink=hook")
        self.assertIn("`dead_max` is 1: replay or drop some", notifier.log())
        self.receiver.refused = set()
        self.wait_told("bob", ("online", "heartbeat"))
        self.assertEqual(len(self.letters()), 1)

    def test_what_is_wrong_is_told_in_a_line(self):
        self.scratch.write("presence.toml", self.tracker.config({"type": "jsonl", "path": "x"}))
        wrong = {
            ("replay",): (64, "--user ID, or --all"),
            ("drop",): (64, "--user ID, or --all"),
            ("drop", "--all", "--user", "x"): (64, "--user ID, or --all"),
            ("list", "--sink", "jsnol"): (64, "there is no sink `jsnol`; did you mean `jsonl`?"),
            ("list", "--notifier", "n2"): (64, "there is no notifier `n2`"),
            ("list", "--user", "a\nb"): (64, "is no user id"),
            ("list",): (74, "there is no data/n1/jsonl: no notifier ran here yet"),
        }
        for arguments, (code, text) in wrong.items():
            with self.subTest(arguments):
                told = self.presence(*arguments, code=code)
                self.assertIn(text, told)
                self.assertEqual(len(told.splitlines()), 1)
        self.scratch.write("presence.toml", self.tracker.config())
        self.assertIn("nothing is kept for the type stdout", self.presence("list", code=64))
        code, _, told = run(BIN / "presence", "dead")
        self.assertEqual((code, "for example `presence dead list`" in told), (64, True))
        code, _, told = run(BIN / "presence", "dead", "lsit")
        self.assertEqual((code, "did you mean `list`?" in told), (64, True))
        code, told, _ = run(BIN / "presence", "dead", "replay", "--help")
        self.assertEqual((code, bool(re.search("--user.*--all", told, re.DOTALL))), (0, True))


if __name__ == "__main__":
    unittest.main()
