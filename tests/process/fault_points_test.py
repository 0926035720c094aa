"""Trackers and notifiers are killed at the places where most could go wrong (common/io/
fault_point.hpp). Afterwards each transition has been told once, in order, and as the journal has it."""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import time
import unittest

import zmq

import journals
from comers import Comers
from pipeline import Installation, Process, binary
from support import json_lines, wait_for
from tail import Tail

SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'


def setUpModule():
    if b"FAULT_POINT" not in pathlib.Path(binary("presence-tracker")).read_bytes():
        raise unittest.SkipTest("this build has no fault points")
    print(f"seed {SEED}", flush=True)


class FaultPoints(unittest.TestCase):
    def setUp(self):
        self.draw = random.Random(f"{SEED} {self.id()}")
        self.files = self.enterContext(Installation(timeout="2s", sinks=SINK))
        self.programs = {kind: self.program(kind) for kind in ("tracker", "collector", "notifier")}
        self.programs["notifier"].wait_for("event=in_step", "err")
        edge = self.enterContext(zmq.Context()).socket(zmq.PUSH)
        edge.linger = 0
        edge.connect(self.files.heartbeats[0])
        self.addCleanup(edge.close)
        self.load = Comers(edge)
        self.told = Tail(self.files.directory / "events.jsonl")
        self.keep_loading(lambda: len(self.told.read().ids) > 100, "a first hundred events")

    def program(self, kind, point=None):
        command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", f"{kind[0]}1")
        env = {"FAULT_POINT": point} if point else None
        return self.enterContext(Process(*command, cwd=self.files.directory, env=env))

    def lines(self):
        return json_lines(self.files.directory / "events.jsonl", notices=True)

    def keep_loading(self, until, what):
        def turn():
            self.load.turn()
            return until()

        return wait_for(turn, what)

    def end(self, kind):
        """Ended in order, so that it can be started anew with a fault point."""
        self.load.held = True
        self.programs[kind].send(signal.SIGTERM)
        self.keep_loading(lambda: not self.programs[kind].running(), f"{kind} ends")

    def die(self, kind, point, passes):
        """Starts it, and sees it die at that pass of that point."""
        program = self.programs[kind] = self.program(kind, f"{point}:{passes}")
        self.load.held = kind == "tracker" and point.startswith("store.open")
        self.keep_loading(lambda: not program.running(), f"{kind} dies at {point}:{passes}")
        self.assertEqual(program.wait(), -signal.SIGKILL, program.err[-3:])
        self.assertIn(f"killed at {point}", program.err[-10:])
        self.load.held = kind == "tracker"

    def start(self, kind):
        self.programs[kind] = self.program(kind)
        self.programs[kind].wait_for("event=started|event=in_step", "err")
        self.load.held = False

    def in_journal(self):
        """Also of a tracker that is to be started again: a copy is read, as reading changes files."""
        copy = self.files.directory / "copy"
        shutil.copytree(self.files.directory / "t1", copy)
        try:
            return list(journals.events(copy))
        finally:
            shutil.rmtree(copy)

    def judge(self):
        end = time.monotonic() + 0.5
        self.keep_loading(lambda: time.monotonic() > end, "half a second more")
        self.load.held = True
        self.load.say_bye()
        wrongs = lambda: self.load.wrongs(self.told.read().states())
        self.keep_loading(lambda: not wrongs(), lambda: wrongs()[:5])
        self.load.stays = []  # nobody beats while processes end, as who stays must not be lost
        for kind in ("collector", "tracker", "notifier"):
            self.programs[kind].send(signal.SIGTERM)
            self.assertEqual(self.programs[kind].wait(), 0)
        self.told.read()
        self.assertEqual(self.told.odd, [])
        in_journal = {}
        for event_id, user, *event in self.in_journal():
            in_journal.setdefault(user, []).append((event_id, *event))
        self.assertEqual(self.told.stories, in_journal)

    def passes(self):
        return self.draw.randrange(5, 40)


class Store(FaultPoints):
    """What may happen to whatever has a store: a subclass says to whom, with `kind`."""

    def kill_and_judge(self, point, passes):
        self.end(self.kind)
        self.die(self.kind, point, passes)
        self.start(self.kind)
        self.judge()

    def test_before_the_commit(self):
        self.kill_and_judge("store.before_commit", self.passes())

    def test_between_the_states_of_a_write(self):
        self.kill_and_judge("store.between_states", self.passes())

    def test_during_a_checkpoint(self):
        self.kill_and_judge("store.checkpoint", 1)

    def test_during_a_restart(self):
        self.end(self.kind)
        for _ in range(3):
            self.die(self.kind, "store.open", 1)
        self.start(self.kind)
        self.judge()


class Tracker(Store):
    kind = "tracker"

    def test_before_a_write(self):
        self.kill_and_judge("journal.before_write", self.passes())

    def test_kill_between_journal_and_publish(self):
        untold = []
        while not untold:  # a write may be of states alone
            self.end("tracker")
            self.die("tracker", "journal.after_write", self.passes())
            told = {line["id"] for line in self.lines()}
            untold = [event[0] for event in self.in_journal() if event[0] not in told]
            self.start("tracker")
        self.keep_loading(
            lambda: set(untold) <= {line["id"] for line in self.lines()}, f"{untold} are told"
        )
        self.judge()

    def test_who_comes_and_goes_at_once_is_told_once(self):
        # What was written and not acknowledged yet is sent again by the collector.
        self.load.stay = 0.0
        self.kill_and_judge("journal.after_write", self.passes())

    def test_while_a_damaged_end_is_cut(self):
        self.end("tracker")
        with contextlib.closing(sqlite3.connect(self.files.directory / "t1/journal.sqlite")) as database:
            database.execute(
                "UPDATE journal SET body = x'00' WHERE number = (SELECT max(number) FROM journal)"
            )
            database.commit()
        self.die("tracker", "store.cut", 1)
        self.start("tracker")
        self.programs["tracker"].wait_for("event=journal_damaged.* is damaged; it ends with row", "err")
        # What was cut may be told again, and the ends of it as differences: the story alternates.
        self.load.held = True
        self.load.say_bye()
        untrue = lambda: self.load.untrue(self.told.read().states())
        self.keep_loading(lambda: not untrue(), untrue)


class Notifier(Store):
    kind = "notifier"

    def test_between_keeping_and_telling(self):
        self.kill_and_judge("sink.kept", self.passes())

    def test_between_the_sinks_success_and_the_commit(self):
        self.end("notifier")
        self.die("notifier", "sink.taken", self.passes())
        taken = [line["id"] for line in self.lines()]
        self.start("notifier")
        self.judge()
        again = [line["id"] for line in self.lines()][len(taken) :]
        self.assertIn(taken[-1], again)  # it was not confirmed, so it is told again, as it was


del FaultPoints, Store  # their tests are those of who derives


if __name__ == "__main__":
    unittest.main()
