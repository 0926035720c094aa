"""Every sink that keeps what it was told, against its real place: after each fault the place equals the model."""

import collections
import json
import os
import random
import signal
import sys
import textwrap
import threading
import time
import unittest

import webhook_receiver as answers
from notifier_case import NotifierCase
from postgres_server import built_in
from state_places import POISON, Postgres, Redis
from support import json_lines, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class LogPlace:
    """A place that holds what happened. `events()`: of each user, in order."""

    def __init__(self, case):
        self.case = case

    def states(self):
        """Of every user the state told last."""
        return {event["user"]: event["state"] for event in self.events()}

    def check(self):
        """Nobody's events go back but where all from there on come again."""
        of_user = collections.defaultdict(list)
        for event in self.events():
            of_user[event["user"]].append((event["epoch"], event["seq"]))
        for user, places in of_user.items():
            first = []  # of those told more than once, the first time
            for place in places:
                if place not in first:
                    first.append(place)
            self.case.assertEqual(first, sorted(first), user)

    def kill(self):
        """It is gone, and refuses or is not there."""

    def start(self):
        pass

    def hang(self):
        pass

    def go_on(self):
        pass

    def close(self):
        pass


class File(LogPlace):
    """Its server is the file system: gone is a folder that is moved away."""

    def __init__(self, case):
        super().__init__(case)
        self.folder = case.scratch / "folder"
        self.folder.mkdir()
        self.path = self.folder / "events.jsonl"

    def sink(self):
        return {"type": "jsonl", "path": self.path}

    def events(self):
        return json_lines(self.path)

    def kill(self):
        self.folder.rename(self.case.scratch / "away")
        # What is open is written on; a file that is to be opened is not there.
        self.case.hang_up()

    def start(self):
        (self.case.scratch / "away").rename(self.folder)


class Exec(LogPlace):
    """Its server is the program: it appends what it has read to a file, then acknowledges it."""

    PROGRAM = """
        import json, os, sys
        out = open(sys.argv[1], "a", buffering=1)
        for line in sys.stdin:
            if os.path.exists(sys.argv[1] + ".gone"):
                sys.exit(1)
            user = json.loads(line).get("user")
            if user == "poison" and os.path.exists(sys.argv[1] + ".refuses"):
                sys.exit(1)
            out.write(line)
            print(json.dumps({"id": json.loads(line)["id"]}), flush=True)
        """

    def __init__(self, case):
        super().__init__(case)
        self.out = case.scratch / "handled"
        self.program = case.scratch.write("program.py", textwrap.dedent(self.PROGRAM))
        self.refuse = case.scratch / "handled.refuses"

    def sink(self):
        command = [sys.executable, self.program, self.out]
        return {"type": "exec", "command": command, "acknowledge": True, "timeout": "1s"}

    def events(self):
        return json_lines(self.out)

    def pid(self):
        marks = [line for line in self.case.log().splitlines() if "event=child_started" in line]
        return int(marks[-1].split(" pid=")[1].split()[0]) if marks else None

    def kill(self):
        (self.case.scratch / "handled.gone").touch()
        self._signal(signal.SIGKILL)

    def start(self):
        (self.case.scratch / "handled.gone").unlink()

    def hang(self):
        self.stopped = self._signal(signal.SIGSTOP)

    def go_on(self):
        """It is ended for its silence; another one goes on."""

    def refuses(self):
        self.refuse.touch()

    def bears(self):
        self.refuse.unlink()

    def _signal(self, number):
        wait_for(self.pid, "a program")
        try:
            os.kill(self.pid(), number)
        except ProcessLookupError:
            pass


class Choosy(answers.Receiver):
    """Answers 500 where there is an event of the poisonous user, as long as it refuses it."""

    def __init__(self):
        self.refuses = False
        self.hangs = False
        super().__init__()

    def take(self, handler, body):
        if self.hangs:
            self.plan(answers.hang())
        elif self.refuses and POISON in {event.get("user") for event in json.loads(body)["data"]}:
            self.plan(answers.status(500))
        return super().take(handler, body)


class Webhook(LogPlace):
    def __init__(self, case):
        super().__init__(case)
        self.secret = case.scratch.write("secret", SECRET + "\n")
        self.receiver = Choosy()
        self.url = self.receiver.url()

    def sink(self):
        return {
            "type": "webhook", "url": self.url, "secret_file": self.secret, "allow_private": True,
            "timeout": "500ms", "batch_max": 50,
        }  # fmt: skip

    def events(self):
        return self.receiver.events()

    def kill(self):
        """As a proxy says it before a server that is gone."""
        self.receiver.plan(*(answers.status(502) for _ in range(5)))

    def hang(self):
        self.receiver.hangs = True

    def go_on(self):
        self.receiver.hangs = False
        self.receiver.released.set()

    def refuses(self):
        self.receiver.refuses = True

    def bears(self):
        self.receiver.refuses = False

    def close(self):
        self.receiver.close()


