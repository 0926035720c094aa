"""A mocked Kafka cluster for a test, and kcat as a reader that is not ours."""

import json
import os
import signal
import subprocess

from support import BIN, PATIENCE


class KafkaServer:
    """Of one broker. It ends with close(), or with this process."""

    def __init__(self, topic="presence", partitions=4):
        self.topic = topic
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", BIN / "kafka-mock"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.brokers = self._process.stdout.readline().strip()
        self.command("topic", topic, partitions)

    def command(self, *words):
        """As tests/process/kafka_mock.cpp has them."""
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if answer != "done":
            raise AssertionError(f"the mock answers {answer!r} to {words}")

    def stop(self):
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self):
        self._process.kill()
        self._process.communicate(timeout=PATIENCE)

    def messages(self):
        """All of the topic, each as a dict with key, partition, headers and value, those of a partition in
        order."""
        read = subprocess.run(
            ["kcat", "-C", "-b", self.brokers, "-t", self.topic, "-o", "beginning", "-e", "-q", "-J"],
            capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        return [_message(json.loads(line)) for line in read.stdout.splitlines()]

    def events(self):
        """The values, without notices."""
        values = [message["value"] for message in self.messages()]
        return [value for value in values if "user" in value]


def _message(row):
    flat = row.get("headers", [])
    headers = dict(zip(flat[::2], flat[1::2]))
    value = json.loads(row["payload"])
    return {"key": row["key"], "partition": row["partition"], "headers": headers, "value": value}
