"""A notifier tells how its sinks are: asked itself, and in `presence status`."""

import json
import subprocess
import unittest

import msgpack
import zmq

import webhook_receiver as answers
from notifier_case import NotifierCase
from pipeline import Installation, Process, binary, free_ports
from support import wait_for


def ask(endpoint, **question):
    context = zmq.Context.instance()
    socket = context.socket(zmq.REQ)
    socket.linger = 0
    socket.rcvtimeo = 10_000
    try:
        socket.connect(endpoint)
        socket.send(msgpack.packb(question))
        return msgpack.unpackb(socket.recv())
    finally:
        socket.close()


class SinkStatusTest(NotifierCase):
    def begin(self, *sinks):
        self.query = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        text = self.tracker.config(*sinks).replace("[[notifier]]", f'[[notifier]]\nquery = "{self.query}"')
        self.tracker.config = lambda *_, **__: text
        self.notifier = self.start_notifier()

    def sinks(self):
        return {sink["name"]: sink for sink in ask(self.query, op="status")["sinks"]}

    def wait_state(self, name, state):
        wait_for(lambda: self.sinks()[name]["state"] == state, lambda: f"{name} is {state}: {self.sinks()[name]}")
        return self.sinks()[name]

    def test_each_sink_with_its_state_and_numbers(self):
        folder = self.scratch / "folder"
        folder.mkdir()
        self.begin(
            {"name": "good", "type": "jsonl", "path": self.scratch / "good"},
            {"name": "bad", "type": "jsonl", "path": folder / "bad"},
        )
        self.tracker.say("+alice")
        good = self.wait_state("good", "ok")
        wait_for(lambda: dict(self.sinks()["good"]["numbers"])["delivered"] == 1, "alice is told")
        self.assertEqual(good["type"], "jsonl")
        self.assertNotIn("reason", good)
        self.wait_state("bad", "ok")
        (folder / "bad").unlink(missing_ok=True)
        folder.rmdir()
        self.notifier.signal(1)  # its file is opened anew
        self.tracker.say("-alice")
        bad = self.wait_state("bad", "failing")
        self.assertIn("cannot open", bad["reason"])
        self.assertGreater(bad["since_ms"], 0)
        self.assertLessEqual(bad["told_until_ms"], bad["since_ms"] + 1000)
        self.assertEqual(dict(bad["numbers"])["waiting"], 1)
        self.wait_state("good", "ok")
        folder.mkdir()
        self.wait_state("bad", "ok")

    def test_one_that_wants_nothing_more(self):
        receiver = answers.Receiver()
        self.addCleanup(receiver.close)
        receiver.plan(answers.status(410))
        secret = self.scratch.write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        self.begin({"name": "hook", "type": "webhook", "url": receiver.url(), "secret_file": secret, "allow_private": True})
        self.tracker.say("+alice")
        self.assertIn("answered 410", self.wait_state("hook", "gone")["reason"])

    def test_it_answers_nothing_else(self):
        self.begin({"name": "good", "type": "jsonl", "path": self.scratch / "good"})
        answer = ask(self.query, op="status", rid=7)
        self.assertEqual((answer["notifier"], answer["rid"]), ("n1", 7))
        self.assertEqual(ask(self.query, op="count")["error"], "unknown_op")
        self.assertEqual(ask(self.query, op=3)["error"], "bad_query")


class PresenceStatusTest(unittest.TestCase):
    def status(self, *arguments):
        command = [binary("presence"), "status", "--config", self.installation.config, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return result.returncode, result.stdout

    def test_sinks_stand_beside_trackers(self):
        with Installation() as self.installation:
            here = self.installation.directory
            query = f"tcp://127.0.0.1:{free_ports(1)[0]}"
            text = self.installation.config.read_text().replace('id = "n1"', f'id = "n1"\nquery = "{query}"')
            text = text.split("[[sink]]")[0]
            text += f'[[sink]]\nname = "audit"\ntype = "jsonl"\npath = "{here}/no/audit"\n'
            self.installation.config.write_text(text)
            with Process(binary("presence"), "up", "--config", self.installation.config) as up:
                up.wait_for("event=ready", "err")
                wait_for(lambda: self.status()[0] == 0, lambda: self.status()[1])
                code, out = self.status()
                self.assertIn(f"notifier n1  {query}  version", out)
                self.assertIn("\n  sink audit  jsonl  ", out)
                self.assertTrue(out.endswith("healthy\n"), out)
                with Process(binary("presence"), "beat", "--to", self.installation.heartbeats[0], "alice"):
                    wait_for(lambda: "sink audit fails: cannot open" in self.status()[1], lambda: self.status()[1])
                    code, out = self.status("--json")
                self.assertEqual(code, 1)
                (notifier,) = json.loads(out)["notifiers"]
                self.assertEqual([sink["state"] for sink in notifier["sinks"]], ["failing"])
                (here / "no").mkdir()
                wait_for(lambda: self.status()[0] == 0, lambda: self.status()[1])
            code, out = self.status()
            self.assertNotEqual(code, 0)
            self.assertIn(f"notifier n1 ({query})  ", out)


if __name__ == "__main__":
    unittest.main()
