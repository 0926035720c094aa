"""Every process of a pipeline is killed again and again under load, most of the time right after a
publish. The truth is the load's schedule: nobody who keeps beating is told offline, every long
silence is, each user's story alternates in the order of the file, and what the sink was told is what
the trackers' journals hold, nothing less and nothing more."""

import bisect
import collections
import datetime
import itertools
import json
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import time
import unittest

import msgpack
import zmq

import journals
import kills_load
from pipeline import Installation, Up, alive, children_of, environment
from support import patience, wait_for
from tail import Tail

SEED = int(os.environ.get("KILLS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
KILLS = int(os.environ.get("KILLS", "20"))
USERS = int(os.environ.get("KILLS_USERS", "4000" if os.environ.get("SANITIZE") else "20000"))
TTL = 2.0
SECONDS_MIN = 60 * TTL
# So long without a kill or a start, and a silence is surely told: a process that comes back holds
# everyone for a ttl, and so does another one that finds it missing. And so long, and somebody who beats
# is told online. In shorter ones the few heartbeats of a short visit may all have been swallowed.
SURELY = 8.0
SURELY_ONLINE = 4.0
# By how much clocks, whole milliseconds and a read may differ from the load's record.
TOLERANCE = 0.1
# What a collector that is killed may take with it: what it read for a tracker that was away as well.
# And until it is back nobody may be there to take a heartbeat. Who then beats no more is offline from
# their last heartbeat that was not lost.
SWALLOWED = 4.0
AWAY = 2.0
# A heartbeat that was sent while no collector read may be read so much later.
READ_LATE = 3.0
# Of 20 kills. "all" is every child of the supervisor, "up" the supervisor as well.
SHARES = {"t1": 4, "t2": 4, "c1": 2, "c2": 2, "n1": 5, "all": 2, "up": 1}
KINDS = {"t": "tracker", "c": "collector", "n": "notifier"}
SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'


def plan(draw):
    """(when, whom, how long after a publish) of each kill: bursts, and some peace between them."""
    whom = []
    while len(whom) < KILLS:
        round_ = list(itertools.chain(*([name] * share for name, share in SHARES.items())))
        draw.shuffle(round_)
        whom += round_
    at, kills = 3.0, []
    for name in whom[:KILLS]:
        # A collector has handed on what it read before that publish: at any time, to catch it with more.
        pause = draw.uniform(0, 0.1) if name in ("c1", "c2") else draw.choice((0, draw.uniform(0, 0.008)))
        kills.append((at, name, pause))
        at += draw.uniform(0.3, 2.5) if draw.random() < 0.7 else draw.uniform(9, 12)
    return kills


class Publications:
    """What the trackers publish, to kill right after it."""

    def __init__(self, endpoints):
        self._context = zmq.Context()
        self._poller = zmq.Poller()
        self._names = {}
        for number, endpoint in enumerate(endpoints, 1):
            socket = self._context.socket(zmq.SUB)
            socket.linger, socket.rcvhwm, socket.reconnect_ivl = 0, 0, 20
            socket.subscribe(b"batch")
            socket.connect(endpoint)
            self._poller.register(socket, zmq.POLLIN)
            self._names[socket] = f"t{number}"

    def close(self):
        self._context.destroy(linger=0)

    def wait(self, until, wanted=None):
        """When a batch with events of a tracker that is `wanted` came; None if none did by then."""
        while (left := until - time.monotonic()) > 0:
            for socket, _ in self._poller.poll(left * 1000 + 1):
                while socket.poll(0):
                    _, body = socket.recv_multipart()
                    came = time.monotonic()
                    if wanted and self._names[socket] in wanted and msgpack.unpackb(body)[5]:
                        return came
        return None


class KillsTest(unittest.TestCase):
    def setUp(self):
        self.kills = []  # (time, name, seconds since a publish or None)
        self.logs = []  # of each supervisor and its children, lists of lines
        self.plan = plan(random.Random(SEED))
        self.seconds = max(SECONDS_MIN, self.plan[-1][0] + SURELY + 2)
        self.files = self.enterContext(Installation(2, 2, f"{TTL:g}s", SINK))
        self.up = self.logged(Up(self.files))
        self.addCleanup(lambda: self.up.__exit__())
        self.publications = Publications(self.files.events)
        self.addCleanup(self.publications.close)
        arguments = (SEED, USERS, self.seconds, *self.files.heartbeats)
        self.load = subprocess.Popen(
            [sys.executable, pathlib.Path(kills_load.__file__), *map(str, arguments)],
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        self.addCleanup(self.load.stdout.close)
        self.addCleanup(self.load.wait)
        self.addCleanup(self.load.kill)

    def logged(self, up):
        self.logs.append(up.err)
        return up

    def keep_logs(self):
        """To the file that KILLS_LOG names."""
        if "KILLS_LOG" in os.environ:
            lines = (line for lines in self.logs for line in lines if "event=stats" not in line)
            pathlib.Path(os.environ["KILLS_LOG"]).write_text("\n".join(lines) + "\n")

    def kill(self, name, pause):
        """Right after a publish, or after half a second without one."""
        wanted = {name} if name in ("t1", "t2") else {"t1", "t2"}
        came = self.publications.wait(time.monotonic() + 0.5, wanted)
        if pause:
            time.sleep(pause)  # so that a kill meets each moment after a publish
        if name in ("all", "up"):
            pids = children_of(self.up.pid) + ([self.up.pid] if name == "up" else [])
        else:
            pids = [pid for pid in [self.up.child(KINDS[name[0]], name)] if pid]
        now = time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        if name == "up":
            self.up.__exit__()
            wait_for(lambda: not any(alive(pid) for pid in pids), "the killed to be gone")
            self.up = self.logged(Up(self.files, ready=False))
        if pids:  # else it was not back yet from the kill before
            self.kills.append((now, name, came and now - came))

    def run_kills(self):
        began = time.monotonic()
        for at, name, pause in self.plan:
            self.publications.wait(began + at)
            self.kill(name, pause)
            self.assertTrue(self.up.running(), self.up.err[-5:])

    def test_nobody_is_wrongly_offline_and_nothing_is_lost(self):
        print(f"seed {SEED}: {USERS} users, {KILLS} kills, {self.seconds:.0f} s", flush=True)
        self.run_kills()
        out, _ = self.load.communicate(timeout=self.seconds + patience(60))
        load = json.loads(out)
        wall = time.time() - time.monotonic()
        told = Tail(self.files.directory / "events.jsonl")
        users = [kills_load.user_id(number) for number in range(USERS)]

        def all_offline():
            told.read()
            return all(told.stories[user][-1:] and told.stories[user][-1][1] == "offline" for user in users)

        self.addCleanup(self.keep_logs)
        wait_for(all_offline, f"seed {SEED}: everyone is told offline", 90)
        self.assertEqual(self.up.stop(), 0)
        told.read()
        owner = self.check_journals(told)
        self.tell(told, load, wall)
        self.assertEqual(told.odd, [])
        disturbed = self.disturbances(wall)
        collectors = [at for at, name, _ in self.kills if name in ("c1", "c2", "all", "up")]
        wrong = []
        for number, user in enumerate(users):
            story = [(state, at_ms / 1000 - wall) for _, state, at_ms in told.stories[user]]
            judge = Judge(kills_load.Schedule(SEED, number, len(load["sent_at"])), load["sent_at"])
            wrong += [f"{user}: {what}" for what in judge.wrongs(story, disturbed[owner[user]], collectors)]
        if wrong:
            kills = "".join(f"\n  {clock(at + wall)} {at:.3f} {name}" for at, name, _ in self.kills)
            self.fail(f"seed {SEED}: {len(wrong)} wrongs: {wrong[:20]}\nkills:{kills}")
        # Kills hold some up for most of the time; that the load makes people come and go shows in the many.
        self.assertGreaterEqual(statistics.median(map(len, told.stories.values())), 10)
        near = [since for _, _, since in self.kills if since is not None and since < 0.010]
        self.assertGreaterEqual(2 * len(near), len(self.kills), "kills within 10 ms of a publish")

    def disturbances(self, wall):
        """By tracker: when what its users need was killed, or was back, which on a busy machine takes
        a while."""
        back = []
        for line in itertools.chain(*self.logs):
            if found := re.match(r"time=(\S+) .*process=([ct]\d) event=started ", line):
                at = datetime.datetime.fromisoformat(found[1]).timestamp() - wall
                back.append((at, found[2], None))
        self.assertGreater(len(back), len(self.kills) / 2, "starts are logged")
        needs = lambda tracker: (tracker, "c1", "c2", "all", "up")
        return {
            tracker: sorted(at for at, name, _ in self.kills + back if name in needs(tracker))
            for tracker in ("t1", "t2")
        }

    def check_journals(self, told):
        """The sink was told what the journals hold, no less, no more. Returns whose each user is."""
        in_journals, owner = {}, {}
        for tracker in ("t1", "t2"):
            for event_id, *event in journals.events(self.files.directory / tracker):
                self.assertNotIn(event_id, in_journals)
                in_journals[event_id] = tuple(event)
                owner[event[0]] = tracker
        self.assertEqual(set(told.ids) - set(in_journals), set(), "told, and in no journal")
        self.assertEqual(set(in_journals) - set(told.ids), set(), "in a journal, and not told")
        for user, story in told.stories.items():
            for event_id, state, at_ms in story:
                self.assertEqual(in_journals[event_id], (user, state, at_ms))
            order = [tuple(map(int, event_id.split(".")[1:])) for event_id, *_ in story]
            self.assertEqual(order, sorted(order), f"{user} out of order")
        return owner

    def tell(self, told, load, wall):
        written = sorted(
            written_ms / 1000 - wall
            for tracker in ("t1", "t2")
            for written_ms, batch in journals.batches(self.files.directory / tracker)
            if batch[5]
        )
        near = sum(1 for _, _, since in self.kills if since is not None and since < 0.010)
        after_write = sum(
            1 for at, *_ in self.kills
            if at - written[max(0, bisect.bisect(written, at + 0.001) - 1)] < 0.010
        )
        by_name = collections.Counter(name for _, name, _ in self.kills)
        counts = sorted(map(len, told.stories.values()))
        print(
            f"seed {SEED}: {len(self.kills)} kills {dict(sorted(by_name.items()))}; "
            f"{near} within 10 ms after a batch arrived here, {after_write} within 10 ms after one was "
            f"written; {len(told.ids)} events of {len(counts)} users, {counts[0]} to {counts[-1]} each, "
            f"{told.lines - len(told.ids)} told again; "
            f"{load['dropped']} of {2 * len(load['sent_at'])} messages dropped by the edges",
            flush=True,
        )


class Judge:
    """What a user's story must be, by the heartbeats the load was to send."""

    def __init__(self, schedule, sent_at):
        beats = [sent_at[tick] for tick in schedule.ticks()]
        self.beats = beats
        # Where one beats without a break, and the silences after; the last one never ends.
        gaps = [n for n, (a, b) in enumerate(zip(beats, beats[1:])) if b - a > TTL]
        begins = [beats[0]] + [beats[n + 1] for n in gaps]
        ends = [beats[n] for n in gaps] + [beats[-1]]
        self.alive = list(zip(begins, ends))
        self.silent = list(zip(ends, begins[1:] + [float("inf")]))

    def wrongs(self, story, disturbed, collector_kills):
        states = [state for state, _ in story]
        if states != ["online", "offline"] * (len(states) // 2):
            yield f"does not alternate: {states}"
        nexts = [at for _, at in story[1:]] + [float("inf")]
        for (state, at), next_at in zip(story, nexts):
            if state == "online" and not self._was_alive(at):
                yield f"online at {at:.3f}, beating in {self.alive}"
            if state == "offline" and not self._was_silent(at, next_at, collector_kills):
                yield f"offline at {at:.3f}, silent in {self.silent}"
        for spans, state, surely in (
            (self.silent[:-1], "offline", SURELY), (self.alive, "online", SURELY_ONLINE)
        ):
            for begin, end in spans:
                peace = longest_peace(begin, end, disturbed)
                if peace >= surely and state_at(story, end - TOLERANCE) != state:
                    yield f"not told {state}, as it was from {begin:.3f} to {end:.3f}"

    def _was_alive(self, at):
        return any(begin - TOLERANCE <= at <= end + READ_LATE for begin, end in self.alive)

    def _was_silent(self, at, next_online, collector_kills):
        """Also, nobody is told online before they beat again: who was told offline while they beat is."""
        return any(
            self._surely_read(last, collector_kills) + TTL - TOLERANCE <= at <= first + TOLERANCE
            and next_online >= first - TOLERANCE
            for last, first in self.silent
        )

    def _surely_read(self, last, collector_kills):
        """The newest heartbeat up to the last one that surely was not lost with a collector."""
        for beat in reversed(self.beats[: bisect.bisect_right(self.beats, last)]):
            next_kill = bisect.bisect_left(collector_kills, beat - AWAY)
            if next_kill == len(collector_kills) or collector_kills[next_kill] > beat + SWALLOWED:
                return beat
        return self.beats[0] - TTL


def state_at(story, time):
    return next((state for state, at in reversed(story) if at <= time), "offline")


def clock(unix):
    return datetime.datetime.fromtimestamp(unix, datetime.timezone.utc).strftime("%H:%M:%S.%f")[:-3]


def longest_peace(begin, end, disturbed):
    times = [begin] + [at for at in disturbed if begin < at < end] + [end]
    return max(b - a for a, b in zip(times, times[1:]))


if __name__ == "__main__":
    unittest.main()
