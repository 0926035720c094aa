"""The postgres sink of presence-notifier: what it may do, and whose fault it is where something fails."""

import datetime
import os
import re
import unittest

import postgres_server
from postgres_case import PostgresCase
from support import wait_for


class RightsTest(PostgresCase):
    def role(self, *grants):
        """It may connect, and what is granted."""
        self.server.rows("CREATE ROLE writer LOGIN;" + "".join(f"GRANT {grant} TO writer;" for grant in grants))
        return self.server.dsn("writer")

    def test_without_create_what_is_missing_is_told_with_the_statement(self):
        notifier = self.begin_notifier(self.logging_sink(create=False))
        self.tracker.say("+alice")
        notifier.wait_log("create = false: run  CREATE TABLE")
        statements = re.search(r'run  (CREATE TABLE .*);"', notifier.log())[1].replace('\\"', '"')
        self.assertFalse(self.server.there("presence"))
        # What it says is all that it needs, but for the days.
        self.server.rows(statements)
        notifier.wait_log("make the partition of that day")
        day = datetime.datetime.now(datetime.timezone.utc).date()
        self.server.rows(f"CREATE TABLE d PARTITION OF presence_history FOR VALUES FROM ('{day} 00:00+00')"
                         f" TO ('{day + datetime.timedelta(2)} 00:00+00')")  # fmt: skip
        self.wait_online("alice")
        self.assertEqual(self.partitions(), ["d"])
        self.assertNotIn("event=dead_letters", notifier.log())

    def test_a_role_that_may_not_create_is_told_so(self):
        dsn = self.role()
        notifier = self.begin_notifier(self.sink(dsn=dsn))
        self.tracker.say("+alice")
        notifier.wait_log("permission denied for schema public")
        notifier.wait_log("or have somebody else run  CREATE TABLE")
        self.server.rows("GRANT CREATE ON SCHEMA public TO writer")
        self.wait_online("alice")

    def test_what_the_guide_has_granted_is_enough(self):
        self.server.rows(postgres_server.guide_sql("tables"))
        self.role()
        self.server.rows(postgres_server.guide_sql("rights"))
        day = datetime.datetime.now(datetime.timezone.utc).date()
        self.server.rows(f"CREATE TABLE d PARTITION OF presence_history FOR VALUES FROM ('{day} 00:00+00')"
                         f" TO ('{day + datetime.timedelta(2)} 00:00+00')")  # fmt: skip
        sink = self.logging_sink(dsn=self.server.dsn("writer"), create=False)
        notifier = self.start_notifier(sink)
        self.tracker.say("+alice", "+bob")
        self.wait_online("alice", "bob")
        notifier.stop()
        self.server.rows("TRUNCATE presence")
        self.start_notifier(sink)
        self.wait_online("alice", "bob")

    def test_a_password_comes_from_a_file_and_is_read_at_each_connection(self):
        self.server.rows("CREATE ROLE locked LOGIN PASSWORD 'sesame'; GRANT CREATE ON SCHEMA public TO locked")
        hba = self.server.directory / "data/pg_hba.conf"
        hba.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        self.server.rows("SELECT pg_reload_conf()")
        secret = self.scratch.write("password", "wrong\n")
        os.chmod(secret, 0o600)
        notifier = self.begin_notifier(self.sink(dsn=self.server.dsn("locked"), password_file=secret))
        notifier.wait_log("password authentication failed")
        secret.write_text("sesame\n")
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.assertNotIn("sesame", notifier.log())

    def test_a_dsn_that_hides_a_password_is_refused(self):
        notifier = self.begin_notifier(self.sink(dsn="postgresql://u@127.0.0.1/app?pass%77ord=MfKQ9"))
        notifier.wait_log("a password in the dsn is refused")
        self.assertNotIn("MfKQ9", notifier.log())

    def test_of_several_servers_the_one_that_may_be_written_is_taken(self):
        standby = self.serve("standby", default_transaction_read_only="on")
        notifier = self.begin_notifier(self.sink(dsn=standby.dsn()))
        self.tracker.say("+alice")
        notifier.wait_log("25006")
        notifier.wait_log("name the primary")
        notifier.kill()
        silent = self.serve("silent")
        silent.stop()
        ports = f"{silent.port},{standby.port},{self.server.port}"
        dsn = f"host=127.0.0.1,localhost,127.0.0.1 port={ports} user=postgres dbname=postgres"
        self.begin_notifier(self.sink(dsn=dsn + " target_session_attrs=read-write", timeout="2s"))
        self.wait_online("alice")
        silent.go_on()


class FaultTest(PostgresCase):
    def test_one_poisoned_event_is_a_dead_letter(self):
        notifier = self.start_notifier(self.logging_sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.server.rows("ALTER TABLE presence ADD CONSTRAINT no_bob CHECK (user_id <> 'bob')")
        self.tracker.say("+bob", "+carol", "+dave")
        self.tracker.say("-carol")
        self.wait_online("alice", "dave")
        notifier.wait_log("event=dead_letters sink=now events=1")
        self.assertIn("no_bob", notifier.log())
        self.assertEqual(sorted(self.history()), ["alice", "carol", "carol", "dave"])

    def test_another_writer_with_the_same_rows_costs_a_try_and_no_event(self):
        """It locks bob, then wants alice, whom the sink holds while it waits for bob."""
        notifier = self.start_notifier(self.sink(timeout="20s", give_up_after="1s"))
        self.tracker.say("+alice", "+bob")
        self.wait_online("alice", "bob")
        self.server.rows("ALTER SYSTEM SET deadlock_timeout = '10ms'")
        self.server.rows("SELECT pg_reload_conf()")
        other = self.server.connect()
        self.addCleanup(other.close)
        other.autocommit = False
        with other.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '10min'; UPDATE presence SET reason = 'x' WHERE user_id = 'bob'")
            self.tracker.say("-alice", "-bob")
            blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            wait_for(lambda: self.server.value(blocked) == 1, "the sink waits for bob")
            cursor.execute("UPDATE presence SET reason = 'x' WHERE user_id = 'alice'")
        notifier.wait_log("40P01")
        other.commit()
        self.wait_online()
        self.assertNotIn("event=dead_letters", notifier.log())

    def test_a_lock_that_somebody_holds_is_waited_for_no_longer_than_the_timeout(self):
        notifier = self.start_notifier(self.sink(timeout="1s"))
        self.tracker.say("+alice")
        self.wait_online("alice")
        holder = self.server.connect()
        self.addCleanup(holder.close)
        holder.autocommit = False
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE presence IN EXCLUSIVE MODE")
        self.tracker.say("+bob")
        notifier.wait_log("55P03")
        notifier.wait_log("see pg_locks")
        holder.rollback()
        self.wait_online("alice", "bob")

    def test_two_who_write_under_one_name_do_not_mix(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        self.wait_whole()
        self.server.rows("UPDATE presence_sinks SET place = '77:1:1'")
        notifier.wait_log("its mark is of another sink")
        self.wait_whole()

    def test_a_connection_that_was_ended_is_made_anew(self):
        self.start_notifier(self.sink())
        self.tracker.say("+alice")
        self.wait_online("alice")
        ours = "FROM pg_stat_activity WHERE application_name = 'presence-notifier'"
        pid = self.server.value(f"SELECT pid {ours}")
        self.server.rows("SELECT pg_terminate_backend(%s)", pid)
        self.tracker.say("+bob")
        self.wait_online("alice", "bob")


if __name__ == "__main__":
    unittest.main()
