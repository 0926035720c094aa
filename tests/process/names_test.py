"""Endpoints by name. Name servers that are silent, and names that lead elsewhere, are tested in a network and with
files of the tests' own; skipped where the machine does not permit them."""

import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import own_network
from chaos import RECOVERY, Chaos
from pipeline import Installation, Process, Up, binary, run
from support import wait_for

LOOPBACK = "127.0.0.1 localhost\n"


class Outside(unittest.TestCase):
    def test_name_servers_that_are_silent_and_names_that_lead_elsewhere(self):
        reason = own_network.why_not("mount --bind /etc/hosts /etc/hosts", "--mount")
        if reason:
            self.skipTest(f"no network of our own here: {reason}")
        own_network.run_inside(__file__, "--mount")


class Localhost(unittest.TestCase):
    """It is 127.0.0.1 and ::1, wherever one binds and whichever one connects to."""

    def test_a_pipeline_whose_endpoints_are_at_localhost(self):
        with Installation() as files:
            files.config.write_text(files.config.read_text().replace("127.0.0.1", "localhost"))
            with Up(files) as up:
                for host in ("localhost", "127.0.0.1", *(["[::1]"] if self.has_ipv6() else [])):
                    with self.subTest(host):
                        at = lambda endpoint: endpoint.replace("127.0.0.1", host)
                        to = ("--to", at(files.heartbeats[0]))
                        code, _, err = run(binary("presence"), "beat", "alice", *to)
                        self.assertEqual((code, err), (0, ""))
                        to = ("--to", at(files.queries[0]))
                        code, out, err = run(binary("presence"), "get", "alice", *to)
                        self.assertEqual(code, 0, err)
                        self.assertIn("alice  online", out)
                up.wait_for('"user":"alice","state":"online"|"state":"online".*"alice"')
                self.assertEqual(up.stop(), 0)

    def test_what_cannot_be_looked_up_is_said_once_it_has_to_be_known(self):
        with Installation() as files:
            text = files.config.read_text().replace(files.queries[0], "tcp://nobody.invalid:7")
            files.config.write_text("[presence]\nallow_plaintext = true" + text.removeprefix("[presence]"))
            tracker = (binary("presence-tracker"), "--config", files.config, "--id", "t1")
            code, _, err = run(*tracker, cwd=files.directory)
            self.assertEqual(code, 69)
            self.assertRegex(err, "cannot bind tcp://nobody.invalid:7 for query: the name nobody.invalid cannot be")
            code, _, err = run(binary("presence"), "count", "--config", files.config)
            self.assertEqual(code, 69)
            self.assertIn("the name nobody.invalid cannot be looked up", err)

    def test_a_tracker_whose_name_is_not_known_hides_no_other_one(self):
        with Installation(trackers=2, timeout="60s") as files, Up(files):
            text = files.config.read_text()
            for endpoint in (files.events[1], files.queries[1]):
                text = text.replace(endpoint, endpoint.replace("127.0.0.1", "nobody.invalid"))
            files.config.write_text("[presence]\nallow_plaintext = true" + text.removeprefix("[presence]"))
            users = [f"user-{number}" for number in range(20)]  # of both
            with Process(binary("presence"), "watch", "--config", files.config) as watch:
                watch.wait_for(
                    r"tracker t2 \(tcp://nobody.invalid:\d+\): .*cannot be looked up.*; what happens there is not shown",
                    "err",
                )

                def shown():
                    for more in ((), ("--bye",)):
                        run(binary("presence"), "beat", *users, *more, "--to", files.heartbeats[0])
                    return watch.out

                wait_for(shown, "transitions of the other")
                watch.send(signal.SIGINT)
                self.assertEqual(watch.wait(), 1)

    @staticmethod
    def has_ipv6():
        try:
            with socket.create_server(("::1", 0), family=socket.AF_INET6):
                return True
        except OSError:
            return False


