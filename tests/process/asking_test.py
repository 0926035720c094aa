"""What commands that ask make of an answer: for a person, for a program, and for a terminal."""

import json
import subprocess
import threading
import unittest

import msgpack
import zmq

from pipeline import binary, environment, free_ports, presence
from support import PATIENCE

ONLINE = {"user": "alice", "state": "online", "since_ms": 1, "sessions": 1}


class Answerer:
    """Owns all slots, and answers what it is told to, by the operation."""

    def __init__(self, name="t1", freshness="live", **answers):
        self._socket = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self._socket.get_string(zmq.LAST_ENDPOINT)
        one = {"id": name, "events": "tcp://127.0.0.1:1", "query": self.endpoint, "slots": list(range(1024))}
        self._answers = {"map": {"version": 1, "trackers": [one]}, **answers}
        self._freshness = {"freshness": freshness, "as_of_ms": 0}
        if freshness == "stale":
            self._freshness["stale_by"] = ["freeze_max"]
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._stopped:
            if self._socket.poll(5):
                *route, body = self._socket.recv_multipart()
                question = msgpack.unpackb(body)
                answer = {"rid": question["rid"], **self._freshness, **self._answers[question["op"]]}
                self._socket.send_multipart([*route, msgpack.packb(answer)])

    def close(self):
        self._stopped = True
        self._thread.join()
        self._socket.close()


class AskingTest(unittest.TestCase):
    def answerer(self, *names, **answers):
        one = Answerer(*names, **answers)
        self.addCleanup(one.close)
        return one

    def ask(self, answerer, *arguments):
        return presence(*arguments, "--to", answerer.endpoint)

    def test_get_warns_of_a_stale_tracker_though_all_are_known(self):
        stale = "presence: tracker t1 is stale: evidence was missing for longer than freeze_max"
        for freshness, warning in (("live", ""), ("warming", ""), ("stale", stale)):
            with self.subTest(freshness):
                answerer = self.answerer(freshness=freshness, get={"users": [ONLINE]})
                code, out, err = self.ask(answerer, "get", "alice")
                self.assertEqual((code, out.split()[:2]), (0, ["alice", "online"]))
                self.assertTrue(err.startswith(warning) and bool(err) == bool(warning), err)

    def test_what_a_tracker_calls_itself_is_no_command_to_the_terminal(self):
        status = {"tracker": "t\x1b[2J", "boot": 1, "version": "1", "numbers": {}, "collectors": [], "holds": []}
        answerer = self.answerer("t\x1b[2J", "stale", count={"online": 0, "sessions": 0}, status=status)
        told = self.ask(answerer, "count")[2] + self.ask(answerer, "status")[1]
        self.assertEqual(told.count(r"tracker t\x1b[2J"), 3, told)
        self.assertNotIn("\x1b", told)

    def test_of_a_collector_that_is_not_heard_all_lines_say_so(self):
        status = {
            "tracker": "t1", "boot": 1, "version": "1", "numbers": {},
            "collectors": [{"id": "c1", "boot": 1, "state": "live", "lag_ms": 3100}],
            "holds": [{"what": "collector:c1", "why": "silent", "since_ms": 1, "until_ms": 2, "sessions": 0}],
        }
        answerer = self.answerer(freshness="frozen", status=status)
        out = self.ask(answerer, "status")[1]
        self.assertIn("\n  collector c1  silent  waited for; its evidence is 3 s old\n", out)
        self.assertRegex(out, "\n  held by collector:c1  is silent, .*: all timeouts wait, at most a moment more\n")
        self.assertIn("collector c1 is silent", out.splitlines()[-1])
        told = json.loads(self.ask(answerer, "status", "--json")[1])
        self.assertEqual(told["trackers"][0]["collectors"][0]["state"], "silent")

    def test_an_object_is_printed_though_nobody_answers(self):
        nobody = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        error = "no answer within 100 ms"
        trackers = [{"id": "", "query": nobody, "error": error}]
        for command, expected in (
            (("count",), {"online": 0, "sessions": 0}),
            (("list",), {"users": []}),
            (("get", "alice"), {"users": [{"user": "alice", "state": "unknown"}]}),
        ):
            with self.subTest(command[0]):
                code, out, err = presence(*command, "--json", "--to", nobody, "--within", "100ms")
                self.assertEqual((code, err), (69, f"presence: nobody answers: {nobody}: {error}\n"))
                self.assertEqual(json.loads(out), {**expected, "complete": False, "trackers": trackers})

    def test_why_an_output_cannot_be_written(self):
        many = [f"user-{n}" for n in range(10_000)]
        answerer = self.answerer(
            count={"online": 0, "sessions": 0}, list={"users": many, "cursor": ""}, get={"users": [ONLINE]}
        )
        for command in ("count", "list", "get alice", "count --json", "list --json", "get alice --json"):
            with self.subTest(command), open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run(
                    [binary("presence"), *command.split(), "--to", answerer.endpoint], stdout=full,
                    stderr=subprocess.PIPE, text=True, env=environment(), timeout=PATIENCE, check=False,
                )
                told = "presence: cannot write standard output: No space left on device\n"
                self.assertEqual((done.returncode, done.stderr), (74, told))


if __name__ == "__main__":
    unittest.main()
