"""What an operator is told when something is wrong between processes: in the log and by `presence
status`, as docs/operations.md explains it."""

import os
import signal
import unittest

from pipeline import Installation, Process, Up, binary, presence, run
from support import wait_for


class OperatorTest(unittest.TestCase):
    def installation(self, **more):
        return self.enterContext(Installation(**{"timeout": "5s", **more}))

    def start(self, kind, name, files, *flags):
        command = (binary(f"presence-{kind}"), "--config", files.config, "--id", name, *flags)
        return self.enterContext(Process(*command, cwd=files.directory))

    def test_frames_of_another_cluster_are_told_on_both_sides(self):
        files = self.installation()
        tracker = self.start("tracker", "t1", files)
        collector = self.start("collector", "c1", files, "--cluster", "other")
        tracker.wait_for("level=warn .*event=frame_refused reason=cluster collector=c1 cluster=other", "err")
        collector.wait_for(
            f"level=warn .*event=tracker_away tracker=t1 endpoint={files.ingest[0]} before=never_heard", "err"
        )
        status = presence("status", "--to", files.queries[0])[1]
        self.assertRegex(status, r"collector c1  \w+  never heard; ")

    def test_two_collectors_with_one_id_are_told(self):
        files, elsewhere = self.installation(), self.installation()
        text = files.config.read_text()
        twin = files.directory / "twin.toml"
        twin.write_text(text.replace(files.heartbeats[0], elsewhere.heartbeats[0]))
        tracker = self.start("tracker", "t1", files)
        self.start("collector", "c1", files).wait_for("event=tracker_heard", "err")
        files.config = twin
        self.start("collector", "c1", files)
        tracker.wait_for("level=error .*event=id_shared collector=c1 .*from=127.0.0.1", "err")

    def test_what_counts_only_from_the_next_start_is_told_on_sighup(self):
        files = self.installation()
        tracker, collector = self.start("tracker", "t1", files), self.start("collector", "c1", files)
        for process in (tracker, collector):
            process.wait_for("event=started", "err")
        text = files.config.read_text()
        files.config.write_text(text.replace('timeout = "5s"', 'timeout = "6s"'))
        for process in (tracker, collector):
            process.send(signal.SIGHUP)
            process.wait_for("level=warn .*event=restart_needed changed=timeout", "err")

    def test_a_configuration_that_became_a_pipe_is_waited_for_by_nobody(self):
        files, of_up = self.installation(), self.installation()
        processes = [self.start(kind, f"{kind[0]}1", files) for kind in ("tracker", "collector", "notifier")]
        processes.append(self.enterContext(Up(of_up)))
        for process in processes:
            process.wait_for("event=(started|notifier_started|ready)", "err")
        for config in (files.config, of_up.config):
            config.unlink()
            os.mkfifo(config)
        for process in processes:
            process.send(signal.SIGHUP)
            process.wait_for("event=reload_refused error=.*: cannot be read: not a regular file", "err")
            process.send(signal.SIGTERM)
            self.assertEqual(process.wait(), 0)

    def test_crossed_endpoints_are_told(self):
        files = self.installation(trackers=2)
        crossed = files.directory / "crossed.toml"
        one, two = files.ingest
        text = files.config.read_text().replace(one, "X").replace(two, one).replace("X", two)
        crossed.write_text(text)
        for name in ("t1", "t2"):
            self.start("tracker", name, files)
        files.config = crossed
        collector = self.start("collector", "c1", files)
        for name, endpoint in (("t1", two), ("t2", one)):
            collector.wait_for(f"event=tracker_away tracker={name} endpoint={endpoint}", "err")
        collector.wait_for("event=trouble .*refused_acks=", "err")

    def test_a_tracker_that_is_stopped_and_comes_back_is_told_once_by_all_who_need_it(self):
        files = self.installation()
        up = self.enterContext(Up(files))
        tracker = up.child("tracker", "t1")
        for process in ("c1", "n1"):
            up.wait_for(f"process={process} event=tracker_heard tracker=t1", "err")
        self.kill(tracker, signal.SIGSTOP)
        for process in ("c1", "n1"):
            up.wait_for(f"process={process} event=tracker_away tracker=t1 .*before=heard", "err")
        code, out, _ = presence("status", "--to", files.queries[0], "--within", "100ms")
        self.assertEqual((code, "no answer within 100 ms" in out), (2, True))
        self.kill(tracker, signal.SIGCONT)

        def heard(process):
            line = f"process={process} event=tracker_heard"
            return sum(line in told for told in list(up.err)) == 2

        wait_for(lambda: heard("c1") and heard("n1"), lambda: f"it is heard again: {up.err}")
        away = [line for line in up.err if "event=tracker_away" in line]
        self.assertEqual(len(away), 2, away)

    def test_a_collector_that_is_stopped_is_told_and_given_up(self):
        files = self.installation()
        up = self.enterContext(Up(files))
        up.wait_for("process=t1 event=collector_live collector=c1", "err")
        collector = up.child("collector", "c1")
        self.kill(collector, signal.SIGSTOP)
        up.wait_for("level=warn process=t1 event=freshness freshness=frozen", "err")
        up.wait_for("level=warn process=t1 event=collector_silent collector=c1", "err")
        status = presence("status", "--to", files.queries[0])[1]
        self.assertRegex(status, r"collector c1  silent  given up; last heard \d+ m?s ago")
        self.kill(collector, signal.SIGCONT)
        wait_for(lambda: sum("event=collector_live" in line for line in list(up.err)) == 2,
                 lambda: f"it is heard again: {up.err}")

    def test_a_program_that_cannot_start_does_not_flood_the_log(self):
        sink = '[[sink]]\nname = "mailer"\ntype = "exec"\ncommand = ["/no/such/mailer"]\n'
        files = self.installation(sinks=sink)
        up = self.enterContext(Up(files))
        presence("beat", "alice", "--to", files.heartbeats[0])
        up.wait_for("sink=mailer .*cannot start /no/such/mailer.*failures=1", "err")
        told = [line for line in list(up.err) if "cannot start /no/such/mailer" in line]
        self.assertEqual(len(told), 2, told)  # when it was tended, when it was given something

    def kill(self, pid, number):
        run("kill", f"-{int(number)}", pid)


if __name__ == "__main__":
    unittest.main()