class Inside(Chaos):
    """Trackers are reached by name, and bound by address."""

    def setUp(self):
        self.etc = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.hosts = self.replace("/etc/hosts", LOOPBACK + "127.0.0.1 t1.test t2.test\n")
        self.replace("/etc/resolv.conf", "nameserver 127.0.0.1\n")  # 5 s, two tries
        self.replace("/etc/nsswitch.conf", "hosts: files dns\n")
        self.server = self.enterContext(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.server.bind(("127.0.0.1", 53))  # takes questions, answers none
        self.server.setblocking(False)
        self.bound = {"t1": "127.0.0.1", "t2": "127.0.0.1"}

    def replace(self, path, text):
        ours = self.etc / pathlib.Path(path).name
        ours.write_text(text)
        subprocess.run(("mount", "--bind", ours, path), check=True)
        self.addCleanup(subprocess.run, ("umount", path), check=True)
        return ours

    def program(self, kind, name, **how):
        text = self.files.config.read_text()
        for number, endpoints in enumerate(zip(self.files.ingest, self.files.events, self.files.queries), 1):
            for key, endpoint in zip(("ingest", "events", "query"), endpoints):
                named = endpoint.replace("127.0.0.1", f"t{number}.test")
                bound = endpoint.replace("127.0.0.1", self.bound[f"t{number}"])
                text = text.replace(f'{key} = "{endpoint}"', f'{key} = "{named}"\n{key}_bind = "{bound}"')
        how["config"] = self.files.directory / f"{name}.toml"
        how["config"].write_text(text)
        return super().program(kind, name, **how)

    def asked(self):
        try:
            return bool(self.server.recv(4096))
        except BlockingIOError:
            return False

    def test_while_a_name_server_is_silent_all_others_are_served(self):
        self.start(1, 2)
        c1 = self.programs["c1"]
        began = time.monotonic()
        self.kill("t2")
        self.hosts.write_text(LOOPBACK + "127.0.0.1 t1.test\n")
        self.go_on(self.asked, "the name server is asked for the tracker that is away")
        end = time.monotonic() + 4 * self.ttl
        lags = []

        def over():
            lags.append(self.ask(op="status")["numbers"]["lag_ms"])
            return time.monotonic() >= end

        self.go_on(over, "time to pass", 60)
        status = self.ask(op="status")
        self.assertEqual((status["freshness"], status["numbers"]["lifts"]), ("live", 0))
        # A stall of a collector's loop would stop the load too, and its evidence be late for it.
        self.assertLess(sorted(lags)[len(lags) * 9 // 10], 250)
        self.go_on(lambda: any("event=name_not_found" in line for line in c1.err), "it is said")
        self.assertFalse(any("input_stalled" in line or "input_closed" in line for line in c1.err))
        self.hosts.write_text(LOOPBACK + "127.0.0.1 t1.test t2.test\n")
        self.restart("t2")
        heard = lambda: "tracker_heard tracker=t2" in [line for line in c1.err if "tracker=t2" in line][-1]
        self.go_on(heard, "the other is heard again", 60)
        self.fault(began, RECOVERY + self.ttl + 15)
        self.judge()

    def test_a_person_waits_for_name_servers_as_long_as_for_answers(self):
        config = self.etc / "presence.toml"
        config.write_text('[presence]\nallow_plaintext = true\n[[tracker]]\nquery = "tcp://slow.test:7"\n')
        code, _, err = run(binary("presence"), "get", "alice", "--config", config, "--within", "300ms")
        self.assertEqual(code, 69, err)
        self.assertIn("no name server answered within 300ms", err)

    def test_a_tracker_that_moved_is_found_where_its_name_leads_then(self):
        self.start()
        began = time.monotonic()
        self.kill("t1")
        self.bound["t1"] = "127.0.0.2"
        self.hosts.write_text(LOOPBACK + "127.0.0.2 t1.test\n")
        self.files.queries = [endpoint.replace("127.0.0.1", "127.0.0.2") for endpoint in self.files.queries]
        self.restart_moved()
        for name in ("c1", "n1"):
            moved = lambda: re.search("address_found .*127.0.0.2", "\n".join(self.programs[name].err))
            self.go_on(moved, "it is looked up again")
        self.fault(began, RECOVERY + self.ttl + 5)
        self.judge()

    def restart_moved(self):
        queries, self.files.queries = self.files.queries, [
            endpoint.replace("127.0.0.2", "127.0.0.1") for endpoint in self.files.queries
        ]
        self.restart("t1")
        self.files.queries = queries


if __name__ == "__main__":
    if own_network.is_inside():
        unittest.main(defaultTest="Inside")
    # Inside is entered by Outside alone.
    unittest.main(defaultTest=["Outside", "Localhost"])
