"""An exec sink and its lines: those that end the program are given up, those that it acknowledges are done."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import unittest

from notifier_case import ExecCase
from support import BIN, PATIENCE, ROOT, json_lines, wait_for

# Appends "<its pid> <user>" to the file for each line that it handles. What it does with a line, `do` says, which a
# test puts in front: by the event, and how many lines it has had.
PROGRAM = """
import json, os, sys, time
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def say(text):
    print(text, flush=True)
def acknowledge(event):
    say(json.dumps({"id": event["id"]}))
def handled(event):
    os.write(out, b"%d %s\\n" % (os.getpid(), event["user"].encode()))
for count, line in enumerate(sys.stdin, 1):
    do(json.loads(line), count)
"""

ACKNOWLEDGING = """
def do(event, count):
    if event["user"].startswith("poison"):
        os._exit(9)
    handled(event)
    acknowledge(event)
"""


class ExecLinesTest(ExecCase):
    def setUp(self):
        super().setUp()
        self.config = self.scratch / "presence.toml"

    def start(self, do, program=PROGRAM, **settings):
        script = self.scratch.write("program.py", textwrap.dedent(do) + program)
        before = len(self.pids())
        notifier = self.begin_notifier(*self.sinks(sys.executable, script, self.out, **settings))
        wait_for(lambda: len(self.pids()) > before, "a program")
        wait_for(lambda: "event=in_step" in notifier.log().rpartition("event=start ")[2], notifier.log)
        return notifier

    def say(self, *users):
        self.tracker.say(*(f"+{user}" for user in users))

    def handled(self):
        """Users, as each was handled first."""
        text = self.out.read_text() if self.out.exists() else ""
        return list(dict.fromkeys(line.split()[1] for line in text.splitlines()))

    def told(self):
        """Users as the tracker told them: those of a batch by slot."""
        return [event["user"] for event in json_lines(self.file)]

    def wait_handled(self, count):
        """That so many users, and all who were told but for poison, were handled in order; they are returned."""

        def missing():
            expected = [user for user in self.told() if not user.startswith("poison")]
            return None if len(expected) == count and self.handled() == expected else (expected, self.handled())

        wait_for(lambda: not missing(), missing)
        return self.handled()

    def letters(self):
        command = [BIN / "presence", "dead", "list", "--json", "--config", self.config]
        done = subprocess.run(
            command, cwd=self.scratch.path, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def wait_letters(self, *users):
        dead = lambda: [letter["event"]["user"] for letter in self.letters()]
        wait_for(lambda: dead() == list(users), dead)
        return self.letters()

    # ---- Without acknowledge

    def check_poison(self, do, **settings):
        notifier = self.start(do, attempts_max=3, **settings)
        self.say(*(f"user{n}" for n in range(50)))
        self.say("poison", *(f"user{n}" for n in range(50, 100)))
        self.wait_handled(100)
        [letter] = self.wait_letters("poison")
        self.assertEqual(letter["attempts"], 3)
        self.assertRegex(letter["failure"], r" ended \(exit 9\) when it had this alone, 3 times in a row$")
        notifier.wait_log("event=dead_letters sink=prog events=1 reason=")
        self.assertEqual(len(self.pids()), 1 + 1 + 3)  # after the first end, nobody knew which it was
        self.say("last")
        self.say("poison2")
        self.wait_handled(101)
        self.wait_letters("poison", "poison2")  # though nothing comes after it
        self.assertEqual(notifier.stop(), 0)

    def test_a_line_that_ends_the_program_is_a_dead_letter_and_others_are_told(self):
        self.check_poison(
            """
            def do(event, count):
                if event["user"].startswith("poison"):
                    os._exit(9)
                handled(event)
            """
        )

    def check_that_another_reason_makes_no_dead_letters(self, **settings):
        notifier = self.start(
            """
            import os, sys
            if not os.path.exists(sys.argv[1] + ".gate"):
                os._exit(1)
            def do(event, count):
                handled(event)
                acknowledge(event)
            """,
            attempts_max=2,
            **settings,
        )
        self.say("user0", "user1")
        notifier.wait_log("event=child_keeps_ending sink=prog times=6")
        self.assertEqual(self.letters(), [])
        (self.scratch / "handled.gate").touch()
        self.wait_handled(2)
        self.assertEqual(self.letters(), [])

    def test_a_program_that_ends_before_it_reads_makes_no_dead_letters(self):
        self.check_that_another_reason_makes_no_dead_letters()

    def test_letters_for_which_there_is_no_room_are_not_given_up(self):
        notifier = self.start(ACKNOWLEDGING, acknowledge=True, attempts_max=1, dead_max=1)
        for user in ("user0", "poison", "poison2"):
            self.say(user)
        self.wait_letters("poison")
        notifier.wait_log("event=dead_letters_not_kept sink=prog reason=")
        subprocess.run(
            [BIN / "presence", "dead", "drop", "--all", "--config", self.config],
            cwd=self.scratch.path, capture_output=True, timeout=PATIENCE, check=True,
        )
        self.say("user1")
        self.wait_handled(2)
        self.wait_letters("poison2")

    def test_a_dead_letter_of_a_program_is_replayed(self):
        self.start(
            """
            def do(event, count):
                if event["user"] == "poison" and not os.path.exists(sys.argv[1] + ".gate"):
                    os._exit(9)
                handled(event)
            """,
            attempts_max=2,
        )
        self.say("user0", "poison", "user1")
        self.wait_letters("poison")
        (self.scratch / "handled.gate").touch()
        command = [BIN / "presence", "dead", "replay", "--all", "--config", self.config]
        subprocess.run(command, cwd=self.scratch.path, capture_output=True, timeout=PATIENCE, check=True)
        self.wait_letters()
        wait_for(lambda: "poison" in self.handled(), self.handled)

    # ---- With it

    def test_with_acknowledge_too(self):
        self.check_poison(ACKNOWLEDGING, acknowledge=True)

    def test_a_program_that_ends_before_it_reads_makes_none_with_acknowledge_either(self):
        self.check_that_another_reason_makes_no_dead_letters(acknowledge=True)

    def test_only_what_is_acknowledged_is_done_over_the_death_of_both(self):
        # Handles in order, but acknowledges every second line only, and of the last ten none: then it stands still.
        do = """
            def do(event, count):
                handled(event)
                if count % 2 == 0 and count <= 90:
                    acknowledge(event)
                while count == 100 and not os.path.exists(sys.argv[1] + ".gate"):
                    time.sleep(0.005)
        """
        notifier = self.start(do, acknowledge=True)
        self.say(*(f"user{n}" for n in range(300)))
        wait_for(lambda: len(self.handled()) == 100, lambda: f"{len(self.handled())} handled")
        notifier.kill()
        os.kill(self.pids()[-1], signal.SIGKILL)
        self.start(ACKNOWLEDGING, acknowledge=True)
        users = self.wait_handled(300)
        first, second = (
            [line.split()[1] for line in self.out.read_text().splitlines() if int(line.split()[0]) == pid]
            for pid in self.pids()
        )
        self.assertEqual(first, users[:100])
        self.assertEqual(second, users)  # of a chunk of which one was not acknowledged, all

    def test_a_program_that_dies_is_given_no_acknowledged_line_again(self):
        self.start(
            """
            def do(event, count):
                handled(event)
                if count == 30 and len(open(sys.argv[1]).readlines()) == 30:
                    os._exit(1)
                acknowledge(event)
            """,
            acknowledge=True,
        )
        self.say(*(f"user{n}" for n in range(60)))
        users = self.wait_handled(60)
        told = [line.split()[1] for line in self.out.read_text().splitlines()]
        self.assertEqual(told, users[:30] + users[29:])

    def test_what_is_acknowledged_is_not_told_again_after_a_restart(self):
        notifier = self.start(ACKNOWLEDGING, acknowledge=True)
        self.say("user0", "user1")
        self.wait_handled(2)
        self.assertEqual(notifier.stop(), 0)
        self.start(ACKNOWLEDGING, acknowledge=True)
        self.say("user2")
        self.wait_handled(3)
        self.assertEqual(len(self.out.read_text().splitlines()), 3)

    def test_what_was_given_before_it_was_to_be_acknowledged_is_handled_first(self):
        notifier = self.start(
            """
            def do(event, count):
                time.sleep(1000)
            """
        )
        self.say("user0", "user1")
        wait_for(lambda: len(json_lines(self.scratch / "events.jsonl")) == 2, "both are told")
        notifier.kill()
        self.end_programs()
        self.start(ACKNOWLEDGING, acknowledge=True)
        self.say("user2")
        self.wait_handled(3)

    def test_a_program_that_never_answers_is_ended_and_its_line_given_up(self):
        notifier = self.start(
            """
            def do(event, count):
                handled(event)
                if event["user"] != "deaf":
                    acknowledge(event)
            """,
            acknowledge=True,
            timeout="300ms",
            attempts_max=2,
        )
        self.say("user0", "deaf", "user1")
        [letter] = self.wait_letters("deaf")
        self.assertIn("acknowledged nothing for 300ms", letter["failure"])
        self.wait_handled(3)
        notifier.wait_log("acknowledged nothing for 300ms before it had acknowledged all")

    def test_whatever_else_it_says_is_counted_told_and_harmless(self):
        notifier = self.start(
            """
            def do(event, count):
                say("handling " + event["user"])
                acknowledge({"id": "0.0.0"})
                say("[" * 100_000)
                say('{"id": 7}')
                handled(event)
                acknowledge(event)
                acknowledge(event)
            """,
            acknowledge=True,
        )
        self.say(*(f"user{n}" for n in range(300)))
        self.wait_handled(300)
        for reason in (
            "a line that is no JSON object with an id",
            "a line of more than 4096 bytes",
            "an id that waits for no answer",
        ):
            told = f'event=answers_ignored sink=prog answers=[0-9]+ reason="{reason}"'
            wait_for(lambda: re.search(told, notifier.log()), notifier.log)
        self.assertLess(notifier.log().count("event=answers_ignored"), 30)  # of 1,200: each at most every 10 s
        wait_for(lambda: re.search("event=trouble .*answers_ignored=[1-9]", notifier.log()), notifier.log)
        self.assertEqual(len(self.pids()), 1)
        self.assertEqual(notifier.stop(), 0)

    def test_one_that_speaks_without_end_and_acknowledges_nothing_is_ended(self):
        notifier = self.start(
            """
            def do(event, count):
                while True:
                    say("x" * 1000)
            """,
            acknowledge=True,
            timeout="300ms",
        )
        self.say("user0")
        notifier.wait_log("acknowledged nothing for 300ms before it had acknowledged all")
        self.assertEqual(notifier.stop(), 0)

    def test_one_that_closes_its_output_has_failed(self):
        notifier = self.start(
            """
            def do(event, count):
                handled(event)
                os.close(1)
                time.sleep(1000)
            """,
            acknowledge=True,
        )
        self.say("user0")
        notifier.wait_log("closed its standard output before it had acknowledged all")
        self.assertEqual(notifier.stop(), 0)

    def test_the_example_of_the_documentation(self):
        text = (ROOT / "docs/notifier.md").read_text().partition("#### Acknowledging")[2]
        example = re.search("```python\n(.*?)```", text, re.DOTALL)[1]
        handle = f"def handle(event):\n    print(1, event['user'], file=open({str(self.out)!r}, 'a'))\n"
        notifier = self.start(handle, program=example, acknowledge=True)
        self.say(*(f"user{n}" for n in range(200)))
        self.wait_handled(200)
        self.assertNotIn("event=answers_ignored", notifier.log())
        self.assertEqual(notifier.stop(), 0)


if __name__ == "__main__":
    unittest.main()
