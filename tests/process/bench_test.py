"""`presence bench` over its own collector and tracker: what it counts, and that it notices wrongs."""

import json
import os
import pathlib
import re
import signal
import subprocess
import unittest

import support
from pipeline import default_port_taken


def bench(*arguments, **options):
    return subprocess.Popen(
        [support.BIN / "presence", "bench", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def complaints(log):
    """What a log says beyond what becomes true when the machine stands still for a moment: a hold, and its end."""
    return [line for line in log.splitlines() if not re.search(" event=(held|released) ", line)]


def child_named(parent, name):
    """The pid of the child of `parent` that runs `name`, or None."""
    for pid in pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        try:
            if os.readlink(f"/proc/{pid}/exe").endswith(name):
                return int(pid)
        except OSError:
            pass
    return None


class Bench(unittest.TestCase):
    def test_every_transition_of_a_churning_load_is_right(self):
        run = bench(
            *("--users", 2000, "--ids-per-message", 10, "--interval", "300ms", "--ttl", "3s"),
            *("--duration", "1s", "--churn", 300, "--mass-silence", 500, "--json"),
        )
        out, err = run.communicate(timeout=support.patience(120))
        report = json.loads(out)
        self.assertEqual((run.returncode, complaints(err)), (0, []), report)
        self.assertTrue(report["good"])
        self.assertEqual(report["applied"], report["sent"])
        self.assertGreater(report["sent"], 2000)
        offlines = report["lateness_ms"]["of"]
        self.assertGreaterEqual(offlines, 500)
        self.assertGreaterEqual(report["transitions"], 2000 + offlines)
        names = sorted(p["name"] for p in report["processes"])
        self.assertEqual(names, ["collector c1", "tracker t1"])

    def test_those_who_say_bye_return_at_once_and_a_sink_is_told_all(self):
        run = bench(
            *("--users", 2000, "--ids-per-message", 10, "--interval", "10s", "--duration", "1s"),
            *("--churn", 2000, "--bye", "--sink", "--json"),
        )
        out, err = run.communicate(timeout=support.patience(120))
        report = json.loads(out)
        self.assertEqual((run.returncode, complaints(err)), (0, []), report)
        self.assertGreater(report["transitions_in_load"], 1000)
        self.assertEqual(report["sink"]["lines"], report["transitions"])
        names = sorted(p["name"] for p in report["processes"])
        self.assertEqual(names, ["collector c1", "notifier n1", "tracker t1"])

    def test_several_trackers_share_the_users(self):
        run = bench(
            *("--users", 2000, "--ids-per-message", 10, "--interval", "300ms", "--ttl", "3s"),
            *("--duration", "1s", "--mass-silence", 500, "--trackers", 3, "--edges", 5, "--json"),
        )
        out, err = run.communicate(timeout=support.patience(120))
        report = json.loads(out)
        self.assertEqual((run.returncode, complaints(err)), (0, []), report)
        self.assertEqual(report["lateness_ms"]["of"], 500)
        names = sorted(p["name"] for p in report["processes"])
        self.assertEqual(names, ["collector c1", "tracker t1", "tracker t2", "tracker t3"])

    def test_a_tracker_that_is_killed_is_noticed(self):
        run = bench("--users", 100, "--interval", "300ms", "--ttl", "3s", "--duration", "3s")
        tracker = support.wait_for(
            lambda: child_named(run.pid, "presence-tracker"), "a tracker of its own"
        )
        os.kill(tracker, signal.SIGKILL)
        out, err = run.communicate(timeout=support.patience(120))
        # 69 if it was asked something just then, and did not answer.
        self.assertIn(run.returncode, (1, 69), out + err)
        self.assertIn('event=process_ended name="tracker t1" signal=9', err)

    def test_an_empty_name_is_the_built_in_configuration(self):
        if taken := default_port_taken():
            self.skipTest(taken)
        run = bench("--config", "")
        self.assertIn("no tick from the trackers' events", run.communicate(timeout=support.patience(60))[1])
        self.assertEqual(run.returncode, 69)

    def test_wrong_flags_are_told(self):
        run = bench("--users", 10000, "--edges", 1000)
        _, err = run.communicate(timeout=support.patience())
        self.assertEqual(run.returncode, 64)
        self.assertIn("--edges is too many", err)
        run = bench("--users", 10, "--mass-silence", 11)
        _, err = run.communicate(timeout=support.patience())
        self.assertEqual(run.returncode, 64)
        self.assertIn("--mass-silence", err)
        run = bench("--sink", "--config", "presence.toml")
        _, err = run.communicate(timeout=support.patience())
        self.assertEqual(run.returncode, 64)
        self.assertIn("--sink", err)


if __name__ == "__main__":
    unittest.main()
