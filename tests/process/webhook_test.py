"""The webhook sink of presence-notifier against receivers that do not do what they should."""

import collections
import email.utils
import os
import random
import signal
import subprocess
import time
import unittest
import unittest.mock

import webhook_receiver as answers
from notifier_case import NotifierCase
from support import BIN, PATIENCE, json_lines, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEWER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


class WebhookTest(NotifierCase):
    def setUp(self):
        super().setUp()
        self.receiver = answers.Receiver()
        self.addCleanup(self.receiver.close)
        self.secrets = self.scratch.write("secrets", SECRET + "\n")
        self.jsonl = {"name": "audit", "type": "jsonl", "path": self.scratch / "events.jsonl"}
        # Nobody listens there: a proxy of the environment is not used.
        proxies = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "ALL_PROXY")}
        patch = unittest.mock.patch.dict(os.environ, proxies)
        patch.start()
        self.addCleanup(patch.stop)

    def sink(self, **settings):
        base = {"name": "hook", "type": "webhook", "url": self.receiver.url()}
        base |= {"secret_file": self.secrets, "allow_private": True, "timeout": "1s"}
        return {key: value for key, value in (base | settings).items() if value is not None}

    def start(self, *sinks):
        return self.start_notifier(*sinks, arguments=("--log-level", "debug"))

    def wait_requests(self, number):
        wait_for(
            lambda: len(self.receiver.requests) >= number,
            lambda: f"{number} requests; there are {len(self.receiver.requests)}",
        )

    def wait_users(self, *users):
        missing = lambda: set(users) - {event["user"] for event in self.receiver.events()}
        wait_for(lambda: not missing(), lambda: f"{len(missing())} users: {sorted(missing())[:3]}")

    def wait_beside(self, number):
        """The sink beside it was told so many events."""
        wait_for(lambda: len(json_lines(self.jsonl["path"])) >= number, f"{number} events beside")

    def retried_after(self, *planned, sink=None):
        """One event, told with these answers, then taken: the log. Each attempt has one id."""
        self.receiver.plan(*planned)
        notifier = self.start(sink or self.sink())
        self.tracker.say("+alice")
        self.wait_requests(len(planned) + 1)
        notifier.wait_log("event=sink_recovered sink=hook")
        self.assertEqual(len(set(self.receiver.ids())), 1)
        self.assertEqual(len({request.body for request in self.receiver.requests}), 1)
        self.assertEqual(len(self.receiver.requests), len(planned) + 1)
        self.assertEqual(notifier.stop(), 0)
        return notifier.log()

    def test_events_are_posted_signed_in_the_recommended_form(self):
        notifier = self.start(self.sink(batch_max=10))
        for first in range(0, 50, 5):
            self.tracker.say(*(f"+user{n}" for n in range(first, first + 5)))
        self.wait_users(*(f"user{n}" for n in range(50)))
        for request in self.receiver.requests:
            self.assertEqual(request.signatures, [answers.signature(SECRET, request)])
            self.assertRegex(request.id, "^msg_[0-9a-f]{32}$")
            self.assertLess(abs(int(request.timestamp) - time.time()), 60)
            self.assertRegex(request.headers["user-agent"], "^presence-notifier/")
            self.assertEqual(request.headers["content-type"], "application/json")
            self.assertRegex(
                request.body.decode(),
                r'^{"type":"presence.transitions","timestamp":"\d{4}-\d\d-\d\dT[0-9:.]{12}Z","data":',
            )
            self.assertLessEqual(len(request.events), 10)
        self.assertEqual(len(set(self.receiver.ids())), len(self.receiver.ids()))
        self.assertEqual(self.receiver.connections, 1, "the connection is kept")
        self.assertEqual(notifier.stop(), 0)

    def test_what_is_not_taken_comes_again_with_the_same_id(self):
        log = self.retried_after(
            answers.status(500), answers.close(), answers.close_mid_body(), answers.status(404)
        )
        self.assertIn("answered 500", log)

    def test_a_receiver_that_hangs_or_drips_is_given_up_after_the_timeout(self):
        log = self.retried_after(answers.hang(), answers.drip(), sink=self.sink(timeout="300ms"))
        self.assertIn("timed out", log)

    def test_a_receiver_that_cannot_be_reached_is_tried_again(self):
        port = self.receiver.port
        self.receiver.close()
        notifier = self.start(self.sink())
        self.tracker.say("+alice")
        notifier.wait_log(f"cannot post to http://127.0.0.1:{port}: ")
        self.assertEqual(notifier.stop(), 0)

    def test_redirects_are_not_followed(self):
        places = ["http://169.254.169.254/latest/meta-data/", self.receiver.url(path="/elsewhere")]
        log = self.retried_after(
            *(answers.status(code, {"Location": place}) for code in (302, 307) for place in places)
        )
        self.assertIn("redirects are not followed", log)
        self.assertEqual({r.path for r in self.receiver.requests}, {"/hook/path-token"})

    def test_retry_after_is_waited_for(self):
        for code, value in ((429, lambda: "1"), (503, lambda: date_in(4))):
            with self.subTest(code):
                self.receiver.requests.clear()
                self.tracker.restart()
                self.retried_after(answers.status(code, {"Retry-After": value()}))
                first, second = self.receiver.requests
                self.assertGreaterEqual(second.at - first.at, 0.95)

    def test_a_huge_answer_is_cut_and_counts_by_its_status(self):
        sent = []
        self.receiver.plan(answers.huge(sent))
        notifier = self.start(self.sink())
        self.tracker.say("+alice")
        wait_for(lambda: sent, "the answer is cut")
        self.assertLess(sent[0], 64 << 20)  # what buffers took
        self.tracker.say("+bob")
        self.wait_users("alice", "bob")
        self.assertEqual(len(self.receiver.requests), 2)
        self.assertEqual(notifier.stop(), 0)

    def test_a_body_is_bounded_and_what_was_taken_of_a_chunk_is_not_repeated(self):
        # While alice's request waits, 5,000 events of about 350 bytes come together.
        self.receiver.plan(answers.hang(), answers.status(200), answers.status(200), answers.status(500))
        notifier = self.start(self.sink(batch_max=5_000, timeout="1m"), self.jsonl)
        self.tracker.say("+alice")
        self.wait_requests(1)
        users = [f"{n:0120d}" for n in range(5_000)]
        for first in range(0, 5_000, 500):
            self.tracker.say(*("+" + user for user in users[first : first + 500]))
        self.wait_beside(5_001)
        self.receiver.released.set()
        self.wait_users("alice", *users)
        self.assertLessEqual(max(len(request.body) for request in self.receiver.requests), 1_000_000)
        first, again, whole, refused, taken = self.receiver.ids()
        self.assertEqual((first, refused), (again, taken))
        self.assertNotEqual(whole, taken)
        self.assertEqual(notifier.stop(), 0)

    def test_each_request_is_confirmed_by_itself(self):
        self.receiver.plan(answers.status(200), answers.status(200), answers.hang())
        notifier = self.start(self.sink(batch_max=100, timeout="1m"))
        self.tracker.say(*(f"+user{n}" for n in range(500)))
        self.wait_requests(3)
        self.assertEqual(notifier.stop(), 0)
        self.assertIn("event=sink_not_drained sink=hook waiting=300", notifier.log())

    def test_410_ends_it_until_sighup(self):
        self.receiver.plan(answers.status(410, {"Retry-After": "3600"}))
        notifier = self.start(self.sink(), self.jsonl)
        self.tracker.say("+alice")
        notifier.wait_log("event=sink_gone sink=hook")
        for n in range(5):
            self.tracker.say(f"+user{n}")
            self.wait_beside(n + 2)
        self.assertEqual(len(self.receiver.requests), 1)
        notifier.signal(signal.SIGHUP)
        self.wait_users("alice", *(f"user{n}" for n in range(5)))
        self.assertEqual(self.receiver.ids()[0], self.receiver.ids()[1])
        self.receiver.plan(answers.status(410))
        self.tracker.say("-alice")
        self.wait_requests(len(self.receiver.requests) + 1)
        began = time.monotonic()
        self.assertEqual(notifier.stop(), 0)
        self.assertLess(time.monotonic() - began, 2.5, "nothing is waited for at the end")
        self.assertIn("event=sink_not_drained sink=hook", notifier.log())

    def test_a_receiver_that_hangs_delays_no_other_sink_nor_the_end(self):
        self.receiver.plan(answers.hang())
        notifier = self.start(self.sink(timeout="10m", queue_max=100), self.jsonl)
        for n in range(0, 2_000, 500):
            self.tracker.say(*(f"+user{n + i}" for i in range(500)))
        self.wait_beside(2_000)
        notifier.wait_log("event=sink_behind sink=hook")
        self.wait_requests(1)
        self.assertEqual(notifier.stop(), 0)
        self.assertEqual(len(self.receiver.requests), 1)
        self.assertNotIn("event=sink_abandoned", notifier.log())

    def test_order_and_ids_hold_whatever_the_receiver_does(self):
        rng = random.Random(4)
        bad = (
            lambda: answers.status(500),
            lambda: answers.status(429, {"Retry-After": "0"}),
            answers.close,
            answers.close_mid_body,
            answers.drip,
        )
        # Few in a row, as pauses grow with each.
        plan = (rng.choice(bad)() if rng.random() < 0.6 else answers.status(200) for _ in range(40))
        self.receiver.plan(*plan)
        notifier = self.start(self.sink(batch_max=7, timeout="100ms"), self.jsonl)
        for turn in range(20):
            sign = "+-"[turn % 2]
            self.tracker.say(*(f"{sign}user{n}" for n in range(10)))
        # What nobody knows to be taken comes again, in smaller requests too: an event is known by its id.
        told = lambda: list({event["id"]: event for event in self.receiver.events()}.values())
        wait_for(lambda: len(told()) >= 200, "all transitions")
        told = told()
        self.assertEqual(len(told), 200)
        users = collections.defaultdict(list)
        for event in told:
            users[event["user"]].append(event)
        for events in users.values():
            self.assertEqual([event["state"] for event in events], ["online", "offline"] * 10)
            places = [(event["epoch"], event["seq"]) for event in events]
            self.assertEqual(places, sorted(places))
        for request in self.receiver.requests:
            self.assertEqual(request.signatures, [answers.signature(SECRET, request)])
        by_id = lambda events: sorted(events, key=lambda event: event["id"])
        self.assertEqual(by_id(json_lines(self.jsonl["path"])), by_id(told))
        self.assertEqual(notifier.stop(), 0)

    def test_a_chunk_has_the_same_id_after_a_kill(self):
        self.tracker.say("+alice")
        self.receiver.plan(answers.hang())
        notifier = self.start(self.sink(timeout="1m"))
        self.wait_requests(1)
        notifier.kill()
        self.start(self.sink())
        self.wait_users("alice")
        self.assertEqual(len(set(self.receiver.ids())), 1)

    def test_addresses_beside_the_public_internet_are_refused_when_connecting(self):
        # A name that turns out to be loopback, as after a DNS rebinding, and loopback in disguise.
        for host in ("rebound.localhost", "2130706433", "0x7f.1", "017700000001"):
            with self.subTest(host):
                self.tracker.restart()
                url = self.receiver.url(host)
                notifier = self.start(self.sink(url=url, allow_private=None, allow_plaintext=True))
                self.tracker.say("+alice")
                notifier.wait_log("its address is loopback: refused")
                self.assertEqual(self.receiver.connections, 0)
                notifier.kill()
                (self.scratch / "presence-notifier.log").unlink()
        self.tracker.restart()
        self.start(self.sink(url=self.receiver.url("rebound.localhost"), allow_plaintext=True))
        self.tracker.say("+alice")
        self.wait_users("alice")

    def test_a_proxy_is_used_where_it_is_named(self):
        proxy = f"http://127.0.0.1:{self.receiver.port}"
        url = "http://hooks.example.org/there"
        self.start(self.sink(url=url, proxy=proxy, allow_private=None, allow_plaintext=True))
        self.tracker.say("+alice")
        self.wait_users("alice")
        self.assertEqual(self.receiver.requests[0].path, url)

    def test_a_key_is_rotated_without_a_restart(self):
        notifier = self.start(self.sink())
        self.tracker.say("+alice")
        self.wait_users("alice")
        self.secrets.write_text(f"# since today\n{NEWER}\n{SECRET}\n")
        notifier.signal(signal.SIGHUP)
        notifier.wait_log("event=reloaded")
        self.tracker.say("+bob")
        self.wait_users("bob")
        last = self.receiver.requests[-1]
        self.assertEqual(last.signatures, [answers.signature(s, last) for s in (NEWER, SECRET)])
        self.secrets.write_text("whsec_nonsense\n")
        notifier.signal(signal.SIGHUP)
        notifier.wait_log("line 1 is no secret")
        self.tracker.say("+carol")
        self.wait_users("carol")
        self.assertEqual(len(self.receiver.requests[-1].signatures), 2, "those in use are kept")
        self.secrets.unlink()
        os.mkfifo(self.secrets)
        notifier.signal(signal.SIGHUP)
        wait_for(lambda: notifier.log().count("event=reloaded") == 3, "the third SIGHUP is seen")
        self.tracker.say("+dave")
        self.wait_users("dave")
        self.assertEqual(notifier.stop(), 0)

    def test_a_secret_is_told_to_nobody(self):
        sink = self.sink(timeout="100ms", secret_file=None, secret_env="HOOK_SECRET")
        with unittest.mock.patch.dict(os.environ, HOOK_SECRET=SECRET):
            # One a run, as a sink's second failure is not logged at once.
            runs = (("alice", answers.status(500), "answered 500"),
                    ("bob", answers.hang(), "timed out"))
            for user, answer, told in runs:
                self.receiver.plan(answer)
                notifier = self.start(sink)
                self.tracker.say("+" + user)
                notifier.wait_log(told)
                self.wait_users(user)
                last = self.receiver.requests[-1]
                self.assertEqual(last.signatures, [answers.signature(SECRET, last)])
                self.assertEqual(notifier.stop(), 0)
                self.tracker.restart()
                self.receiver.requests.clear()
            printed = run(self.scratch / "presence.toml", "--print-config")
        self.assertIn('secret_env = "HOOK_SECRET"', printed.stdout)
        for text in (notifier.log(), printed.stdout, printed.stderr):
            self.assertNotIn(SECRET[6:20], text)
        self.assertNotIn("path-token", notifier.log(), "a path may be a secret")

    def test_a_secret_that_is_none_ends_the_start_and_is_not_repeated(self):
        sink = self.sink()
        config = self.scratch.write("presence.toml", self.tracker.config(sink))
        for text, told in (
            (SECRET[6:], "line 1 is no secret"),
            (f"{SECRET}\n{SECRET[:-4]}\n", "line 2 is no secret"),
            ("", "no secret is there"),
            (None, "No such file"),
        ):
            with self.subTest(told):
                self.secrets.unlink() if text is None else self.secrets.write_text(text)
                done = run(config)
                self.assertEqual(done.returncode, 78)
                self.assertIn(told, done.stderr)
                self.assertNotIn(SECRET[6:20], done.stderr)


def run(config, *flags):
    command = [BIN / "presence-notifier", "--config", config, *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def date_in(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


if __name__ == "__main__":
    unittest.main()
