"""What tests of the postgres sink share: a server, and a sink that writes to it."""

import unittest

import postgres_server
from notifier_case import NotifierCase
from support import wait_for


@unittest.skipUnless(postgres_server.built_in(), "the sink is not built in")
class PostgresCase(NotifierCase):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def serve(self, name="postgres", **options):
        server = postgres_server.PostgresServer(self.scratch, name, **options)
        self.addCleanup(server.close)
        return server

    def sink(self, **settings):
        return {"name": "now", "type": "postgres", "dsn": self.server.dsn(), "timeout": "5s"} | settings

    def logging_sink(self, **settings):
        return self.sink(history="presence_history", **settings)

    def wait_online(self, *users, server=None, table="presence"):
        server = server or self.server
        wait_for(
            lambda: server.online(table) == set(users),
            lambda: f"differ, of {len(users)}: {sorted(server.online(table) ^ set(users))[:10]}",
        )

    def wait_whole(self, server=None):
        """A refill is done, and the mark says so."""
        server = server or self.server
        wait_for(lambda: server.mark()[0] == "live", "the place is whole")

    def partitions(self):
        return self.server.column(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'presence_history'::regclass"
        )

    def history(self, what="user_id"):
        return self.server.column(f"SELECT {what} FROM presence_history ORDER BY at, epoch, seq")
