"""The pages of a store are overwritten while its process runs. The process ends, as it cannot mend
that, is started again, moves the store aside, and the sinks are told the truth in the end."""

import os
import re
import shutil
import signal
import unittest

import msgpack
import zmq

from comers import Comers
from pipeline import Installation, Up
from support import wait_for
from tail import Tail

SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'
# So many that SQLite cannot hold all pages in its cache.
HOLDERS = [f"holder{n}-{'x' * 100}" for n in range(20_000)]


class Damage(unittest.TestCase):
    def setUp(self):
        self.files = self.enterContext(Installation(timeout="2s", sinks=SINK))
        self.up = self.enterContext(Up(self.files))
        self.edge = self.enterContext(zmq.Context()).socket(zmq.PUSH)
        self.edge.linger = 0
        self.edge.connect(self.files.heartbeats[0])
        self.addCleanup(self.edge.close)
        self.load = Comers(self.edge)
        self.told = Tail(self.files.directory / "events.jsonl")
        for begin in range(0, len(HOLDERS), 200):
            items = [{"user": user, "ttl_ms": 3_600_000} for user in HOLDERS[begin : begin + 200]]
            self.edge.send(msgpack.packb(items))
        self.keep_loading(lambda: len(self.told.read().ids) >= len(HOLDERS) + 1000, "all are told")

    def keep_loading(self, until, what):
        def turn():
            self.load.turn()
            return until()

        return wait_for(turn, what)

    def overwrite(self, directory):
        """Every page of the database and of its log, but not what they begin with."""
        for name, begin in (("journal.sqlite", 16384), ("journal.sqlite-wal", 32)):
            path = directory / name
            with open(path, "r+b") as file:
                left = path.stat().st_size - begin
                file.seek(begin)
                file.write(os.urandom(max(left, 0)))

    def ended(self, kind):
        """Ends once with code 74, one line that says why, and is there again with a new store."""
        name = f"{kind[0]}1"
        self.keep_loading(
            lambda: any(f'event=process_ended name="{kind} {name}" exit_code=74' in line for line in list(self.up.err)),
            f"{kind} ends with code 74",
        )
        self.load.held = True
        self.keep_loading(lambda: self.up.child(kind, name), f"{kind} is back")
        self.keep_loading(lambda: any("a new one was begun" in line for line in list(self.up.err)), "moved aside")
        self.load.held = False
        why = [line for line in self.lines_of(kind) if 'event=fatal message="cannot write' in line]
        self.assertEqual(len(why), 1, why)
        self.assertIn("malformed; at the next start it will be moved aside", why[0])

    def start_anew(self, kind):
        """Kills it, and waits until it is there again. It has then read its rows last, more than
        SQLite's cache holds, and has to read each state's page before it writes the state. One that
        runs for longer may have all states in its cache, and write them over what was damaged."""
        began = lambda: sum("event=started" in line for line in self.lines_of(kind))
        before = began()
        os.kill(self.up.child(kind, f"{kind[0]}1"), signal.SIGKILL)
        self.keep_loading(lambda: began() > before, f"{kind} is started anew")

    def lines_of(self, kind):
        return [line for line in list(self.up.err) if f"process={kind[0]}1 " in line]

    def test_a_trackers_journal(self):
        self.start_anew("tracker")
        self.overwrite(self.files.directory / "t1")
        self.ended("tracker")
        came = self.load.came
        self.keep_loading(lambda: self.load.came > came + 100, "more come and go")
        self.load.held = True
        self.load.say_bye()
        untrue = lambda: self.load.untrue(self.stories())
        self.keep_loading(lambda: not untrue(), lambda: untrue()[:5])
        offline = {user for user, states in self.stories().items() if states[-1] == "offline"}
        self.assertEqual(offline & set(HOLDERS), set())

    def test_a_trackers_data_is_deleted_while_it_runs(self):
        shutil.rmtree(self.files.directory / "t1")
        why = "event=fatal message=\"cannot write .*: it was deleted, moved or replaced while it was in use"
        self.keep_loading(lambda: any(re.search(why, line) for line in list(self.up.err)), "it says so")
        self.load.held = True
        self.keep_loading((self.files.directory / "t1" / "journal.sqlite").exists, "a new one is begun")
        self.load.say_bye()
        untrue = lambda: self.load.untrue(self.stories())
        self.keep_loading(lambda: not untrue(), lambda: untrue()[:5])

    def test_a_sinks_store(self):
        self.overwrite(self.files.directory / "n1" / "file")
        self.ended("notifier")
        # The sink is as a new one. Until it was told who is online, it may miss who comes and goes.
        self.load.held = True
        stay = self.load.stays + HOLDERS
        self.keep_loading(lambda: self.told_twice(stay), "who is online is told anew")
        self.load.held = False
        came = self.load.came
        self.keep_loading(lambda: self.load.came > came + 100, "more come and go")
        self.load.held = True
        self.load.say_bye()
        after = {f"comer{n}" for n in range(came, self.load.came)}

        def wrongs():
            stories = self.stories()
            return [u for u in after if stories.get(u) != ["online", "offline"]] + [
                u for u in stay if stories[u] != ["online", "online"]
            ]

        self.keep_loading(lambda: not wrongs(), lambda: wrongs()[:5])

    def told_twice(self, users):
        stories = self.stories()
        return all(stories[user] == ["online", "online"] for user in users)

    def stories(self):
        return self.told.read().states()


if __name__ == "__main__":
    unittest.main()
