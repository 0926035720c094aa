"""Sinks that tell message brokers what happened, against the real ones: what every sink does."""

import collections
import json
import unittest

from conformance_test import Conformance, LogPlace
from kafka_server import KafkaServer
from nats_server import NatsServer
from notifier_case import NotifierCase
from support import built_in


class Nats(LogPlace):
    """What a subscriber heard that was there from the start."""

    def __init__(self, case):
        super().__init__(case)
        self.server = NatsServer(case.scratch)
        self.client = self.server.client()
        self.came = self.client.subscribe("presence.*")

    def sink(self):
        return {"type": "nats", "url": self.server.url(), "timeout": "500ms"}

    def events(self):
        events = [json.loads(payload) for _, payload in list(self.came)]
        return [event for event in events if "user" in event]

    def hang(self):
        self.server.stop()

    def go_on(self):
        self.server.go_on()

    def close(self):
        self.client.close()
        self.server.close()


class JetStream(Nats):
    def __init__(self, case):
        super().__init__(case)
        self.client.add_stream("presence", "presence.*")

    def sink(self):
        return super().sink() | {"jetstream": True}

    def events(self):
        client = self.server.client()
        try:
            events = [json.loads(payload) for _, payload in client.stored("presence")]
        finally:
            client.close()
        return [event for event in events if "user" in event]

    def check(self):
        """The stream drops what it has."""
        ids = collections.Counter(event["id"] for event in self.events())
        self.case.assertEqual([id for id, times in ids.items() if times > 1], [])
        super().check()

    def kill(self):
        self.server.kill()

    def start(self):
        self.server.start()


class Kafka(LogPlace):
    def __init__(self, case):
        super().__init__(case)
        self.server = KafkaServer()

    def sink(self):
        return {"type": "kafka", "brokers": self.server.brokers, "timeout": "1s"}

    def events(self):
        return self.server.events()

    def kill(self):
        """The mock would forget what it has: its broker goes instead."""
        self.server.command("down")

    def start(self):
        self.server.command("up")

    def hang(self):
        self.server.stop()

    def go_on(self):
        self.server.go_on()

    def close(self):
        self.server.close()


@unittest.skipUnless(built_in("nats"), "built without nats")
class NatsConforms(Conformance, NotifierCase):
    Place = Nats
    # What is told before somebody subscribes anew is heard by nobody.
    test_its_server_is_killed_and_started_again = None


@unittest.skipUnless(built_in("nats"), "built without nats")
class JetStreamConforms(Conformance, NotifierCase):
    Place = JetStream


@unittest.skipUnless(built_in("kafka"), "built without kafka")
class KafkaConforms(Conformance, NotifierCase):
    Place = Kafka


if __name__ == "__main__":
    unittest.main()
