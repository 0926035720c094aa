"""The nats sink of presence-notifier, against Debian's server: what is published, and what a stream keeps of it."""

import collections
import json
import os
import re
import shutil
import subprocess
import time
import unittest

from nats_server import NatsServer
from notifier_case import NotifierCase
from support import ROOT, built_in, wait_for


@unittest.skipUnless(built_in("nats"), "built without nats")
class NatsCase(NotifierCase):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def serve(self, name="nats", options="", **how):
        server = NatsServer(self.scratch, name, options, **how)
        self.addCleanup(server.close)
        return server

    def sink(self, **settings):
        return {"name": "log", "type": "nats", "url": self.server.url(), "timeout": "2s"} | settings

    def client(self, server=None, **login):
        client = (server or self.server).client(**login)
        self.addCleanup(client.close)
        return client


def told(messages):
    """User and state of each event, in order."""
    events = [json.loads(payload) for _, payload in messages]
    return [(event["user"], event["state"]) for event in events if "user" in event]


class NatsTest(NatsCase):
    """Without JetStream."""

    def test_an_event_has_a_subject_of_its_own(self):
        came = self.client().subscribe("presence.>")
        notifier = self.start_notifier(self.sink(subject="presence.{slot}.{user}.{state}"))
        names = ["alice", "a.b", "a b", "*", ">", "=40", "J\u00fcrgen"]
        self.tracker.say(*("+" + name for name in names))
        self.tracker.say("-alice")
        wait_for(lambda: len(came) == 8, lambda: f"8 messages, not {came}")
        events = [json.loads(payload) for _, payload in came]
        self.assertEqual([event["user"] for event in events if event["state"] == "online"], names)
        tokens = [subject.split(".")[2] for subject, _ in came]
        self.assertEqual(
            tokens, ["alice", "a=2eb", "a=20b", "=2a", "=3e", "=3d40", "J=c3=bcrgen", "alice"]
        )
        for (subject, _), event in zip(came, events):
            self.assertEqual(subject.split(".")[1], str(event["slot"]))
            self.assertEqual(subject.split(".")[3], event["state"])
        self.assertEqual(notifier.stop(), 0)

    def test_a_gap_notice_has_a_subject_that_is_no_users(self):
        came = self.client().subscribe("presence.>")
        self.start_notifier(self.sink())
        self.tracker.say("+alice")
        wait_for(lambda: len(came) == 1, "an event")
        self.tracker.restart()
        self.tracker.say("+bob")
        found = lambda: [payload for subject, payload in came if subject == "presence.=gap"]
        self.assertEqual(json.loads(wait_for(found, "a notice")[0])["notice"], "gap")

    def test_a_server_that_was_away_is_told_what_happened_meanwhile(self):
        notifier = self.start_notifier(self.sink())
        self.server.kill()
        self.tracker.say("+alice", "+bob")
        self.tracker.say("-alice")
        notifier.wait_log("event=sink_failed sink=log")
        self.server.start()
        # Who was told while nobody subscribed is past; what is told next is not.
        notifier.wait_log("event=sink_recovered sink=log")
        came = self.client().subscribe("presence.*")
        self.tracker.say("+alice")
        wait_for(lambda: told(came) == [("alice", "online")], lambda: f"alice, not {came}")

    def test_a_server_that_hangs_is_told_again(self):
        came = self.client().subscribe("presence.*")
        notifier = self.start_notifier(self.sink(timeout="500ms"))
        self.tracker.say("+bob")
        wait_for(lambda: told(came) == [("bob", "online")], "bob online")
        self.server.stop()
        self.addCleanup(self.server.go_on)
        self.tracker.say("+alice")
        notifier.wait_log("did not answer in time")
        self.tracker.say("-alice")
        self.server.go_on()
        notifier.wait_log("event=sink_recovered sink=log")
        wait_for(lambda: told(came)[-1:] == [("alice", "offline")], lambda: f"she left: {came}")
        self.assertNotIn("event=dead_letters", notifier.log())

    def test_it_ends_in_time_while_the_server_hangs(self):
        came = self.client().subscribe("presence.*")
        notifier = self.start_notifier(self.sink(timeout="1m"))
        self.tracker.say("+bob")
        wait_for(lambda: told(came) == [("bob", "online")], "bob online")
        self.server.stop()
        self.addCleanup(self.server.go_on)
        self.tracker.say("+alice")
        began = time.monotonic()
        self.assertEqual(notifier.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.assertNotIn("event=sink_abandoned", notifier.log())

    def test_an_event_that_is_too_large_is_its_own_trouble(self):
        small = self.serve("small", "max_payload: 300")
        came = self.client(small).subscribe("presence.*")
        notifier = self.start_notifier(self.sink(url=small.url()))
        self.tracker.say("+alice", "+" + "x" * 128, "+bob")
        wait_for(lambda: told(came) == [("alice", "online"), ("bob", "online")], "all others")
        notifier.wait_log("event=dead_letters sink=log")
        self.assertIn("takes messages of 300 bytes", notifier.log())

    def test_a_password_comes_from_a_file(self):
        locked = self.serve("locked", 'authorization { user: "presence", password: "sesame" }')
        came = self.client(locked, user="presence", **{"pass": "sesame"}).subscribe("presence.*")
        secret = self.scratch.write("password", "wrong\n")
        os.chmod(secret, 0o600)
        sink = self.sink(url=locked.url(), user="presence", password_file=secret)
        notifier = self.begin_notifier(sink)
        wait_for(self.tracker.subscribed, "the notifier subscribes")
        self.tracker.say("+alice")
        notifier.wait_log("Authorization Violation: set user and password_file")
        secret.write_text("sesame\n")
        wait_for(lambda: told(came) == [("alice", "online")], "alice online")
        self.assertNotIn("sesame", notifier.log())

    def test_a_token_is_a_password_without_a_user(self):
        locked = self.serve("locked", 'authorization { token: "sesame" }')
        came = self.client(locked, auth_token="sesame").subscribe("presence.*")
        secret = self.scratch.write("token", "sesame\n")
        self.start_notifier(self.sink(url=locked.url(), password_file=secret))
        self.tracker.say("+alice")
        wait_for(lambda: told(came) == [("alice", "online")], "alice online")

    def test_a_user_who_may_not_publish_there_is_the_places_fault(self):
        strict = self.serve(
            "strict",
            'authorization { users = [{ user: "presence", password: "sesame", '
            'permissions { publish: "elsewhere.>" } }] }',
        )
        secret = self.scratch.write("password", "sesame")
        sink = self.sink(url=strict.url(), user="presence", password_file=secret, give_up_after="1s")
        notifier = self.begin_notifier(sink)
        wait_for(self.tracker.subscribed, "the notifier subscribes")
        self.tracker.say("+alice")
        notifier.wait_log("Permissions Violation for Publish")
        notifier.wait_log("let its user publish there")
        self.assertNotIn("event=dead_letters", notifier.log())


class NatsTlsTest(NatsCase):
    def setUp(self):
        super().setUp()
        self.key, self.certificate = self.scratch / "key.pem", self.scratch / "certificate.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
        command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", self.key, "-out", self.certificate]
        subprocess.run(command, check=True, capture_output=True)
        tls = f'tls {{ cert_file: "{self.certificate}", key_file: "{self.key}" }}'
        self.secure = self.serve("secure", tls)

    def begin(self, url, **settings):
        notifier = self.begin_notifier(self.sink(url=url, **settings))
        wait_for(self.tracker.subscribed, "the notifier subscribes")
        self.tracker.say("+alice")
        return notifier

    def test_a_certificate_of_ca_file_is_accepted(self):
        notifier = self.begin(self.secure.url("tls", "localhost"), ca_file=self.certificate)
        notifier.wait_log("event=in_step")
        self.assertEqual(notifier.stop(), 0)
        self.assertNotIn("event=sink_failed", notifier.log())
        self.assertNotIn("event=sink_not_drained", notifier.log())

    def test_a_certificate_that_nobody_vouches_for_is_refused(self):
        notifier = self.begin(self.secure.url("tls", "localhost"))
        notifier.wait_log("event=sink_failed sink=log")
        self.assertIn("self-signed certificate", notifier.log())

    def test_a_certificate_of_another_host_is_refused(self):
        notifier = self.begin(self.secure.url("tls"), ca_file=self.certificate)
        notifier.wait_log("event=sink_failed sink=log")
        self.assertIn("IP address mismatch", notifier.log())

    def test_a_server_that_speaks_no_tls_is_told_nothing(self):
        notifier = self.begin(self.server.url("tls"), ca_file=self.certificate)
        notifier.wait_log("event=sink_failed sink=log")
        notifier.wait_log("is the url's scheme (nats or tls) the server's")


class JetStreamTest(NatsCase):
    def sink(self, **settings):
        return super().sink(jetstream=True) | settings

    def stored(self):
        return told(self.client().stored("presence"))

    def wait_stored(self, *expected):
        wait_for(lambda: self.stored() == list(expected), lambda: f"{expected}, not {self.stored()}")

    def test_a_stream_has_each_event_once_and_in_order(self):
        self.client().add_stream("presence", "presence.*")
        self.start_notifier(self.sink())
        self.tracker.say("+alice", "+bob")
        self.tracker.say("-alice")
        self.tracker.say("+alice", "-bob")
        wait_for(lambda: len(self.stored()) == 5, "five events")
        of_user = collections.defaultdict(list)
        for user, state in self.stored():
            of_user[user].append(state)
        self.assertEqual(of_user, {"alice": ["online", "offline", "online"], "bob": ["online", "offline"]})

    def test_without_a_stream_it_waits_and_says_what_to_do(self):
        self.client().add_stream("other", "presence.other.*")
        notifier = self.begin_notifier(self.sink(give_up_after="1s"))
        wait_for(self.tracker.subscribed, "the notifier subscribes")
        self.tracker.say("+alice")
        notifier.wait_log("has no stream that takes presence.*")
        notifier.wait_log("nats stream add presence --defaults --subjects 'presence.*'")
        self.client().add_stream("presence", "presence.*")
        self.wait_stored(("alice", "online"))
        self.assertNotIn("event=dead_letters", notifier.log())

    def told_and_forgotten(self, *transitions):
        """They were told, and the notifier was killed before it knew that they were taken."""
        notifier = self.start_notifier(self.sink())
        self.assertEqual(notifier.stop(), 0)
        shutil.copytree(self.scratch / "data", self.scratch / "before")
        notifier = self.start_notifier(self.sink())
        self.tracker.say(*transitions)
        wait_for(lambda: len(self.stored()) == len(transitions), "all are stored")
        notifier.kill()
        shutil.rmtree(self.scratch / "data")
        (self.scratch / "before").rename(self.scratch / "data")

    def test_what_a_stream_has_is_not_added_again_after_a_kill(self):
        self.client().add_stream("presence", "presence.*")
        self.told_and_forgotten("+alice", "+bob")
        before = self.stored()
        self.start_notifier(self.sink())
        self.tracker.say("-bob")
        self.wait_stored(*before, ("bob", "offline"))

    def test_its_user_needs_the_rights_that_the_guide_names(self):
        guide = (ROOT / "docs/guide/sinks.md").read_text()
        said = "to publish to `(.*?)` and, with JetStream, to subscribe to `(.*?)`"
        publish, subscribe = re.search(said, guide).groups()
        rights = f'permissions {{ publish: "{publish}", subscribe: "{subscribe}" }}'
        user = f'{{ user: "presence", password: "sesame", {rights} }}'
        strict = self.serve(
            "strict", f'authorization {{ users = [{user}, {{ user: "root", password: "root" }}] }}'
        )
        client = self.client(strict, user="root", **{"pass": "root"})
        client.add_stream("presence", "presence.*")
        secret = self.scratch.write("password", "sesame")
        self.start_notifier(self.sink(url=strict.url(), user="presence", password_file=secret))
        self.tracker.say("+alice")
        wait_for(lambda: told(client.stored("presence")) == [("alice", "online")], "alice online")

    def test_a_stream_that_is_full_is_the_places_fault(self):
        client = self.client()
        client.add_stream("presence", "presence.*", max_msgs=1, discard="new")
        notifier = self.start_notifier(self.sink(give_up_after="1s"))
        self.tracker.say("+alice")
        self.wait_stored(("alice", "online"))
        self.tracker.say("+bob")
        notifier.wait_log("answered maximum messages exceeded")
        client.request("$JS.API.STREAM.PURGE.presence")
        self.wait_stored(("bob", "online"))
        self.assertNotIn("event=dead_letters", notifier.log())

    def test_an_event_that_a_stream_finds_too_large_is_its_own_trouble(self):
        self.client().add_stream("presence", "presence.*", max_msg_size=320)
        notifier = self.start_notifier(self.sink())
        self.tracker.say("+alice", "+" + "x" * 128, "+bob")
        wait_for(lambda: len(self.stored()) == 2, "all others")
        notifier.wait_log("event=dead_letters sink=log")
        self.assertIn("message size exceeds maximum allowed", notifier.log())

    def test_a_window_of_duplicates_that_ends_between_two_events_ends_in_the_truth(self):
        """The first one is stored again, behind the second: so that comes again as well."""
        client = self.client()
        client.add_stream("presence", "presence.*", duplicate_window=int(5e9))
        self.told_and_forgotten("+alice", "-alice")
        # The second event is renewed under its id, as a later chunk could have been stored.
        (subject, payload) = client.stored("presence")[-1]
        wait_for(lambda: client.publish(subject, payload, json.loads(payload)["id"]), "forgotten")
        self.start_notifier(self.sink())
        wait_for(lambda: len(self.stored()) == 5, lambda: f"both again: {self.stored()}")
        self.assertEqual(self.stored()[-2:], [("alice", "online"), ("alice", "offline")])

    def test_a_server_that_hangs_is_told_again_and_drops_what_it_has(self):
        self.client().add_stream("presence", "presence.*")
        notifier = self.start_notifier(self.sink(timeout="500ms"))
        self.tracker.say("+alice")
        self.wait_stored(("alice", "online"))
        self.server.stop()
        self.addCleanup(self.server.go_on)
        self.tracker.say("-alice", "+bob")
        notifier.wait_log("did not acknowledge in time")
        self.server.go_on()
        notifier.wait_log("event=sink_recovered sink=log")
        wait_for(lambda: len(self.stored()) == 3, lambda: f"three events: {self.stored()}")


if __name__ == "__main__":
    unittest.main()
