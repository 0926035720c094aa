"""The sinks of presence-notifier, with real files and real children."""

import os
import pathlib
import resource
import signal
import sys
import textwrap
import unittest

from notifier_case import NotifierCase
from support import json_lines, wait_for


class SinksTest(NotifierCase):
    def setUp(self):
        super().setUp()
        self.events_file = self.scratch / "events.jsonl"
        self.jsonl = {"name": "audit", "type": "jsonl", "path": self.events_file}
        self.said = 0

    def start(self, *sinks, stdout=None):
        return self.start_notifier(*sinks, stdout=stdout)

    def say(self, number):
        """So many users come online, in batches."""
        names = [f"user{self.said + n}" for n in range(number)]
        self.said += number
        for first in range(0, number, 500):
            self.tracker.say(*("+" + name for name in names[first : first + 500]))

    def wait_all_in(self, path):
        everyone = {f"user{n}" for n in range(self.said)}
        wait_for(lambda: users_in(path) >= everyone, f"all {self.said} in {path}")

    def child(self, name, program):
        """An exec sink whose child is a Python program; it gets `out`, a file, as argument."""
        script = self.scratch.write(f"{name}.py", textwrap.dedent(program))
        out = self.scratch / f"{name}.jsonl"
        return {"name": name, "type": "exec", "command": [sys.executable, script, out]}, out

    # Copies its input, line by line, to a file of its own, as a kill may tear a line; says its pid
    # first.
    COPY = """
        import os, sys
        with open(sys.argv[1] + ".pid", "a") as pids:
            pids.write(f"{os.getpid()}\\n")
        out = open(f"{sys.argv[1]}.{os.getpid()}", "a", buffering=1)
        for line in sys.stdin:
            out.write(line)
        open(sys.argv[1] + ".end", "w").close()
        """

    def test_jsonl_goes_on_at_its_path_after_sighup(self):
        notifier = self.start(self.jsonl)
        self.say(3)
        self.wait_all_in(self.events_file)
        rotated = self.scratch / "events.1"
        self.events_file.rename(rotated)
        notifier.signal(signal.SIGHUP)
        wait_for(self.events_file.exists, "the file is there again")
        self.say(2)
        wait_for(lambda: users_in(self.events_file) == {"user3", "user4"}, "the new ones")
        self.assertEqual(users_in(rotated), {"user0", "user1", "user2"})

    def test_a_file_that_changed_is_not_taken_for_read_after_sighup(self):
        notifier = self.start(self.jsonl)
        self.scratch.write("presence.toml", "[nonsense]")
        notifier.signal(signal.SIGHUP)
        notifier.wait_log("event=reload_refused")
        self.scratch.write("presence.toml", '[presence]\ntimeout = "7s"\n' + self.tracker.config(self.jsonl))
        notifier.signal(signal.SIGHUP)
        notifier.wait_log("event=restart_needed changed=timeout")

    def test_a_jsonl_file_that_is_deleted_is_made_anew(self):
        notifier = self.start(self.jsonl)
        self.say(3)
        self.wait_all_in(self.events_file)
        self.events_file.unlink()
        self.say(2)
        wait_for(lambda: users_in(self.events_file) == {"user3", "user4"}, "the new ones")
        notifier.wait_log("event=sink_file_deleted")

    def test_jsonl_cuts_a_torn_last_line(self):
        self.events_file.write_text('{"user":"before"}\n{"user":"to')
        self.start(self.jsonl)
        self.say(1)
        self.wait_all_in(self.events_file)
        self.assertEqual([e["user"] for e in json_lines(self.events_file)], ["before", "user0"])

    def test_a_file_that_cannot_be_opened_is_tried_again(self):
        path = self.scratch / "later" / "events.jsonl"
        notifier = self.start(self.jsonl | {"path": path})
        self.say(10)
        notifier.wait_log(" failures=1 ")
        self.assertIn("No such file or directory", notifier.log())
        path.parent.mkdir()
        self.wait_all_in(path)
        notifier.wait_log("event=sink_recovered sink=audit")

    def test_a_file_at_its_limit_is_a_full_disk(self):
        printed = self.scratch / "printed"
        long = '{"user":"x","pad":"' + "x" * 60_000 + '"}\n'
        for path in (self.events_file, printed):
            path.write_text(300 * long)  # more than the notifier keeps, which has the same limit
        with open(printed, "ab") as out:
            notifier = self.start(self.jsonl, {"name": "print", "type": "stdout"}, stdout=out)
        size = self.events_file.stat().st_size
        pid = notifier.process.pid
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
        self.say(10)
        for sink, what in (("audit", self.events_file), ("print", "standard output")):
            notifier.wait_log(f'event=sink_failed sink={sink} reason="cannot write {what}: File too large"')
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        self.wait_all_in(self.events_file)
        wait_for(lambda: b'"user":"user9"' in printed.read_bytes(), "the last one is printed")
        self.assertEqual(notifier.stop(), 0)

    def test_a_killed_child_is_started_again_and_nothing_is_lost(self):
        sink, out = self.child("copy", self.COPY)
        notifier = self.start(sink)
        pids = pathlib.Path(f"{out}.pid")
        for round_number in range(3):
            self.say(200)
            wait_for(lambda: len(lines(pids)) == round_number + 1, "a new child")
            os.kill(int(lines(pids)[-1]), signal.SIGKILL)
        self.say(200)
        self.wait_all_in(out)
        self.assertEqual(notifier.stop(), 0)

    def test_what_a_dead_child_had_not_read_is_given_to_the_next(self):
        gate = self.scratch / "gate"
        sink, out = self.child(
            "lazy",
            f"""
            import os, sys, time
            with open(sys.argv[1] + ".pid", "a") as pids:
                pids.write(f"{{os.getpid()}}\\n")
            while not os.path.exists({str(gate)!r}):
                time.sleep(0.005)
            out = open(f"{{sys.argv[1]}}.{{os.getpid()}}", "a", buffering=1)
            for line in sys.stdin:
                out.write(line)
            """,
        )
        notifier = self.start(sink, self.jsonl)
        self.say(300)  # about as much as the pipe holds, delivered as far as we can know
        self.wait_all_in(self.events_file)
        pids = pathlib.Path(f"{out}.pid")
        wait_for(lambda: lines(pids), "the first child")
        os.kill(int(lines(pids)[0]), signal.SIGSTOP)
        gate.touch()  # for the next one
        os.kill(int(lines(pids)[0]), signal.SIGKILL)
        self.wait_all_in(out)
        self.assertEqual(notifier.stop(), 0)

    def test_a_child_that_hangs_delays_no_other_sink_nor_the_end(self):
        sink, _ = self.child("deaf", "import time; time.sleep(1000)")
        notifier = self.start(sink | {"queue_max": 100}, self.jsonl)
        self.say(5_000)  # much more than a pipe holds
        self.wait_all_in(self.events_file)
        notifier.wait_log("event=sink_behind sink=deaf")
        self.assertEqual(notifier.stop(), 0)
        self.assertIn("event=sink_not_drained sink=deaf", notifier.log())

    def test_a_child_reads_everything_before_the_end(self):
        sink, out = self.child("copy", self.COPY)
        notifier = self.start(sink)
        self.say(1_000)
        self.assertEqual(notifier.stop(), 0)
        self.assertTrue(pathlib.Path(f"{out}.end").exists(), "the child ended by itself")
        seen = users_in(out)
        self.assertEqual(seen, {f"user{n}" for n in range(len(seen))})

    def test_a_program_that_does_not_exist_is_told_and_delays_no_other(self):
        sink = {"name": "typo", "type": "exec", "command": ["/nonexistent/program"]}
        notifier = self.start(sink, self.jsonl)
        self.say(1)
        self.wait_all_in(self.events_file)
        notifier.wait_log("event=sink_failed sink=typo")
        self.assertIn("cannot start /nonexistent/program", notifier.log())
        self.assertEqual(notifier.stop(), 0)

    def test_stdout_in_both_forms(self):
        for form, expected in (("text", "  online   user0  heartbeat\n"), ("json", '"user":"user0"')):
            with self.subTest(form), open(self.scratch / form, "wb") as out:
                self.said = 0
                self.tracker.restart()
                notifier = self.start(
                    {"name": "people", "type": "stdout", "format": form}, stdout=out
                )
                self.say(1)
                wait_for(lambda: expected in (self.scratch / form).read_text(), expected)
                self.assertEqual(notifier.stop(), 0)


def lines(path):
    return path.read_text().split() if path.exists() else []


def users_in(path):
    """Also of the files that children made beside it."""
    files = [path, *path.parent.glob(path.name + ".[0-9]*")]
    return {event["user"] for file in files for event in json_lines(file)}


if __name__ == "__main__":
    unittest.main()
