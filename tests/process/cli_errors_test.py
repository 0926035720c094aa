"""Every error of the command line is one clear line on stderr and an exit code of sysexits(3)."""

import pathlib
import resource
import socket
import subprocess
import tempfile
import unittest

from pipeline import Installation, Process, binary, environment, free_ports, presence, run
from support import PATIENCE

PROCESSES = ("presence-collector", "presence-tracker", "presence-notifier")


class ErrorsTest(unittest.TestCase):
    def assert_fails(self, result, code, *words):
        self.assertEqual(result[0], code, result)
        self.assertEqual(result[1], "", result)
        self.assertEqual(len(result[2].splitlines()), 1, result)
        for word in words:
            self.assertIn(word, result[2])

    def test_wrong_flags_end_with_64_and_the_nearest_right_one(self):
        self.assert_fails(presence("bate", "x"), 64, "unknown command `bate`", "`beat`")
        self.assert_fails(presence("watch", "--jsno"), 64, "unknown flag `--jsno`", "`--json`")
        self.assert_fails(presence(), 64, "presence up")
        self.assert_fails(presence("get"), 64, "say which ID")
        self.assert_fails(presence("beat", "x", "--count", "3"), 64, "--count needs --every")
        self.assert_fails(presence("beat", "x", "--linger", "3s"), 64, "--linger needs --bye")
        self.assert_fails(presence("beat", "x", "--count"), 64, "--count needs a value: --count N")
        self.assert_fails(presence("get", "x", "--json=3"), 64, "--json takes no value")
        self.assert_fails(presence("check-config", "a", "b"), 64, "more than 1 of FILE")
        self.assert_fails(presence("count", "--within", "0s"), 64, "--within must lie between 1ms and 24h, not `0s`")
        self.assert_fails(presence("up", "--timeout", "soon"), 64, "--timeout must be a duration")
        self.assert_fails(presence("beat", "a\nb"), 64, "no user id")
        self.assert_fails(presence("beat", "x", "--ttl", "10ms"), 64, "between 1s and 24h")
        self.assert_fails(presence("count", "--to", "ipc://x"), 64, "use tcp://")
        for program in PROCESSES:
            self.assert_fails(run(binary(program), "--idd", "x"), 64, "`--id`", program)
            self.assert_fails(run(binary(program), "--id", "x", "--id", "y"), 64, "--id is given twice")

    def test_nobody_there_ends_with_69_and_says_what_to_do(self):
        endpoint = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        for command in (("get", "x"), ("count",), ("list",), ("watch",)):
            self.assert_fails(
                presence(*command, "--to", endpoint, "--within", "200ms"),
                69,
                f"nobody answers: {endpoint}: no answer within 200 ms",
            )
        self.assert_fails(presence("beat", "x", "--to", endpoint), 69, "cannot reach " + endpoint)

    def test_an_output_that_cannot_be_written_ends_with_74(self):
        # As `presence list >file` on a full disk: what is cut short is no success.
        commands = [[binary("presence"), "check-config"], [binary("presence"), "--help"]]
        commands += [[binary(program), flag] for program in PROCESSES for flag in ("--print-config", "--version")]
        for command in commands:
            with self.subTest(command=command), open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run(
                    command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(None), timeout=PATIENCE,
                    check=False,
                )
                self.assert_fails((done.returncode, "", done.stderr), 74, "cannot write standard output")

    def test_an_output_as_large_as_it_may_be_ends_with_74(self):
        no_bytes = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        for program in ("presence", *PROCESSES):
            with self.subTest(program=program), tempfile.TemporaryFile() as out:
                done = subprocess.run(
                    [binary(program), "--help"], stdout=out, stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
                    preexec_fn=no_bytes, check=False,
                )
                self.assert_fails((done.returncode, "", done.stderr), 74, "cannot write standard output")

    def test_help_and_version_end_with_0(self):
        for program in ("presence", *PROCESSES):
            code, out, _ = run(binary(program), "--help")
            self.assertEqual(code, 0)
            for word in ("Example", "Environment", "Exit codes", "PRESENCE_TIMEOUT"):
                self.assertIn(word, out)
            self.assertEqual(run(binary(program), "--version")[0], 0)


class ConfigTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="presence-test-")
        self.addCleanup(directory.cleanup)
        self.file = pathlib.Path(directory.name) / "presence.toml"

    def checks(self, text, env=None):
        """What each way of checking a file says: (code, stdout, stderr)."""
        self.file.write_text(text)
        yield presence("check-config", self.file, env=env)
        for program in PROCESSES:
            yield run(binary(program), "--config", self.file, "--check-config", env=env)

    def test_a_right_file_is_said_to_be(self):
        for code, out, err in self.checks('[presence]\ntimeout = "5s"\n'):
            self.assertEqual((code, out, err), (0, f"{self.file}: ok\n", ""))

    def test_a_wrong_file_ends_with_78_and_file_and_line(self):
        wrong = {
            "\n[presence]\ntimeuot = 3\n": ":3: unknown key `timeuot` in [presence]; did you mean `timeout`?",
            "[presence]\ntimeout = 3\n": ":2: `timeout` in [presence] must be a duration in quotes",
            "[presence\n": ":1: ",
            "[[tracker]]\nevents = \"ipc:///x\"\n": ":2: `events` = `ipc:///x`: ipc can lose",
            "[[tracker]]\n[[tracker]]\nid = \"t1\"\n": ":3: two trackers are called `t1`",
            "[[sink]]\ntype = \"jsonl\"\n": ":1: the sink `jsonl` needs a `path`",
        }
        for text, message in wrong.items():
            for code, out, err in self.checks(text):
                self.assertEqual((code, out), (78, ""), err)
                self.assertIn(f"{self.file}{message}", err)
                self.assertEqual(len(err.splitlines()), 1)

    def test_a_wrong_variable_ends_with_78_and_its_name(self):
        for code, _, err in self.checks("", env={"PRESENCE_TIMEOUT": "soon"}):
            self.assertEqual(code, 78)
            self.assertIn("PRESENCE_TIMEOUT must be a duration", err)
        for code, _, err in self.checks("", env={"PRESENCE_TIMEUOT": "3s"}):
            self.assertEqual(code, 78)
            self.assertIn("did you mean PRESENCE_TIMEOUT?", err)
        for code, _, err in self.checks("", env={"PRESENCE_PORT": "tcp://10.0.0.1:80"}):
            self.assertEqual(code, 0)
            self.assertIn("PRESENCE_PORT is no setting: ignored", err)

    def test_a_process_that_is_not_in_the_file_ends_with_64(self):
        self.file.write_text("")
        for program in PROCESSES:
            code, _, err = run(binary(program), "--config", self.file, "--id", "x9")
            self.assertEqual(code, 64)
            self.assertIn("`x9`", err)

    def test_an_address_in_use_ends_with_69_and_the_address(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            self.file.write_text(f'[[collector]]\nheartbeats = "{endpoint}"\n')
            code, _, err = run(binary("presence-collector"), "--config", self.file)
        self.assertEqual(code, 69)
        self.assertIn(f"cannot bind {endpoint} for heartbeats: Address already in use", err)

    def test_what_is_printed_is_what_is_read(self):
        self.file.write_text('[presence]\ntimeout = "7s"\n')
        tracker = binary("presence-tracker")
        _, printed, _ = run(tracker, "--config", self.file, "--cluster", "x", "--print-config")
        self.assertIn('timeout = "7s"', printed)
        self.assertIn('cluster = "x"', printed)
        self.file.write_text(printed)
        origin = '# --cluster; without it: "main"\n'
        self.assertIn(origin, printed)
        self.assertEqual(run(tracker, "--config", self.file, "--print-config")[1], printed.replace(origin, ""))


class PipeTest(unittest.TestCase):
    def test_a_configuration_that_comes_from_a_pipe_is_read_once(self):
        with Installation() as files:
            command = f'{binary("presence-tracker")} --config <(cat {files.config})'
            tracker = self.enterContext(Process("bash", "-c", f"exec {command}", cwd=files.directory))
            tracker.wait_for(f"event=started .*query={files.queries[0]}", "err")


if __name__ == "__main__":
    unittest.main()
