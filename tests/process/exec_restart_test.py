"""An exec sink over restarts of the notifier: no line is lost, and no program runs beside another."""

import os
import re
import signal
import sys
import unittest

from pipeline import alive
from notifier_case import ExecCase
from support import json_lines, wait_for

# Appends "<its pid> <line>" to the file for each line it handles, and at most `most` before there
# is a gate; then it stands still. EOF and SIGTERM end it, or not; the mortal one any line.
PROGRAM = """
import os, signal, sys, time
out, gate, most, stubborn = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "stubborn"
if stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
handled = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
count = 0
buffer = b""
while True:
    while count >= most and not os.path.exists(gate):
        time.sleep(0.005)
    got = b"" if buffer.count(b"\\n") else os.read(0, 256)
    buffer += got
    if b"\\n" not in buffer:
        if got:
            continue
        break
    line, _, buffer = buffer.partition(b"\\n")
    if sys.argv[4] == "mortal":
        os._exit(3)
    os.write(handled, b"%d %s\\n" % (os.getpid(), line))
    count += 1
while stubborn:
    os.write(handled, b"%d {}\\n" % os.getpid())
    time.sleep(0.02)
"""


class ExecRestartTest(ExecCase):
    def setUp(self):
        super().setUp()
        self.gate = self.scratch / "gate"
        self.started = 0

    def start(self, most=10**9, how="polite"):
        program = self.scratch.write("program.py", PROGRAM)
        command = [sys.executable, program, self.out, self.gate, str(most), how]
        notifier = self.begin_notifier(*self.sinks(*command))
        self.started += 1
        wait_for(lambda: len(self.pids()) == self.started, "a program")
        notifier.wait_log("event=in_step")
        return notifier

    def say(self, *transitions):
        for first in range(0, len(transitions), 500):
            self.tracker.say(*transitions[first : first + 500])

    def given(self, events):
        """That so many events were given to all sinks."""
        wait_for(lambda: len(json_lines(self.file)) == events, f"{events} in the file")

    def handled(self):
        """(pid, line) of all that were handled."""
        text = self.out.read_text() if self.out.exists() else ""
        return [tuple(line.split(" ", 1)) for line in text.splitlines()]

    def wait_all_handled_in_order(self):
        expected = [event["id"] for event in json_lines(self.file)]

        def ids():
            found = [part.split('"')[3] for _, part in self.handled() if part != "{}"]
            return list(dict.fromkeys(found))  # as each came first

        wait_for(
            lambda: ids() == expected,
            lambda: f"{len(expected)} in order; there are {len(ids())}",
            10,
        )

    def test_a_program_that_keeps_ending_is_told(self):
        notifier = self.start(how="mortal")
        self.say("+user0")
        notifier.wait_log('level=error process=n1 event=child_keeps_ending sink=prog times=3 how="exit 3"')
        self.assertGreater(int(re.findall("given_again_bytes=([0-9]+)", notifier.log())[-1]), 0)

    def test_what_is_in_the_pipe_survives_the_death_of_both(self):
        notifier = self.start(most=10)
        self.say(*(f"+user{n}" for n in range(300)))
        self.given(300)
        wait_for(lambda: len(self.handled()) == 10, "ten are handled")
        os.kill(self.pids()[-1], signal.SIGSTOP)  # it cannot read on when the notifier is gone
        notifier.kill()
        os.kill(self.pids()[-1], signal.SIGKILL)
        self.gate.touch()
        notifier = self.start()
        self.say("+last")
        self.given(301)
        self.wait_all_handled_in_order()
        self.assertEqual(notifier.stop(), 0)

    def test_what_is_in_the_pipe_survives_the_end_of_both(self):
        notifier = self.start(most=10)
        self.say(*(f"+user{n}" for n in range(300)))
        self.given(300)
        self.assertEqual(notifier.stop(), 0)  # the program is ended, as it reads no further
        self.gate.touch()
        notifier = self.start()
        self.say("+last")
        self.given(301)
        self.wait_all_handled_in_order()
        self.assertEqual(notifier.stop(), 0)

    def test_all_that_was_given_in_vain_comes_before_what_is_new_over_many_deaths(self):
        users = 0
        for most in (3, 0, 40):
            notifier = self.start(most=most)
            self.say(*(f"+user{users + n}" for n in range(60)))
            users += 60
            self.given(users)
            notifier.kill()
            os.kill(self.pids()[-1], signal.SIGKILL)
        self.gate.touch()
        self.start()
        self.wait_all_handled_in_order()

    def test_a_program_that_ends_in_order_is_given_nothing_twice(self):
        notifier = self.start()
        self.say(*(f"+user{n}" for n in range(300)))
        self.given(300)
        self.assertEqual(notifier.stop(), 0)
        self.wait_all_handled_in_order()
        self.start()
        self.say("+last")
        self.given(301)
        self.wait_all_handled_in_order()
        self.assertEqual(len(self.handled()), 301)

    def end_of_an_earlier_program(self, how):
        notifier = self.start(most=10, how=how)
        self.say(*(f"+user{n}" for n in range(100)))
        self.given(100)
        wait_for(lambda: len(self.handled()) == 10, "ten are handled")
        old = self.pids()[-1]
        notifier.kill()
        self.gate.touch()  # it reads on
        notifier = self.start(how=how)
        self.say("+last")
        self.given(101)
        self.wait_all_handled_in_order()
        pids = [int(pid) for pid, _ in self.handled()]
        self.assertNotIn(old, pids[pids.index(self.pids()[-1]) :])
        self.assertFalse(alive(old))
        return notifier

    def test_a_program_of_a_killed_notifier_ends_before_another_is_given_anything(self):
        notifier = self.end_of_an_earlier_program("polite")
        self.assertIn('event=earlier_child_ended sink=prog', notifier.log())
        self.assertIn('how="by itself"', notifier.log())

    def test_one_that_does_not_end_is_killed(self):
        notifier = self.end_of_an_earlier_program("stubborn")
        self.assertIn("how=killed", notifier.log())


if __name__ == "__main__":
    unittest.main()
