"""The redis sink of presence-notifier: what it keeps in a server, and what becomes of a place that lost it."""

import json
import os
import re
import subprocess
import time
import unittest

from notifier_case import NotifierCase
from pipeline import binary
from redis_server import RedisError, RedisServer
from support import ROOT, wait_for

REFILL_SAID = "now: to be refilled, at once or at the notifier's next start\n"


class RedisTest(NotifierCase):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def serve(self, name="redis", **options):
        server = RedisServer(self.scratch, name, **options)
        self.addCleanup(server.close)
        return server

    def sink(self, **settings):
        return {"name": "now", "type": "redis", "url": self.server.url(), "timeout": "2s"} | settings

    def wait_online(self, *users, server=None, prefix="presence:"):
        server = server or self.server
        wait_for(
            lambda: server.online(prefix) == set(users),
            lambda: f"{users} online, not {server.online(prefix)}",
        )

    def wait_whole(self, server=None):
        """A refill is done, and the mark says so."""
        server = server or self.server
        wait_for(lambda: server.row("presence:sink:now").get("freshness") == "live", "the place is whole")

    def test_the_schema(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob")
        self.wait_online("alice", "bob")
        self.tracker.say("-bob")
        self.wait_online("alice")
        alice, bob = (self.server.row("presence:user:" + user) for user in ("alice", "bob"))
        self.assertEqual(alice["state"], "online")
        self.assertEqual(alice["reason"], "heartbeat")
        names = {"state", "since_ms", "last_seen_ms", "reason", "at_ms", "slot", "epoch", "seq"}
        self.assertEqual(set(alice), names)  # no status was told
        self.assertEqual(bob["state"], "offline")
        self.assertEqual(self.server.command("ZSCORE", "presence:online", "alice"), alice["since_ms"])
        self.assertEqual(self.server.command("TTL", "presence:user:alice"), -1)
        self.assertAlmostEqual(self.server.command("TTL", "presence:user:bob"), 30 * 86400, delta=60)
        self.wait_whole()
        mark = self.server.row("presence:sink:now")
        self.assertEqual((mark["cluster"], mark["notifier"], mark["sink"]), ("main", "n1", "now"))
        self.assertLess(abs(int(mark["as_of_ms"]) / 1000 - time.time()), 10)
        self.assertLessEqual(self.server.command("TTL", "presence:sink:now"), 30)
        self.assertEqual(self.server.command("TTL", "presence:place:now"), -1)
        self.assertNotIn("event=sink_lost", notifier.log())
        self.assertEqual(notifier.stop(), 0)

    def test_who_is_back_is_remembered_without_an_end(self):
        self.start_notifier(self.sink(offline_ttl="1m"))
        self.tracker.say("+alice")
        self.tracker.say("-alice")
        self.tracker.say("+alice")
        self.wait_online("alice")
        wait_for(lambda: self.server.command("TTL", "presence:user:alice") == -1, "no end")

    def test_a_stream_and_a_channel_have_each_event_once(self):
        self.start_notifier(self.sink(stream="presence:log", publish="changes", stream_max=1000))
        for n in range(50):
            self.tracker.say(f"+user{n}")
        self.wait_online(*(f"user{n}" for n in range(50)))
        rows = self.server.command("XRANGE", "presence:log", "-", "+")
        told = [json.loads(row[1][1])["user"] for row in rows]
        self.assertEqual(told, [f"user{n}" for n in range(50)])

    def test_a_prefix_of_its_own_a_database_and_a_socket(self):
        path = self.scratch / "redis.sock"
        other = self.serve("other", unixsocket=path)
        self.start_notifier(
            self.sink(prefix="{p}:", url=f"unix://{path}?db=3"), self.sink(name="also", prefix="also:")
        )
        self.tracker.say("+alice")
        self.wait_online("alice", prefix="also:")
        wait_for(
            lambda: other.commands([("SELECT", 3), ("ZRANGE", "{p}:online", 0, -1)])[1] == ["alice"], "in 3"
        )

    def test_a_password_comes_from_a_file(self):
        locked = self.serve("locked")
        # What docs/guide/sinks.md says that it needs, and no more; `zrange` is the test's.
        guide = (ROOT / "docs/guide/sinks.md").read_text()
        rights = re.search(r"`(~presence:\*[^`]*)`", guide)[1].split()
        locked.command("ACL", "SETUSER", "presence", "on", ">sesame", "+zrange", *rights)
        locked.command("CONFIG", "SET", "requirepass", "nobody-knows")
        secret = self.scratch.write("password", "wrong\n")
        os.chmod(secret, 0o600)
        sink = self.sink(url=locked.url(1), user="presence", password_file=secret)
        sink |= {"stream": "presence:log", "publish": "presence:changes"}
        notifier = self.begin_notifier(sink)
        notifier.wait_log("WRONGPASS")
        secret.write_text("sesame\n")
        self.tracker.say("+alice")
        online = [("AUTH", "presence", "sesame"), ("SELECT", 1), ("ZRANGE", "presence:online", 0, -1)]
        wait_for(lambda: locked.commands(online)[2] == ["alice"], "alice online")
        wait_for(lambda: "event=sink_fills" in notifier.log(), "the sweep")
        self.assertNotIn("sesame", notifier.log())

    def test_what_a_server_says_comes_with_what_to_do(self):
        replica = self.serve("replica", replicaof=f"127.0.0.1 {self.server.port}")
        notifier = self.begin_notifier(self.sink(url=replica.url()))
        self.tracker.say("+alice")
        notifier.wait_log("READONLY")
        notifier.wait_log("name the primary")
        # Promoted: it is written to from then on, and nothing was given up.
        replica.command("REPLICAOF", "NO", "ONE")
        self.wait_online("alice", server=replica)

    def test_a_server_that_may_drop_users_is_warned_of(self):
        self.server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        notifier = self.start_notifier(self.sink())
        notifier.wait_log("event=redis_evicts sink=now maxmemory_policy=allkeys-lru")

    def test_a_server_that_is_full_is_the_places_fault(self):
        notifier = self.start_notifier(self.sink(give_up_after="1s"))
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.server.command("CONFIG", "SET", "maxmemory", "1")
        self.tracker.say("+bob")
        notifier.wait_log("OOM")
        self.server.command("CONFIG", "SET", "maxmemory", "0")
        self.wait_online("alice", "bob")
        self.assertNotIn("event=dead_letters", notifier.log())

    def test_a_script_that_was_flushed_is_sent_again(self):
        self.start_notifier(self.sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.server.command("SCRIPT", "FLUSH")
        self.tracker.say("+bob")
        self.wait_online("alice", "bob")

    def test_a_place_that_was_wiped_under_an_open_connection_is_refilled(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob", "+carol")
        self.tracker.say("-carol")
        self.wait_online("alice", "bob")
        self.wait_whole()
        self.server.command("FLUSHALL")
        self.tracker.say("+dave")
        self.wait_online("alice", "bob", "dave")
        notifier.wait_log('event=sink_lost sink=now reason="it has no mark of this sink"')
        notifier.wait_log("event=sink_refilled sink=now")
        self.wait_whole()

    def test_ghosts_of_a_backup_are_told_offline(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob", "+ghost")
        self.wait_online("alice", "bob", "ghost")
        self.wait_whole()
        # As a backup would: it is as it was before the ghost went, with the mark of then.
        place = self.server.command("GET", "presence:place:now")
        self.tracker.say("-ghost")
        self.wait_online("alice", "bob")
        self.assertEqual(notifier.stop(), 0)
        ghosts = [("ZADD", "presence:online", 1, f"ghost{n}") for n in range(3000)]
        ghosts += [("ZADD", "presence:online", 1, "ghost"), ("ZADD", "presence:online", 1, "no\nid")]
        self.server.commands([*ghosts, ("SET", "presence:place:now", place)])
        notifier = self.start_notifier(self.sink())
        self.wait_online("alice", "bob")
        notifier.wait_log('event=sink_lost sink=now reason="it has lost what it took last"')
        self.assertEqual(self.server.row("presence:user:ghost7")["reason"], "reconcile")
        self.wait_whole()

    def test_another_server_under_the_same_name_is_filled(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob")
        self.wait_online("alice", "bob")
        self.assertEqual(notifier.stop(), 0)
        other = self.serve("other")
        self.start_notifier(self.sink(url=other.url()))
        self.wait_online("alice", "bob", server=other)

    def test_a_refill_that_a_kill_cut_short_is_done_again(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say(*(f"+user{n}" for n in range(300)))
        everyone = {f"user{n}" for n in range(300)}
        self.wait_online(*everyone)
        self.wait_whole()
        notifier.kill()
        place = self.server.command("GET", "presence:place:now")
        cut = re.sub(":1$", ":0", place)  # as a refill leaves it between its first chunk and its end
        self.server.commands([("SET", "presence:place:now", cut), ("ZREM", "presence:online", "user7")])
        notifier = self.start_notifier(self.sink())
        self.wait_online(*everyone)
        notifier.wait_log("it was not refilled to the end")
        self.wait_whole()

    def test_a_restart_that_lost_nothing_tells_nothing_again(self):
        notifier = self.start_notifier(self.sink(stream="presence:log"))
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.wait_whole()
        self.assertEqual(notifier.stop(), 0)
        self.server.command("DEL", "presence:sink:now")  # ended: the notifier was away for long
        self.start_notifier(self.sink(stream="presence:log"))
        self.tracker.say("+bob")
        self.wait_online("alice", "bob")
        self.assertEqual(self.server.command("XLEN", "presence:log"), 2)

    def presence(self, *arguments):
        result = subprocess.run(
            [binary("presence"), *arguments, "--config", self.scratch / "presence.toml"],
            cwd=self.scratch.path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return result.returncode, result.stdout, result.stderr

    def test_what_it_cannot_notice_is_mended_by_a_command(self):
        notifier = self.start_notifier(self.sink(), {"name": "file", "type": "jsonl", "path": self.scratch / "file"})
        self.tracker.say("+alice", "+bob")
        self.wait_online("alice", "bob")
        self.wait_whole()
        self.server.command("DEL", "presence:user:alice")
        self.server.command("ZREM", "presence:online", "alice")
        self.server.command("ZADD", "presence:online", 1, "ghost")
        self.assertEqual(self.presence("sink", "refill", "now")[:2], (0, REFILL_SAID))
        self.wait_online("alice", "bob")
        notifier.wait_log("event=sink_refilled sink=now")
        self.assertEqual(self.server.row("presence:user:ghost")["reason"], "reconcile")
        self.assertEqual(notifier.log().count("an operator wants it"), 1, "it is granted once")

    def test_a_refill_that_is_wanted_while_the_notifier_is_away_is_done_at_its_start(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.wait_whole()
        self.assertEqual(notifier.stop(), 0)
        self.server.command("ZREM", "presence:online", "alice")
        self.assertEqual(self.presence("sink", "refill", "now")[0], 0)
        self.begin_notifier(self.sink())
        self.wait_online("alice")

    def test_only_places_of_state_are_refilled(self):
        self.start_notifier(self.sink(), {"name": "file", "type": "jsonl", "path": self.scratch / "file"})
        code, _, error = self.presence("sink", "refill", "file")
        self.assertEqual(code, 64)
        self.assertIn("the sink `file` is of type jsonl: its place holds what happened", error)
        code, _, error = self.presence("sink", "refill", "nwo")
        self.assertEqual(code, 64)
        self.assertIn("did you mean `now`?", error)

    def test_without_trackers_the_mark_says_stale_and_without_a_notifier_there_is_none(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.wait_whole()
        self.tracker.mute = True
        mark = lambda: self.server.row("presence:sink:now")
        wait_for(lambda: mark()["freshness"] == "stale", "the mark says so")
        self.tracker.mute = False
        self.wait_whole()
        notifier.kill()
        self.assertGreater(self.server.command("PTTL", "presence:sink:now"), 0)
        self.server.command("PEXPIRE", "presence:sink:now", 1)  # the 30 s are Redis' own
        wait_for(lambda: not mark(), "no mark")

    def test_a_key_that_is_not_ours_is_one_users_trouble(self):
        self.server.command("SET", "presence:user:bob", "somebody else's")
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob", "+carol")
        self.tracker.say("-bob", "-carol")
        self.wait_online("alice")
        notifier.wait_log("event=dead_letters sink=now")
        self.assertIn("WRONGTYPE", notifier.log())
        self.assertEqual(self.server.command("GET", "presence:user:bob"), "somebody else's")
        self.assertRaises(RedisError, self.server.row, "presence:user:bob")

    def test_it_ends_in_time_while_the_server_hangs(self):
        notifier = self.start_notifier(self.sink(timeout="1m"))
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.server.stop()
        self.addCleanup(self.server.go_on)
        self.tracker.say("+bob")
        began = time.monotonic()
        self.assertEqual(notifier.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)


if __name__ == "__main__":
    unittest.main()
