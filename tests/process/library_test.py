"""The installed library form: found by CMake and pkg-config, and its examples with real time."""

import os
import pathlib
import queue
import re
import shlex
import signal
import subprocess
import threading
import time
import unittest

from support import BIN, PATIENCE, ROOT, Scratch, wait_for

EXAMPLE = ROOT / "embed/example"
FLAGS = f"-fsanitize={os.environ['SANITIZE']}" if os.environ.get("SANITIZE") else ""
TIMEOUT = 1.0  # of the examples, in seconds


def run(*command, **more):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


class Example:
    """An example: heartbeats go in, an id a line; lines come out, with the time they came."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put((line.strip(), time.monotonic()))
        self.lines.put((None, time.monotonic()))

    def beat(self, *ids):
        """Returns a time before the heartbeat."""
        before = time.monotonic()
        self.process.stdin.write("".join(f"{id}\n" for id in ids))
        self.process.stdin.flush()
        return before

    def told(self):
        return self.lines.get(timeout=PATIENCE)

    def rest(self):
        """What is told from now to the end of the output."""
        told = []
        while (line := self.told()[0]) is not None:
            told.append(line)
        return told

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch()
        cls.addClassCleanup(cls.scratch.close)
        # Moved after it was installed: no path may be kept in it.
        run("cmake", "--install", BIN.parent, "--prefix", cls.scratch / "first")
        cls.prefix = cls.scratch / "prefix"
        (cls.scratch / "first").rename(cls.prefix)
        cls.build = cls.scratch / "build"
        run("cmake", "-S", EXAMPLE, "-B", cls.build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={cls.prefix}",
            f"-DCMAKE_CXX_FLAGS={FLAGS}")
        run("cmake", "--build", cls.build)

    def start(self, name):
        return self.enterContext(Example(self.build / name))

    def test_one_header_one_archive_and_two_ways_to_find_them_are_installed(self):
        files = sorted(str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if path.is_file())
        known = [name for name in files if "OnlineManagerConfig-" not in name]
        self.assertEqual([pathlib.Path(name).name for name in known],
                         ["online_manager.hpp", "OnlineManagerConfig.cmake", "OnlineManagerConfigVersion.cmake",
                          "libonline_manager.a", "online_manager.pc"])

    def test_pkg_config_finds_it(self):
        where = next(self.prefix.rglob("pkgconfig"))
        flags = run("pkg-config", "--cflags", "--libs", "online_manager", env={**os.environ, "PKG_CONFIG_PATH": str(where)})
        program = self.scratch / "by_pkg_config"
        run("g++", "-std=c++20", *shlex.split(FLAGS), EXAMPLE / "boosters.cpp", "-o", program, *shlex.split(flags))
        linked = run("ldd", program)
        for other in ("xxhash", "zmq", "msgpack", "spdlog"):
            self.assertNotIn(other, linked)
        with Example(program) as example:
            example.beat("alice")
            self.assertEqual(example.told()[0], "Booster alice online")
            example.process.stdin.close()
            self.assertEqual(example.rest(), ["Booster alice offline"])

    def test_what_the_page_shows_compiles(self):
        shown = re.findall(r"^```cpp\n(.*?)^```", (ROOT / "docs/library.md").read_text(), re.MULTILINE | re.DOTALL)
        self.assertEqual(len(shown), 2)
        source = self.scratch.write("shown.cpp", "\n".join((
            "#include <iostream>\n#include <string>\nstatic int socket_;\nstatic std::string receive(int);",
            shown[0],
            "void joins(Config& config, bool (&my_loop_waits_for)(int)) {", shown[1], "}",
        )))
        include = next(self.prefix.rglob("online_manager.hpp")).parent
        run("g++", "-std=c++20", "-fsyntax-only", f"-I{include}", source)

    def test_the_ruby_example_tells_who_comes_and_who_falls_silent(self):
        example = self.start("boosters")
        last = {"alice": example.beat("alice")}
        told = {"alice": [], "bob": []}

        def listen(seconds):
            line, at = example.lines.get(timeout=seconds)
            _, user, state = line.split()
            told[user].append((state, at))

        while ["online", "offline"] != [state for state, _ in told["alice"]]:
            last["bob"] = example.beat("bob")  # goes on
            try:
                listen(0.1)
            except queue.Empty:
                self.assertLess(time.monotonic(), last["alice"] + PATIENCE, "alice was not told offline")
        while not told["bob"] or told["bob"][-1][0] == "online":
            listen(PATIENCE)
        for user, story in told.items():
            self.assertGreaterEqual(story[-1][1] - last[user], TIMEOUT)
        self.assertEqual(example.process.poll(), None)

    def test_run_ends_by_a_signal_and_everyone_is_told_offline(self):
        example = self.start("boosters")
        example.beat("alice")
        self.assertEqual(example.told()[0], "Booster alice online")
        example.process.send_signal(signal.SIGTERM)
        self.assertEqual(example.rest(), ["Booster alice offline"])
        self.assertEqual(example.process.wait(PATIENCE), 0)

    def test_two_managers_in_a_loop_of_ones_own(self):
        example = self.start("own_loop")
        last = example.beat("alice")
        told = [example.told() for _ in range(4)]
        self.assertEqual({line for line, _ in told[:2]}, {"alice is there", "alice is remembered"})
        self.assertEqual([line for line, _ in told[2:]], ["alice is no longer there", "alice is no longer remembered"])
        self.assertGreaterEqual(told[2][1] - last, 1.0)
        self.assertGreaterEqual(told[3][1] - last, 2.0)
        example.beat("bob")
        example.process.stdin.close()
        self.assertEqual(sorted(example.rest()), ["bob is no longer remembered", "bob is no longer there",
                                                  "bob is remembered", "bob is there"])
        self.assertEqual(example.process.wait(PATIENCE), 0)

    def test_a_manager_in_a_loop_of_libuv(self):
        example = self.start("libuv_loop")
        last = example.beat("alice")
        self.assertEqual(example.told()[0], "alice online")
        line, at = example.told()
        self.assertEqual(line, "alice offline")
        self.assertGreaterEqual(at - last, TIMEOUT)
        example.beat("bob")
        self.assertEqual(example.told()[0], "bob online")
        example.process.stdin.close()
        self.assertEqual(example.rest(), ["bob offline"])
        self.assertEqual(example.process.wait(PATIENCE), 0)

    def test_a_callback_that_throws_ends_the_program_with_everyone_offline(self):
        example = self.start("libuv_loop")
        example.beat("alice", "mallory")
        self.assertEqual(example.told()[0], "alice online")
        self.assertEqual(sorted(example.rest()), ["alice offline", "mallory offline"])
        self.assertEqual(example.process.wait(PATIENCE), 1)
        self.assertEqual(example.process.stderr.read().strip(), "mallory came")

    def test_a_program_that_was_stopped_tells_late_never_early(self):
        example = self.start("boosters")
        last = example.beat("alice")
        self.assertEqual(example.told()[0], "Booster alice online")
        example.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: time.monotonic() > last + 2 * TIMEOUT, "time to pass")
        example.process.send_signal(signal.SIGCONT)
        line, at = example.told()
        self.assertEqual(line, "Booster alice offline")
        self.assertGreaterEqual(at - last, 2 * TIMEOUT)


if __name__ == "__main__":
    unittest.main()
