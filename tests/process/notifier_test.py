"""presence-notifier against a fake tracker: what is lost on the way is repaired, bad input is not fatal."""

import collections
import unittest

import fake_tracker
from support import Program, Scratch, json_lines, wait_for


class NotifierTest(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.close)
        self.tracker = fake_tracker.FakeTracker()
        self.addCleanup(self.tracker.close)

    def start(self):
        sink = {"name": "audit", "type": "jsonl", "path": self.scratch / "events.jsonl"}
        config = self.scratch.write("presence.toml", self.tracker.config(sink))
        notifier = Program(self.scratch, "presence-notifier", "--config", config)
        self.addCleanup(notifier.kill)
        wait_for(self.tracker.subscribed, "the notifier subscribes")
        notifier.wait_log("event=in_step")
        return notifier

    def path(self):
        return self.scratch / "events.jsonl"

    def events(self):
        return json_lines(self.path())

    def brief(self):
        return [
            ("+" if event["state"] == "online" else "-")
            + event["user"]
            + ("~" if event["reason"] == "reconcile" else "")
            for event in self.events()
        ]

    def wait_brief(self, *expected):
        wait_for(
            lambda: self.brief() == list(expected),
            lambda: f"{expected}; there is {self.brief()}",
        )

    def test_a_killed_notifier_goes_on_where_it_was(self):
        notifier = self.start()
        said = []
        for round_number in range(8):
            for n in range(20):
                transition = f"{'+' if round_number % 2 == 0 else '-'}user{n}"
                self.tracker.say(transition)
                said.append(transition)
            wait_for(lambda: len(self.brief()) > 20 * round_number, "some of them are told")
            notifier.kill()  # with some told and not confirmed, some on their way, some unsaid
            self.tracker.say(f"+away{round_number}", f"-away{round_number}")
            said += [f"+away{round_number}", f"-away{round_number}"]
            notifier = self.start()
        self.tracker.say("+last")
        wait_for(lambda: "+last" in self.brief(), "the last one")
        told = list({event["id"]: event for event in self.events()}.values())
        by_user = collections.defaultdict(list)
        for event in told:
            self.assertNotEqual(event["reason"], "reconcile")
            by_user[event["user"]].append("+" if event["state"] == "online" else "-")
        expected = collections.defaultdict(list)
        for transition in [*said, "+last"]:
            expected[transition[1:]].append(transition[0])
        self.assertEqual(by_user, expected)
        self.assertEqual(notifier.stop(), 0)

    def test_a_gap_that_cannot_be_filled_is_told(self):
        self.start()
        self.tracker.say("+alice")
        self.wait_brief("+alice")
        self.tracker.say("-alice", lose=True, forget=True)
        self.wait_brief("+alice", "-alice~")
        notices = [line for line in json_lines(self.path(), notices=True) if "notice" in line]
        self.assertEqual([(n["notice"], n["tracker"]) for n in notices], [("gap", "t1")])

    def test_the_data_of_another_sink_is_refused(self):
        self.start().stop()
        config = (self.scratch / "presence.toml").read_text()
        other = self.scratch.write("other.toml", config.replace('"n1"', '"n2"').replace("data/n2", "data/n1"))
        notifier = Program(self.scratch, "presence-notifier", "--config", other)
        self.addCleanup(notifier.kill)
        self.assertNotEqual(notifier.process.wait(10), 0)

    def test_whoever_is_online_before_the_start_is_told(self):
        self.tracker.say("+alice", "+bob", "-bob")
        notifier = self.start()
        self.wait_brief("+alice~")
        self.tracker.say("-alice")
        self.wait_brief("+alice~", "-alice")
        self.assertEqual(notifier.stop(), 0)

    def test_a_lost_last_batch_is_replayed(self):
        self.start()
        self.tracker.say("+alice", "+bob")
        self.tracker.say("-alice", "+carol", lose=True)  # told by the tick alone
        wait_for(lambda: len(self.events()) == 4, "two replayed events")
        self.assertEqual(collections.Counter(self.brief()[2:]), {"-alice": 1, "+carol": 1})
        self.tracker.say("-bob")
        wait_for(lambda: self.brief()[-1] == "-bob", "what comes later is told as usual")

    def test_a_lost_batch_is_noticed_by_the_next(self):
        self.start()
        self.tracker.say("+alice")
        self.tracker.say("-alice", lose=True)
        self.tracker.say("+alice")
        self.wait_brief("+alice", "-alice", "+alice")

    def test_what_cannot_be_replayed_is_repaired_by_comparison(self):
        self.start()
        self.tracker.say("+alice", "+bob")
        wait_for(lambda: len(self.events()) == 2, "both are told")
        self.tracker.say("-alice", "+carol", lose=True, forget=True)
        wait_for(lambda: len(self.events()) == 4, "two reconciled differences")
        self.assertEqual(collections.Counter(self.brief()[2:]), {"-alice~": 1, "+carol~": 1})
        reconciled = [event for event in self.events() if event["reason"] == "reconcile"]
        for event in reconciled:
            self.assertRegex(event["id"], r"^\d+\.\d+\.\d+\.r[0-9a-f]+$")

    def test_a_restarted_tracker_makes_nobody_flap(self):
        self.start()
        self.tracker.say("+alice", "+bob")
        self.wait_brief("+alice", "+bob")
        self.tracker.restart()
        self.tracker.say("+alice")
        self.wait_brief("+alice", "+bob", "-bob~")

    def test_a_tracker_that_refuses_at_first_is_asked_again(self):
        self.tracker.say("+alice")
        self.tracker.answer_errors = 20
        self.start()
        self.wait_brief("+alice~")

    def test_bad_input_on_its_sockets_is_survived(self):
        notifier = self.start()
        for body in (b"", b"\xdd\x0f\xff\xff\xff", b"\x91" * 10_000, b"x" * 200_000):
            self.tracker.publish(b"batch", body)
            self.tracker.publish(b"tick", body)
        self.tracker.publish(b"batch")
        self.tracker.publish(b"batch", b"", b"")
        self.tracker.publish(b"batch and more", b"")
        self.tracker.say("+alice")
        self.wait_brief("+alice")
        self.assertEqual(notifier.stop(), 0)


if __name__ == "__main__":
    unittest.main()