class Conformance:
    """What every sink does. `Place`: where it writes."""

    Place = None
    USERS = 40

    def setUp(self):
        super().setUp()
        self.place = self.Place(self)
        self.addCleanup(self.place.close)
        self.model = {}
        self.random = random.Random(7)
        self.notifier = None

    def log(self):
        return self.notifier.log() if self.notifier else ""

    def hang_up(self):
        self.notifier.signal(signal.SIGHUP)

    def sinks(self, **settings):
        return [{"name": "tested"} | self.place.sink() | settings]

    def begin(self, **settings):
        self.notifier = self.begin_notifier(*self.sinks(**settings))
        wait_for(self.tracker.subscribed, "the notifier subscribes")
        return self.notifier

    def say(self, batches=10, size=8):
        """Users come and go by chance."""
        for _ in range(batches):
            words = []
            for number in self.random.sample(range(self.USERS), size):
                user = f"user{number}"
                online = self.model.get(user) != "online"
                self.model[user] = "online" if online else "offline"
                words.append(("+" if online else "-") + user)
            self.tracker.say(*words)

    def difference(self):
        there = self.place.states()
        return {
            user: (self.model.get(user), there.get(user))
            for user in {*self.model, *there}
            if self.model.get(user, "offline") != there.get(user, "offline")
        }

    def equals(self):
        """The place, in the end."""
        wait_for(lambda: not self.difference(), lambda: f"{self.difference()}: {self.log()[-2000:]}")
        self.place.check()

    def test_each_user_in_order(self):
        self.begin()
        self.say(60)
        self.equals()
        self.assertEqual(self.notifier.stop(), 0)

    def test_its_server_is_killed_and_started_again(self):
        self.begin()
        self.say(20)
        self.place.kill()
        self.say(20)
        self.notifier.wait_log("event=sink_failed sink=tested")
        self.place.start()
        self.say(20)
        self.equals()
        self.assertNotIn("event=dead_letters", self.log())

    def test_its_server_hangs(self):
        self.begin()
        self.say(20)
        self.place.hang()
        self.say(20)
        if not isinstance(self.place, File):
            self.notifier.wait_log("event=sink_failed sink=tested")
        self.place.go_on()
        self.equals()

    def test_the_notifier_is_killed_at_any_moment(self):
        for _ in range(8):
            self.begin()
            for _ in range(self.random.randrange(1, 6)):
                self.say(self.random.randrange(1, 8))
            self.notifier.kill()
        self.begin()
        self.equals()

    def test_it_is_killed_at_the_fault_points_of_a_sink(self):
        for point in ("sink.kept:2", "sink.taken:2", "sink.kept:3", "sink.taken:4"):
            os.environ["FAULT_POINT"] = point
            try:
                self.begin()
            finally:
                del os.environ["FAULT_POINT"]
            until = time.monotonic() + 10
            while self.notifier.process.poll() is None and time.monotonic() < until:
                self.say(1)
            self.notifier.kill()
        self.begin()
        self.equals()

    def test_it_ends_with_a_full_queue_and_goes_on(self):
        self.begin()
        self.say(5)
        self.equals()
        self.place.hang()
        self.say(100)
        self.assertEqual(self.notifier.stop(), 0)
        self.place.go_on()
        self.begin()
        self.equals()


class Refusing:
    """Of sinks whose place may refuse an item."""

    def test_it_refuses_one_item_and_takes_all_others(self):
        self.place.refuses()
        self.begin(give_up_after="1s")
        self.tracker.say("+" + POISON)
        self.say(20)
        self.notifier.wait_log("event=dead_letters sink=tested events=1")
        self.say(20)
        self.equals()
        self.place.bears()
        self.tracker.say("-" + POISON)
        self.say(5)
        self.equals()


class FileConforms(Conformance, NotifierCase):
    Place = File


class ExecConforms(Conformance, Refusing, NotifierCase):
    Place = Exec


class WebhookConforms(Conformance, Refusing, NotifierCase):
    Place = Webhook


class StateConforms(Conformance, Refusing):
    """Of sinks whose place holds who is online."""

    def test_it_is_restarted_empty(self):
        self.begin()
        self.say(20)
        self.equals()
        self.place.forget()
        self.say(5)
        self.equals()
        self.notifier.wait_log("event=sink_lost sink=tested")
        self.notifier.wait_log("event=sink_refilled sink=tested")

    def test_it_is_restarted_empty_while_the_notifier_is_away(self):
        self.begin()
        self.say(20)
        self.equals()
        self.notifier.kill()
        self.say(5)
        self.place.forget()
        self.begin()
        self.equals()

    def test_it_is_slow(self):
        """Hanging for most of the time."""
        stop = threading.Event()

        def clog():
            while not stop.is_set():
                self.place.clog(0.05)

        clogger = threading.Thread(target=clog, daemon=True)
        self.begin(timeout="5s")
        clogger.start()
        self.addCleanup(clogger.join)
        self.addCleanup(stop.set)
        self.say(60)
        self.equals()
        self.assertNotIn("event=sink_failed", self.log())

    def test_it_is_killed_again_and_again_without_a_disk(self):
        self.place.without_a_disk()
        self.begin()
        for _ in range(5):
            self.say(10)
            self.place.forget()
        self.say(1)
        self.equals()


class RedisConforms(StateConforms, NotifierCase):
    Place = Redis


@unittest.skipUnless(built_in(), "the sink is not built in")
class PostgresConforms(StateConforms, NotifierCase):
    Place = Postgres


if __name__ == "__main__":
    unittest.main()
