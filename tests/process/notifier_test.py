"""presence-notifier against a fake tracker: what is lost on the way is repaired, bad input is not fatal."""

import collections
import unittest

import fake_tracker
from notifier_case import NotifierCase
from support import PATIENCE, Program, json_lines, wait_for


class NotifierTest(NotifierCase):
    name = "audit"

    def start(self):
        sink = {"name": self.name, "type": "jsonl", "path": self.path()}
        return self.start_notifier(sink)

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
        notifier = self.start()
        self.tracker.say("+alice")
        self.wait_brief("+alice")
        self.tracker.say("-alice", lose=True, forget=True)
        self.wait_brief("+alice", "-alice~")
        notices = [line for line in json_lines(self.path(), notices=True) if "notice" in line]
        self.assertEqual([(n["notice"], n["tracker"]) for n in notices], [("gap", "t1")])
        notifier.wait_log("event=gap_told sink=audit notices=1")
        notifier.stop()
        notifier = self.start()
        wait_for(lambda: notifier.log().count("event=in_step") == 2, "it goes on")
        self.assertEqual(notifier.log().count("event=gap_told"), 1)

    def test_it_is_ready_when_each_tracker_is_heard_and_compared(self):
        other = fake_tracker.FakeTracker("t2")
        self.addCleanup(other.close)
        other.mute = True
        self.tracker.say(*(f"+user{n}" for n in range(20)))
        sink = {"name": "audit", "type": "jsonl", "path": self.path()}
        notifier = self.begin_notifier(sink, others=[other])
        slots = sum(fake_tracker.owner_of(slot, ["t1", "t2"]) == "t1" for slot in range(1024))
        wait_for(lambda: self.tracker.questions >= slots, "each slot of t1 is compared")
        self.assertNotIn("event=in_step", notifier.log())
        other.mute = False
        notifier.wait_log("event=in_step")
        self.assertGreaterEqual(other.questions, 1024 - slots)

    def test_many_sinks_ask_no_more_at_once_than_a_tracker_has_room_to_answer(self):
        self.tracker.answering = False
        sinks = [{"name": f"s{n}", "type": "jsonl", "path": self.scratch / f"{n}.jsonl"} for n in range(20)]
        notifier = self.begin_notifier(*sinks)
        wait_for(lambda: len(self.tracker.asked_by) == len(sinks), "each sink asks")
        ticks = self.tracker.ticks
        wait_for(lambda: self.tracker.ticks > ticks + 3, "what they ask at once has come")
        self.assertLessEqual(self.tracker.questions, 50)
        self.tracker.answering = True
        notifier.wait_log("event=in_step")

    def test_a_sink_that_refuses_is_not_waited_for(self):
        self.tracker.say("+alice")
        sink = {"name": "audit", "type": "jsonl", "path": self.scratch / "missing" / "events"}
        notifier = self.begin_notifier(sink)
        notifier.wait_log("event=in_step online=1 but_for_sinks=1")

    def test_a_sink_says_where_it_goes_on_and_one_of_another_name_begins(self):
        notifier = self.start()
        data = (self.scratch / "data" / "n1" / "audit").resolve()
        notifier.wait_log(f"event=sink_begins sink=audit data={data}")
        self.tracker.say("+alice", "+bob")
        self.tracker.say("-bob")
        self.wait_brief("+alice", "+bob", "-bob")
        notifier.stop()
        notifier = self.start()
        notifier.wait_log(
            f"event=sink_goes_on sink=audit data={data} after_batch=t1:2 online=1 waiting=0"
        )
        notifier.stop()
        self.assertNotIn("sink_data_unowned", notifier.log())
        self.name = "other"
        self.start()
        self.wait_brief("+alice", "+bob", "-bob", "+alice~")  # it is told who is online
        notifier.wait_log(f"event=sink_data_unowned data={data}")
        notifier.wait_log(f"event=sink_begins sink=other data={data.parent}/other")

    def test_the_data_of_another_sink_is_refused(self):
        self.start().stop()
        config = (self.scratch / "presence.toml").read_text()
        other = self.scratch.write("other.toml", config.replace('"n1"', '"n2"').replace("data/n2", "data/n1"))
        notifier = Program(self.scratch, "presence-notifier", "--config", other)
        self.addCleanup(notifier.kill)
        self.assertNotEqual(notifier.process.wait(PATIENCE), 0)

    def test_whoever_is_online_before_the_start_is_told(self):
        self.tracker.say("+alice", "+bob", "-bob")
        notifier = self.start()
        self.wait_brief("+alice~")
        self.tracker.say("-alice")
        self.wait_brief("+alice~", "-alice")
        self.assertEqual(notifier.stop(), 0)

    def test_the_last_batch_before_silence_dropped(self):
        """Found within two ticks: the first of them tells of it."""
        self.start()
        self.tracker.say("+alice", "+bob")
        self.tracker.say("-alice", "+carol", lose=True)
        wait_for(lambda: len(self.events()) == 4, "two replayed events")
        self.assertLessEqual(self.tracker.ticks_before_replay, 2)
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
