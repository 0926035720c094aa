"""A list of trackers that is rolled out process by process: nobody is told offline for it, and who has the older
list is named."""

import re
import signal
import threading
import time
import unittest

import msgpack
import zmq

from pipeline import Installation, Process, binary, presence, run
from support import json_lines, wait_for

TTL = 2  # seconds
SINK = '[[sink]]\nname = "file"\ntype = "jsonl"\npath = "events.jsonl"\n'
USERS = [f"u{i}" for i in range(500)]


class ListsTest(unittest.TestCase):
    def start(self):
        self.files = self.enterContext(Installation(timeout=f"{TTL}s", trackers=2, sinks=SINK))
        self.full = self.files.config.read_text().replace("[presence]\n", "[presence]\nmap_version = 2\n")
        self.write(re.sub(r'\[\[tracker\]\]\nid = "t2".*?(?=\[\[)', "", self.full, flags=re.S), 1)
        self.tracker = self.program("tracker", "t1")
        self.collector = self.program("collector", "c1")
        self.notifier = self.program("notifier", "n1")
        self.notifier.wait_for("event=in_step", "err")
        context = self.enterContext(zmq.Context())
        self.query = context.socket(zmq.REQ)
        self.query.linger = 0
        self.query.rcvtimeo = 10_000
        self.query.connect(self.files.queries[0])
        self.addCleanup(self.query.close)
        self.stop = threading.Event()
        beating = threading.Thread(target=self.beat, args=(context,))
        beating.start()
        self.addCleanup(beating.join)
        self.addCleanup(self.stop.set)

    def write(self, text, version):
        self.files.config.write_text(text.replace("map_version = 2\n", f"map_version = {version}\n"))

    def program(self, kind, name):
        command = (binary(f"presence-{kind}"), "--config", self.files.config, "--id", name)
        return self.enterContext(Process(*command, cwd=self.files.directory))

    def beat(self, context):
        edge = context.socket(zmq.PUSH)
        edge.linger = 0
        edge.connect(self.files.heartbeats[0])
        while not self.stop.wait(TTL / 8):
            edge.send(msgpack.packb(USERS))
        edge.close()

    def ask(self, **question):
        self.query.send(msgpack.packb(question))
        return msgpack.unpackb(self.query.recv())

    def events(self):
        return json_lines(self.files.directory / "events.jsonl")

    def online(self):
        return {e["user"] for e in self.events() if e["state"] == "online"}

    def test_the_collector_reloads_long_before_the_tracker(self):
        self.start()
        wait_for(lambda: self.online() == set(USERS), "all are online")
        self.write(self.full, 2)
        newer = self.program("tracker", "t2")
        newer.wait_for("event=started", "err")
        self.collector.send(signal.SIGHUP)
        self.tracker.wait_for("event=list_differs collector=c1 .*older=ours", "err")
        self.collector.wait_for("event=list_differs tracker=t1 .*older=its", "err")
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 2.5 * TTL, "two timeouts and more have passed")
        self.assertEqual(self.ask(op="count")["freshness"], "frozen")
        told = self.ask(op="get", users=USERS + ["never-there"])
        self.assertEqual({user["state"] for user in told["users"][:-1]}, {"online"})
        self.assertIn(told["users"][-1]["state"], {"unknown", "offline"})
        code, out, err = presence("status", "--config", self.files.config)
        self.assertIn("goes by a newer list of trackers than this one", out, err)
        self.assertRegex(out, r"its list of trackers is 2/[0-9a-f]{16}, this tracker's 1/")

        self.tracker.send(signal.SIGHUP)
        self.tracker.wait_for("event=list_agrees", "err")
        self.collector.wait_for("event=list_agrees", "err")
        self.notifier.send(signal.SIGTERM)
        self.notifier.wait()
        self.program("notifier", "n1").wait_for("event=in_step", "err")
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 2.5 * TTL, "two timeouts and more have passed")
        self.assertEqual([e for e in self.events() if e["state"] == "offline"], [])
        self.assertEqual(self.ask(op="count")["freshness"], "live")

    def test_a_file_that_was_cut_short_is_refused(self):
        self.start()
        wait_for(lambda: self.online() == set(USERS), "all are online")
        self.files.config.write_text("[presence]\nmap_version = 9\n")
        for process, why in (
            (self.collector, "no \\[\\[tracker\\]\\]: was the file cut short"),
            (self.tracker, "no \\[\\[tracker\\]\\]: was the file cut short"),
            (self.notifier, "no \\[\\[tracker\\]\\]: was the file cut short"),
        ):
            process.send(signal.SIGHUP)
            process.wait_for("event=reload_refused .*" + why, "err")
        code, _, err = run(binary("presence-tracker"), "--config", self.files.config, "--check-config")
        self.assertEqual(code, 78, err)
        # Of another installation, or without the process itself.
        self.write(self.full.replace(self.files.ingest[0], "tcp://127.0.0.1:1"), 9)
        self.collector.send(signal.SIGHUP)
        self.tracker.send(signal.SIGHUP)
        # t2 alone is not among the trackers that run.
        self.collector.wait_for("event=reload_refused .*has none of those that run", "err")
        self.tracker.wait_for("event=reload_refused .*has none of those that run", "err")
        self.write(self.full.replace('id = "t1"', 'id = "t3"').replace('id = "c1"', 'id = "c2"'), 9)
        self.collector.send(signal.SIGHUP)
        self.tracker.send(signal.SIGHUP)
        self.collector.wait_for("event=reload_refused .*no \\[\\[collector\\]\\] `c1`", "err")
        self.tracker.wait_for("event=reload_refused .*no \\[\\[tracker\\]\\] `t1`", "err")
        self.assertEqual([e for e in self.events() if e["state"] == "offline"], [])


if __name__ == "__main__":
    unittest.main()
