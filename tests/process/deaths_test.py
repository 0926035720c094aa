"""Trackers and collectors that are killed at the worst moment of a load, journals that lose their end, and
users who move between two collectors while both speak."""

import shutil
import struct
import time
import unittest

import msgpack
import zmq

import journals
from chaos import RECOVERY, Chaos
from population import SLACK, TOLERANCE
from support import json_lines

BURST = 2_000  # users
PARTS = 20  # they come in so many messages


class Deaths(Chaos):
    def publications(self):
        """A socket that hears of each batch."""
        listener = self.context.socket(zmq.SUB)
        self.addCleanup(listener.close)
        listener.rcvhwm = 0
        listener.subscribe(b"batch")
        listener.connect(self.files.events[0])
        self.go_on(lambda: listener.poll(0), "a batch is heard")
        return listener

    def tells(self, listener, state, prefix):
        """True once a batch tells it of such a user."""
        while listener.poll(0):
            batch = msgpack.unpackb(listener.recv_multipart()[1])
            if any(e[0].startswith(prefix) and e[1] == state for slot in batch[5] for e in slot[3]):
                return True
        return False

    def in_journal(self, state):
        """Users of the burst who are told so in the journal of a tracker that is not running."""
        copy = self.files.directory / "copy"
        shutil.copytree(self.files.directory / "t1", copy)
        told = [user for _, user, s, _ in journals.events(copy) if user.startswith("burst") and s == state]
        shutil.rmtree(copy)
        return set(told)

    def kill_tracker_and_start(self):
        began = time.monotonic()
        self.kill("t1")
        self.go_on_for(0.3)
        self.restart("t1")
        self.fault(began, RECOVERY + self.ttl)

    def test_kill_9_tracker_in_a_burst(self):
        """The first half of 2,000 come, the tracker is killed when it begins to tell of them, the rest come
        while it is dead. They fall silent one part after the other, and it is killed when that is told."""
        self.start(2)
        users = [f"burst{n}" for n in range(BURST)]
        self.load.others.update(users)
        parts = [users[n::PARTS] for n in range(PARTS)]
        gateway = self.gateway("burst")
        self.go_on(lambda: gateway.speak([]), "a collector is there")
        listener = self.publications()
        for part in parts[: PARTS // 2]:
            gateway.speak(part)
        self.go_on(lambda: self.tells(listener, "online", "burst"), "it tells of the burst")
        self.kill_tracker_and_start()
        sent = {}
        came = lambda: all(user in self.told.stories for user in users)

        def beat_on():
            """One part each time, 50 ms apart, so that their ends are as far apart."""
            for part in parts:
                gateway.speak(part)
                sent.update(dict.fromkeys(part, time.time()))
                self.go_on_for(0.05)
            return self.told.read() and came()

        self.go_on(beat_on, "all of the burst are told online")
        listener = self.publications()
        self.go_on(lambda: self.tells(listener, "offline", "burst"), "it tells that they leave")
        began = time.monotonic()
        self.kill("t1")
        told = self.in_journal("offline")
        self.assertTrue(0 < len(told) < BURST, f"{len(told)} of {BURST} were told: it was in the midst")
        self.restart("t1")
        self.fault(began, RECOVERY + self.ttl)
        told = lambda: [self.told.stories[user] for user in users]
        self.go_on(lambda: all(len(story) >= 2 for story in told()), "all of the burst are told offline")
        wrong = [
            story for user, story in zip(users, told())
            if [state for _, state, _ in story] != ["online", "offline"]
            or story[1][2] / 1000 < sent[user] + self.ttl - TOLERANCE
        ]
        self.assertEqual(wrong[:5], [], f"{len(wrong)} wrong")
        self.judge()
        self.assertEqual(self.told.odd, [])

    def test_kill_9_collector_under_load(self):
        self.start(2, 2, sticky=True)
        for _ in range(2):
            began = time.monotonic()
            self.kill("c1")
            self.go_on_for(0.5 * self.ttl)
            self.restart("c1")
            # What it had read and not handed on is gone, and what an edge had sent it. A bye too, then
            # silence ends the guest.
            self.load.losses.append((began - 0.5, time.monotonic() + 0.5))
            # Another boot lifts every deadline.
            self.fault(began, RECOVERY + self.ttl)
            self.go_on_for(0.5 * self.ttl)
        self.judge()
        self.assertEqual(self.told.odd, [])

    def test_without_any_collector_all_are_held_for_freeze_max_only(self):
        """Nobody asks the tracker meanwhile, whom nothing wakes but its ticks."""
        grace, freeze = 3.0, 4.0
        self.start(1, guests=0, settings=f'collector_grace = "{grace:g}s"\nfreeze_max = "{freeze:g}s"')
        killed = time.monotonic()
        self.kill("c1")
        gone = lambda: all(s[-1] == "offline" for s in self.told.states().values())
        self.go_on(gone, "all are told offline", freeze + 2 + grace + self.ttl + SLACK)
        self.assertGreater(time.monotonic(), killed + freeze)
        told = [e for e in json_lines(self.files.directory / "events.jsonl") if e["state"] == "offline"]
        self.assertEqual({e["freshness"] for e in told}, {"stale"})
        self.restart("c1")
        back = lambda: all(s[-1] == "online" for s in self.told.states().values())
        self.go_on(back, "all come back")
        self.load.silences.append((killed, time.monotonic()))
        self.fault(killed, RECOVERY + self.ttl)
        self.judge()

    def test_torn_journal_tail(self):
        """kill -9 in the midst of a write leaves a frame of the log half written. A loss of power takes some
        of what was written before."""
        self.start(1)
        self.go_on_for(1)
        log = self.files.directory / "t1" / "journal.sqlite-wal"
        began = time.monotonic()
        self.kill("t1")
        whole, end, frame = log_of(log)
        with open(log, "r+b") as file:
            file.truncate(end)
            file.seek(end)
            file.write(whole[end - frame : end - frame // 2])
        self.restart("t1")
        self.fault(began, RECOVERY + self.ttl)
        self.go_on_for(self.ttl)
        # Nothing that was told is lost, so nothing is told twice, and no difference had to be found.
        self.assertEqual(list(self.load.wrongs_so_far(self.stories())), [])
        self.assertEqual(self.told.odd, [])
        began = time.monotonic()
        self.kill("t1")
        whole, end, frame = log_of(log)
        with open(log, "r+b") as file:
            file.truncate(end - frame // 2)
        self.restart("t1")
        self.fault(began, RECOVERY + self.ttl)
        # Who came or went in what is lost is told anew, or found by comparison.
        self.load.torn.append((began - 1.0, began + self.ttl))
        self.judge()


def log_of(path):
    """The bytes of a write-ahead log, where its last frame ends, and the size of a frame. What lies behind
    is of an earlier round (https://sqlite.org/fileformat2.html#walformat)."""
    whole = path.read_bytes()
    frame = 24 + struct.unpack(">I", whole[8:12])[0]
    end = 32
    while whole[end + 8 : end + 16] == whole[16:24]:
        end += frame
    return whole, end, frame


if __name__ == "__main__":
    unittest.main()
