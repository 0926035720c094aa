"""Who may read what the processes keep: their user, and nobody else."""

import os
import stat
import sys
import unittest

import fake_tracker
import webhook_receiver as answers
from pipeline import Installation, Process, binary
from support import Program, Scratch, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def modes_below(directory):
    """Of all that is kept there: modes of the directories, and of the files."""
    directories, files = {directory: mode(directory)}, {}
    for at, names, others in os.walk(directory):
        directories |= {os.path.join(at, name): mode(os.path.join(at, name)) for name in names}
        files |= {os.path.join(at, name): mode(os.path.join(at, name)) for name in others}
    return directories, files


class PrivateDataTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(os.umask, os.umask(0))
        self.scratch = Scratch()
        self.addCleanup(self.scratch.close)
        self.scratch.path.chmod(0o755)  # or nothing in it were open to anybody
        self.data = self.scratch / "data"

    def check_private(self, *names):
        directories, files = modes_below(self.data)
        self.assertEqual(set(files.values()), {0o600}, files)
        self.assertLessEqual(set(names), {os.path.basename(file) for file in files})
        return set(directories.values())

    def test_a_tracker_keeps_its_data_private(self):
        files = self.enterContext(Installation(sinks=""))
        config = files.config.read_text().replace(f"{files.directory}/t1", f"{self.data}/deep/t1")
        files.config.write_text(config)

        def run():
            with Process(binary("presence-tracker"), "--config", files.config) as tracker:
                tracker.wait_for("event=started", "err")
                return tracker, self.check_private("journal.sqlite", "lock", "written")

        tracker, directories = run()
        self.assertEqual(directories, {0o700})
        self.assertNotIn("open_to_others", "".join(tracker.err))
        # As an earlier version left it.
        for at, names, others in os.walk(self.data):
            os.chmod(at, 0o755)
            for name in others:
                os.chmod(os.path.join(at, name), 0o644)
        tracker, directories = run()
        self.assertEqual(directories, {0o755})
        tracker.wait_for(f"level=warn .*event=data_open_to_others data={self.data}/deep/t1 mode=0755", "err")

    def test_a_notifier_keeps_its_data_private_and_tells_of_secrets_that_are_not(self):
        tracker = fake_tracker.FakeTracker()
        self.addCleanup(tracker.close)
        receiver = answers.Receiver()
        self.addCleanup(receiver.close)
        secrets = self.scratch.write("secrets", SECRET)
        reader = [sys.executable, "-c", "import sys; [line for line in sys.stdin]"]
        config = tracker.config(
            {"name": "prog", "type": "exec", "command": reader},
            {"name": "acknowledging", "type": "exec", "command": reader, "acknowledge": True},
            {"name": "file", "type": "jsonl", "path": self.scratch / "events.jsonl"},
            {
                "name": "hook", "type": "webhook", "url": receiver.url(), "secret_file": secrets,
                "allow_private": True, "attempts_max": 1,
            },
        )
        self.scratch.write("presence.toml", config)
        receiver.plan(answers.status(500))

        def start(secret_mode):
            secrets.chmod(secret_mode)
            notifier = Program(self.scratch, "presence-notifier", "--config", self.scratch / "presence.toml")
            self.addCleanup(notifier.kill)
            wait_for(lambda: "event=notifier_started" in notifier.log().rpartition("event=start ")[2], notifier.log)
            return notifier

        notifier = start(0o644)
        tracker.say("+alice", "+bob")
        wait_for((self.data / "n1/hook/dead.sqlite").exists, "a dead letter")
        wait_for((self.data / "n1/prog/given.jsonl").exists, "lines that were given")
        wait_for((self.scratch / "events.jsonl").exists, "the file")
        self.assertEqual(self.check_private("journal.sqlite", "dead.sqlite", "given.jsonl", "child"), {0o700})
        self.assertEqual(mode(self.scratch / "events.jsonl"), 0o644)  # for others to read: the umask decides
        notifier.wait_log(f"event=secret_open_to_others file={secrets} mode=0644")
        self.assertNotIn("data_open_to_others", notifier.log())
        notifier.kill()
        (self.data / "n1").chmod(0o755)
        self.data.chmod(0o755)
        told = notifier.log().count("secret_open_to_others")
        start(0o640).wait_log(f"event=data_open_to_others data={self.data}/n1 mode=0755")
        self.assertEqual(notifier.log().count("secret_open_to_others"), told)


if __name__ == "__main__":
    unittest.main()
