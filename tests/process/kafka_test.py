"""The kafka sink of presence-notifier, against the cluster that librdkafka mocks: what a topic has in the end."""

import collections
import os
import signal
import time
import unittest

from kafka_server import KafkaServer
from notifier_case import NotifierCase
from support import built_in, wait_for

# Of the protocol: https://kafka.apache.org/protocol#protocol_error_codes
UNKNOWN_TOPIC, TOO_LARGE, NOT_ALLOWED, INVALID_RECORD = 3, 10, 29, 87


@unittest.skipUnless(built_in("kafka"), "built without kafka")
class KafkaTest(NotifierCase):
    def setUp(self):
        super().setUp()
        self.server = KafkaServer()
        self.addCleanup(self.server.close)

    def sink(self, **settings):
        sink = {"name": "log", "type": "kafka", "brokers": self.server.brokers, "timeout": "10s"}
        return sink | settings

    def settings(self, text):
        file = self.scratch.write("kafka.properties", text)
        os.chmod(file, 0o600)
        return file

    def told(self):
        """Of each user the states, in order."""
        states = collections.defaultdict(list)
        for event in self.server.events():
            states[event["user"]].append(event["state"])
        return dict(states)

    def wait_told(self, **expected):
        wait_for(lambda: self.told() == expected, lambda: f"{expected}, not {self.told()}")

    def test_a_user_is_the_key_and_the_headers_tell_the_order(self):
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+J\u00fcrgen")
        self.tracker.say("-alice")
        wait_for(lambda: len(self.server.messages()) == 3, "three messages")
        messages = self.server.messages()
        for message in messages:
            event = message["value"]
            self.assertEqual(message["key"], event["user"])
            self.assertEqual(message["headers"]["id"], event["id"])
            self.assertEqual(message["headers"]["epoch"], str(event["epoch"]))
            self.assertEqual(message["headers"]["seq"], str(event["seq"]))
        self.assertEqual(self.told()["alice"], ["online", "offline"])
        self.assertEqual(notifier.stop(), 0)

    def test_a_user_lies_where_javas_clients_look(self):
        """Murmur2 of the key, as Java's default partitioner. The vectors are those of Kafka's own UtilsTest."""
        self.assertEqual([murmur2(text) for text in ("21", "foobar", "abc")],
                         [-973932308 % 2**32, -790332482 % 2**32, 479470107])
        self.start_notifier(self.sink())
        users = [f"user{n}" for n in range(20)]
        self.tracker.say(*("+" + user for user in users))
        wait_for(lambda: len(self.server.messages()) == 20, "all messages")
        for message in self.server.messages():
            self.assertEqual(message["partition"], (murmur2(message["key"]) & 0x7FFFFFFF) % 4)

    def test_a_notice_has_an_empty_key(self):
        self.start_notifier(self.sink())
        self.tracker.say("+alice")
        self.wait_told(alice=["online"])
        self.tracker.restart()
        self.tracker.say("+bob")
        found = lambda: [m for m in self.server.messages() if "notice" in m["value"]]
        notice = wait_for(found, "a notice")[0]
        self.assertEqual(notice["key"], "")
        self.assertEqual(set(notice["headers"]), {"id"})

    def test_a_broker_that_was_away_is_told_what_happened_meanwhile(self):
        notifier = self.start_notifier(self.sink(timeout="1s"))
        self.tracker.say("+alice")
        self.wait_told(alice=["online"])
        self.server.command("down")
        self.tracker.say("+bob")
        self.tracker.say("-bob")
        notifier.wait_log("event=sink_failed sink=log")
        self.assertIn("did not confirm in time", notifier.log())
        self.server.command("up")
        last = lambda: {user: states[-1] for user, states in self.told().items()}
        wait_for(lambda: last() == {"alice": "online", "bob": "offline"}, lambda: f"{self.told()}")
        self.assertNotIn("event=dead_letters", notifier.log())

    def test_a_failure_that_passes_is_nobodys(self):
        """Within the time-out librdkafka tries by itself: no failure, and nothing twice."""
        notifier = self.start_notifier(self.sink())
        self.server.command("produce_errors", 3, 6)  # NOT_LEADER_FOR_PARTITION
        self.tracker.say("+alice", "+bob")
        self.tracker.say("-alice")
        self.wait_told(alice=["online", "offline"], bob=["online"])
        self.assertNotIn("event=sink_failed", notifier.log())

    def test_a_topic_that_is_not_there_is_the_places_fault(self):
        self.server.command("topic_error", "presence", UNKNOWN_TOPIC)
        file = self.settings("topic.metadata.propagation.max.ms=500\n")
        notifier = self.begin_notifier(self.sink(settings_file=file, give_up_after="1s"))
        wait_for(self.tracker.subscribed, "the notifier subscribes")
        self.tracker.say("+alice")
        notifier.wait_log("create the topic: kafka-topics.sh --create --topic NAME")
        self.server.command("topic_error", "presence", 0)
        self.wait_told(alice=["online"])
        self.assertNotIn("event=dead_letters", notifier.log())

    def test_a_user_who_may_not_write_there_is_the_places_fault(self):
        notifier = self.start_notifier(self.sink(give_up_after="1s"))
        self.server.command("produce_errors", 1, NOT_ALLOWED)
        self.tracker.say("+alice")
        notifier.wait_log("let its user write to the topic")
        self.wait_told(alice=["online"])
        self.assertNotIn("event=dead_letters", notifier.log())

    def test_an_event_that_a_broker_finds_too_large_is_its_own_trouble(self):
        """It refuses what came together; the others are taken once they come without it."""
        self.server.topic = "one"
        self.server.command("topic", "one", 1)
        notifier = self.start_notifier(self.sink(topic="one"))
        self.server.command("produce_errors", 1, TOO_LARGE)
        self.tracker.say("+alice", "+bob")
        wait_for(lambda: set(self.told()) == {"alice", "bob"}, lambda: f"both, not {self.told()}")
        self.assertNotIn("event=dead_letters", notifier.log())
        self.server.command("produce_errors", 1, INVALID_RECORD)
        self.tracker.say("-alice")
        notifier.wait_log("event=dead_letters sink=log events=1")
        self.tracker.say("-bob")
        self.wait_told(alice=["online"], bob=["online", "offline"])

    def test_a_hang_ends_with_a_new_producer_and_nothing_is_lost(self):
        notifier = self.start_notifier(self.sink(timeout="500ms"))
        self.tracker.say("+alice")
        self.wait_told(alice=["online"])
        self.server.stop()
        self.addCleanup(self.server.go_on)
        self.tracker.say("-alice", "+bob")
        notifier.wait_log("did not confirm in time")
        self.server.go_on()
        notifier.wait_log("event=sink_recovered sink=log")
        self.assertEqual(self.told()["alice"][-1], "offline")
        self.assertEqual(set(self.told()["bob"]), {"online"})

    def test_it_ends_in_time_while_the_broker_hangs(self):
        notifier = self.start_notifier(self.sink(timeout="1m"))
        self.tracker.say("+alice")
        self.wait_told(alice=["online"])
        self.server.stop()
        self.addCleanup(self.server.go_on)
        self.tracker.say("+bob")
        began = time.monotonic()
        self.assertEqual(notifier.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.assertNotIn("event=sink_abandoned", notifier.log())

    def test_settings_are_librdkafkas_and_a_wrong_one_ends_the_start(self):
        for text, why in (
            ("no.such=1\n", 'librdkafka refuses the setting no.such: No such configuration property: "no.such"'),
            ("# ours\nacks = 1\n", "line 2: `acks` is set by the sink itself"),
            ("linger.ms=soon\n", "librdkafka refuses the setting linger.ms"),
        ):
            notifier = self.begin_notifier(self.sink(settings_file=self.settings(text)))
            self.assertEqual(notifier.process.wait(30), 78)
            self.assertIn(why, notifier.log().replace('\\"', '"'))

    def test_a_file_that_is_wrong_when_it_is_read_again_changes_nothing(self):
        file = self.settings("linger.ms=2\n")
        notifier = self.start_notifier(self.sink(settings_file=file))
        file.write_text("acks=0\n")
        notifier.signal(signal.SIGHUP)
        notifier.wait_log("`acks` is set by the sink itself")
        self.tracker.say("+alice")
        self.wait_told(alice=["online"])
        self.assertEqual(notifier.stop(), 0)

    def test_a_secret_stays_in_its_file(self):
        file = self.settings("sasl.mechanism=PLAIN\nsasl.username=presence\nsasl.password=sesame\n")
        notifier = self.start_notifier(self.sink(settings_file=file))
        self.tracker.say("+alice")
        self.wait_told(alice=["online"])
        self.assertNotIn("sesame", notifier.log())


def murmur2(text):
    """As org.apache.kafka.common.utils.Utils has it."""
    data, mask = text.encode(), 0xFFFFFFFF
    m, h = 0x5BD1E995, 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


if __name__ == "__main__":
    unittest.main()
