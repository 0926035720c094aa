"""Places that hold who is online, as conformance_test.py sees them."""

import collections
import json

from postgres_server import PostgresServer, guide_sql
from redis_server import RedisServer

POISON = "poison"


class Redis:
    def __init__(self, case):
        self.case = case
        self.server = RedisServer(case.scratch)

    def sink(self):
        return {"type": "redis", "url": self.server.url(), "timeout": "500ms", "stream": "presence:log"}

    def states(self):
        return self.server.states()

    def check(self):
        """The hashes and the sorted set say the same; the stream has each user's events in order."""
        online = {user for user, state in self.server.states().items() if state == "online"}
        self.case.assertEqual(online, self.server.online())
        rows = self.server.command("XRANGE", "presence:log", "-", "+")
        of_user = collections.defaultdict(list)
        for event in (json.loads(row[1][1]) for row in rows):
            if "user" in event:
                of_user[event["user"]].append((event["epoch"], event["seq"]))
        for user, places in of_user.items():
            self.case.assertEqual(places, sorted(places), user)

    def kill(self):
        self.server.kill()

    def start(self):
        self.server.start()

    def forget(self):
        self.server.kill()
        self.server.forget()
        self.server.start()

    def hang(self):
        self.server.stop()

    def go_on(self):
        self.server.go_on()

    def refuses(self):
        self.server.command("SET", "presence:user:" + POISON, "another's")

    def bears(self):
        self.server.command("DEL", "presence:user:" + POISON)

    def clog(self, seconds):
        self.server.command("DEBUG", "SLEEP", seconds)

    def without_a_disk(self):
        self.server.close()
        self.server = RedisServer(self.case.scratch, "volatile", appendonly="no")

    def close(self):
        self.server.close()


class Postgres:
    def __init__(self, case):
        self.case = case
        self.server = PostgresServer(case.scratch)
        self.clogging = None

    def sink(self):
        return {
            "type": "postgres", "dsn": self.server.dsn(), "timeout": "1s", "history": "presence_history",
        }  # fmt: skip

    def states(self):
        return self.server.states()

    def check(self):
        """The history has each event once, and its newest of each user is what the table holds."""
        ids = self.server.column("SELECT event_id FROM presence_history")
        self.case.assertEqual(len(ids), len(set(ids)))
        newest = "SELECT DISTINCT ON (user_id) user_id, online FROM presence_history WHERE user_id IS NOT NULL"
        newest = dict(self.server.rows(newest + " ORDER BY user_id, epoch DESC, seq DESC"))
        states = {user: state == "online" for user, state in self.server.states().items()}
        self.case.assertEqual(newest, states)

    def kill(self):
        self.server.kill()

    def start(self):
        self.server.start()

    def forget(self):
        self.server.kill()
        self.server.forget()
        self.server.start()

    def hang(self):
        self.server.stop()

    def go_on(self):
        self.server.go_on()

    def refuses(self):
        self.server.rows(guide_sql("tables"))
        self.server.rows(f"ALTER TABLE presence ADD CONSTRAINT choosy CHECK (user_id <> '{POISON}')")

    def bears(self):
        self.server.rows("ALTER TABLE presence DROP CONSTRAINT choosy")

    def clog(self, seconds):
        """Where all who write take turns."""
        if self.clogging is None:
            self.clogging = self.server.connect()
        if self.server.there("presence"):
            with self.clogging.cursor() as cursor:
                cursor.execute(f"LOCK TABLE presence; SELECT pg_sleep({seconds})")

    def without_a_disk(self):
        """It never has one here: what is forgotten is gone."""

    def close(self):
        self.server.close()
