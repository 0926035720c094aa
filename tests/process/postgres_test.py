"""The postgres sink of presence-notifier: what it keeps in a server, and what becomes of a place that lost it."""

import datetime
import re
import time
import unittest

from postgres_case import PostgresCase
from support import wait_for


def utc_day(days=0):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y%m%d")


class PlaceTest(PostgresCase):
    def test_the_schema(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob")
        self.wait_online("alice", "bob")
        self.tracker.say("-bob")
        self.wait_online("alice")
        columns = "online, reason, status, slot, epoch > 0, seq, extract(epoch FROM at) * 1000"
        columns += ", since IS NOT NULL, last_seen IS NOT NULL"
        row = f"SELECT {columns} FROM presence WHERE user_id = %s"
        alice, bob = (self.server.rows(row, user)[0] for user in ("alice", "bob"))
        self.assertEqual(alice[:3], (True, "heartbeat", None))
        self.assertEqual(bob[:3], (False, "timeout", None))
        self.assertEqual(alice[4:6], (True, 1))
        self.assertEqual(alice[7:], (True, True))
        told = self.tracker.online[alice[3]]["alice"]
        self.assertEqual(alice[6], told)  # to the millisecond
        self.wait_whole()
        mark = "SELECT cluster, notifier, abs(extract(epoch FROM now() - as_of)) < 10 FROM presence_sinks"
        self.assertEqual(self.server.rows(mark), [("main", "n1", True)])
        self.assertNotIn("event=sink_lost", notifier.log())
        self.assertEqual(
            self.server.column("SELECT application_name FROM pg_stat_activity WHERE usename = 'postgres'"
                               " AND application_name <> ''"), ["presence-notifier"])  # fmt: skip
        self.assertEqual(notifier.stop(), 0)

    def test_the_view_says_unknown_unless_a_mark_is_live(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob")
        self.tracker.say("-bob")
        self.wait_online("alice")
        self.wait_whole()
        states = lambda: dict(self.server.rows("SELECT user_id, state FROM presence_now"))
        self.assertEqual(states(), {"alice": "online", "bob": "offline"})
        self.tracker.mute = True
        wait_for(lambda: self.server.mark()[0] == "stale", "the mark says so")
        self.assertEqual(states(), {"alice": "unknown", "bob": "unknown"})
        self.tracker.mute = False
        self.wait_whole()
        renewed = "SELECT renewed FROM presence_sinks"
        before = self.server.value(renewed)
        wait_for(lambda: self.server.value(renewed) > before, "it is renewed with nothing to tell")
        notifier.kill()
        self.assertEqual(states()["alice"], "online")
        self.server.rows("UPDATE presence_sinks SET renewed = now() - interval '31 s'")
        self.assertEqual(states(), {"alice": "unknown", "bob": "unknown"})

    def test_ids_are_kept_as_they_are(self):
        users = ["a'b", 'a"b', "a\\b", "{a,b}", "NULL", "é日😀", "0", "u", " ", "%s $1;--"]
        notifier = self.start_notifier(self.logging_sink())
        self.tracker.say(*("+" + user for user in users))
        self.wait_online(*users)
        self.assertEqual(sorted(self.history()), sorted(users))
        # They come back the same where the place is asked who is online.
        self.wait_whole()
        self.tracker.say("-0", "-é日😀")
        self.wait_online(*(user for user in users if user not in ("0", "é日😀")))
        notifier.stop()
        self.server.rows("UPDATE presence SET online = true; UPDATE presence_sinks SET place = ''")
        self.start_notifier(self.logging_sink())
        self.wait_online(*(user for user in users if user not in ("0", "é日😀")))

    def test_a_table_in_a_schema_and_two_sinks_beside_each_other(self):
        self.server.rows("CREATE SCHEMA app")
        self.start_notifier(
            self.sink(table="app.user", history="app.order"), self.sink(name="also", table="also")
        )
        self.tracker.say("+alice")
        self.wait_online("alice", table='app."user"')
        self.wait_online("alice", table="also")
        self.assertEqual(self.server.column('SELECT user_id FROM app."order"'), ["alice"])

    def test_a_place_that_was_emptied_under_an_open_connection_is_refilled(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob", "+carol")
        self.tracker.say("-carol")
        self.wait_online("alice", "bob")
        self.wait_whole()
        self.server.rows("TRUNCATE presence")
        self.tracker.say("+dave")
        self.wait_online("alice", "bob", "dave")
        notifier.wait_log('event=sink_lost sink=now reason="its table was emptied"')
        notifier.wait_log("event=sink_refilled sink=now")
        self.wait_whole()
        # With nothing to tell it is noticed as well.
        self.server.rows("DROP TABLE presence CASCADE")
        self.wait_online("alice", "bob", "dave")

    def test_a_deleted_mark_begins_anew(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.wait_whole()
        self.server.rows("INSERT INTO presence SELECT 'ghost', true, since, last_seen, status, reason, at,"
                         " slot, epoch, 0 FROM presence; DELETE FROM presence_sinks")  # fmt: skip
        notifier.wait_log('event=sink_lost sink=now reason="it has no mark of this sink"')
        self.wait_online("alice")

    def test_ghosts_of_a_backup_are_told_offline(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob", "+ghost")
        self.wait_online("alice", "bob", "ghost")
        self.wait_whole()
        # As a backup would: it is as it was before the ghost went, with the mark of then.
        place = self.server.mark()[1]
        self.tracker.say("-ghost")
        self.wait_online("alice", "bob")
        self.assertEqual(notifier.stop(), 0)
        self.server.rows("UPDATE presence SET online = true, seq = 0 WHERE user_id = 'ghost'")
        self.server.rows("INSERT INTO presence SELECT 'ghost' || n, true, NULL, NULL, NULL, 'x', now(), 1, 0, 0"
                         " FROM generate_series(1, 12000) n")  # fmt: skip
        self.server.rows("INSERT INTO presence SELECT E'no\\nid', true, NULL, NULL, NULL, 'x', now(), 1, 0, 0")
        self.server.rows("UPDATE presence_sinks SET place = %s", place)
        notifier = self.start_notifier(self.sink())
        self.wait_online("alice", "bob")
        notifier.wait_log('event=sink_lost sink=now reason="it has lost what it took last"')
        self.assertEqual(
            self.server.value("SELECT reason FROM presence WHERE user_id = 'ghost7'"), "reconcile"
        )
        self.wait_whole()

    def test_another_server_under_the_same_name_is_filled(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob")
        self.wait_online("alice", "bob")
        self.assertEqual(notifier.stop(), 0)
        other = self.serve("other")
        self.start_notifier(self.sink(dsn=other.dsn()))
        self.wait_online("alice", "bob", server=other)

    def test_a_refill_that_a_kill_cut_short_is_done_again(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say(*(f"+user{n}" for n in range(300)))
        everyone = {f"user{n}" for n in range(300)}
        self.wait_online(*everyone)
        self.wait_whole()
        notifier.kill()
        cut = re.sub(":1$", ":0", self.server.mark()[1])  # as between its first chunk and its end
        self.server.rows("UPDATE presence_sinks SET place = %s", cut)
        self.server.rows("DELETE FROM presence WHERE user_id = 'user7'")
        notifier = self.start_notifier(self.sink())
        self.wait_online(*everyone)
        notifier.wait_log("it was not refilled to the end")
        self.wait_whole()

    def test_a_restart_that_lost_nothing_tells_nothing_again(self):
        notifier = self.start_notifier(self.logging_sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.wait_whole()
        self.assertEqual(notifier.stop(), 0)
        self.start_notifier(self.logging_sink())
        self.tracker.say("+bob")
        self.wait_online("alice", "bob")
        self.assertEqual(sorted(self.history()), ["alice", "bob"])

    def test_a_newer_row_is_not_overwritten(self):
        self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob")
        self.wait_online("alice", "bob")
        self.server.rows("UPDATE presence SET epoch = epoch + 1, reason = 'newer' WHERE user_id = 'alice'")
        self.tracker.say("-alice", "-bob")
        self.wait_online("alice")
        self.assertEqual(self.server.value("SELECT reason FROM presence WHERE user_id = 'alice'"), "newer")

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


class HistoryTest(PostgresCase):
    def test_it_has_each_event_once(self):
        self.start_notifier(self.logging_sink())
        for n in range(30):
            self.tracker.say(f"+user{n}", "+alice", "-alice")
        self.wait_online(*(f"user{n}" for n in range(30)))
        self.assertEqual(len(self.history("event_id")), 90)
        self.assertEqual(len(set(self.history("event_id"))), 90)
        told = self.server.column("SELECT online FROM presence_history WHERE user_id = 'alice' ORDER BY epoch, seq")
        self.assertEqual(told, [True, False] * 30)

    def test_partitions_are_made_ahead_and_dropped(self):
        notifier = self.start_notifier(self.logging_sink(history_max="2d"))
        self.tracker.say("+alice")
        self.wait_online("alice")
        today, tomorrow = (f"presence_history_{utc_day(n)}" for n in (0, 1))
        self.assertEqual(set(self.partitions()), {today, tomorrow})
        self.assertEqual(notifier.stop(), 0)
        for name, begin in (("presence_history_20200101", "2020-01-01"), ("presence_history_old", "2020-01-02")):
            self.server.rows(f"CREATE TABLE {name} PARTITION OF presence_history FOR VALUES FROM ('{begin} 00:00+00')"
                             f" TO ('{begin} 23:00+00')")  # fmt: skip
        notifier = self.start_notifier(self.logging_sink(history_max="2d"))
        notifier.wait_log("event=history_dropped sink=now partition=presence_history_20200101")
        # What is not named as ours is somebody else's.
        self.assertEqual(set(self.partitions()), {today, tomorrow, "presence_history_old"})

    def test_an_event_of_another_day_gets_its_partition_or_is_left_out(self):
        notifier = self.start_notifier(self.logging_sink(history_max="3d"))
        for day, user in ((0, "now"), (-2, "late"), (-5, "outdated"), (3, "ahead"), (400, "mad")):
            self.tracker.ahead_s = day * 86400
            self.tracker.say("+" + user)
        self.wait_online("now", "late", "outdated", "ahead", "mad")
        self.assertEqual(set(self.history()), {"now", "late", "ahead"})
        self.assertEqual(
            set(self.partitions()), {f"presence_history_{utc_day(n)}" for n in (-2, 0, 1, 3)}
        )
        notifier.wait_log("event=history_left_out sink=now")

    def test_a_partition_that_somebody_dropped_is_made_again(self):
        notifier = self.start_notifier(self.logging_sink(give_up_after="1s"))
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.server.rows(f"DROP TABLE presence_history_{utc_day()}")
        self.tracker.say("+bob")
        self.wait_online("alice", "bob")
        self.assertEqual(self.history(), ["bob"])
        self.assertNotIn("event=dead_letters", notifier.log())

    def test_a_reader_who_holds_the_history_does_not_stop_a_new_day(self):
        self.start_notifier(self.logging_sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        reader = self.server.connect()
        self.addCleanup(reader.close)
        reader.autocommit = False
        with reader.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM presence_history")
        self.tracker.ahead_s = -5 * 86400
        self.tracker.say("+bob")
        self.wait_online("alice", "bob")

    def test_a_gap_that_no_journal_has_stands_in_it(self):
        notifier = self.start_notifier(self.logging_sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.tracker.say("+bob", lose=True, forget=True)
        self.tracker.say("+carol")
        self.wait_online("alice", "bob", "carol")
        notifier.wait_log("event=gap_told")
        self.assertEqual(self.server.rows("SELECT status, online FROM presence_history WHERE user_id IS NULL"),
                         [("t1", None)])  # fmt: skip

    def test_a_plain_table_serves_as_well(self):
        self.server.rows("CREATE TABLE presence_history (at timestamptz, event_id text, user_id text, online bool, reason"
                         " text, status text, slot int, epoch bigint, seq bigint, PRIMARY KEY (at, event_id))")  # fmt: skip
        self.start_notifier(self.logging_sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.assertEqual(self.history(), ["alice"])


if __name__ == "__main__":
    unittest.main()
