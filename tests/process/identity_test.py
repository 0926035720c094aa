"""Two processes under one id: a unit that was copied, a deploy that starts the new one before it ends the old
one. Nobody is told offline for it, and all say so."""

import signal
import time
import unittest

from chaos import Chaos
from pipeline import free_ports, presence


class Identity(Chaos):
    def second_collector(self):
        """As on another machine: the same file, but for what it binds. Its endpoint."""
        endpoint = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        elsewhere = self.files.directory / "elsewhere.toml"
        elsewhere.write_text(self.files.config.read_text().replace(self.files.heartbeats[0], endpoint))
        first = self.programs["c1"]
        self.programs["c1 again"] = self.program("collector", "c1", elsewhere)
        self.programs["c1"] = first
        return endpoint

    def says(self, event, *names):
        return lambda: all(any(f"event={event} " in line for line in self.programs[n].err) for n in names)

    def stays_have_one_word(self):
        self.told.read()
        self.assertEqual({len(self.told.stories[user]) for user in self.load.stays}, {1})

    def test_a_copied_collector_takes_nobody_offline(self):
        """Each has users that no other hears."""
        self.start(1, guests=0)
        self.load.others.add("second")
        gateway = self.gateway("second", [self.second_collector()])
        with_second = lambda until: lambda: (gateway.speak(["second"]), until())[1]
        self.go_on(with_second(self.says("id_shared", "c1", "c1 again", "t1")), "all three say so")
        self.assertEqual(
            self.ask(op="status")["ids_shared"], [{"what": "collector:c1", "from": ["127.0.0.1"] * 2}]
        )
        code, out, err = presence("status", "--to", self.files.queries[0])
        self.assertIn("collector:c1 is the id of 2 processes, from 127.0.0.1 and 127.0.0.1", out, (code, err))
        end = time.monotonic() + 3 * self.ttl
        self.go_on(with_second(lambda: time.monotonic() >= end), "three ttls")
        self.stays_have_one_word()
        self.assertEqual([state for state, _, _ in self.stories()["second"]], ["online"])
        ended = self.programs.pop("c1 again")
        ended.send(signal.SIGTERM)
        self.assertEqual(ended.wait(), 0)
        self.go_on(self.says("id_shared_no_more", "c1", "t1"), "they say so")
        self.judge()

    def test_a_deploy_that_starts_the_new_one_first_is_seen_by_nobody(self):
        """Not by guests either: no deadline is lifted, none is late."""
        self.start(1)
        endpoint = self.second_collector()
        for gateway in self.load.gateways:
            gateway.push.connect(endpoint)
        self.go_on(self.says("id_shared", "c1", "c1 again", "t1"), "all three say so")
        before = self.ask(op="status")["numbers"]["lifts"]
        old = self.programs.pop("c1")
        for gateway in self.load.gateways:
            gateway.push.disconnect(self.files.heartbeats[0])
        self.go_on_for(0.5)
        old.send(signal.SIGTERM)
        self.assertEqual(old.wait(), 0)
        self.go_on_for(2 * self.ttl)
        self.assertEqual(self.ask(op="status")["numbers"]["lifts"], before)
        self.stays_have_one_word()
        self.judge()

    def test_a_copied_notifier_is_told_and_both_go_on(self):
        """Told after 40 s, when the connection of one that is gone would be gone, too."""
        self.start(1, guests=0)
        elsewhere = self.files.directory / "elsewhere"
        elsewhere.mkdir()
        config = elsewhere / "presence.toml"
        text = self.files.config.read_text()
        for ours in (f'{self.files.directory}/n1"', 'events.jsonl"'):
            text = text.replace(f'"{ours}', f'"{elsewhere}/{ours.rpartition("/")[2]}')
        config.write_text(text)
        first = self.programs["n1"]
        self.programs["n1 again"] = self.program("notifier", "n1", config)
        self.programs["n1"] = first
        self.go_on(self.says("id_shared", "n1", "n1 again", "t1"), "all three say so", 90)
        code, out, _ = presence("status", "--to", self.files.queries[0])
        self.assertEqual(code, 1)
        self.assertIn("notifier:n1 is the id of 2 processes", out)
        ended = self.programs.pop("n1 again")
        ended.send(signal.SIGTERM)
        self.assertEqual(ended.wait(), 0)
        self.go_on(self.says("id_shared_no_more", "n1", "t1"), "they say so")
        self.stays_have_one_word()
        self.judge()


if __name__ == "__main__":
    unittest.main()
