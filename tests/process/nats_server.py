"""A NATS server of Debian's for a test, and a client of it."""

import collections
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading

from pipeline import free_ports
from support import PATIENCE, wait_for


class NatsServer:
    """On a free port, with JetStream on a disk. `options`: lines of its configuration. It ends with close(), or
    with this process."""

    def __init__(self, scratch, name="nats", options=""):
        self.port = free_ports(1)[0]
        self.directory = scratch / name
        self.directory.mkdir()
        self._file = scratch.write(
            name + ".conf",
            f'listen: "127.0.0.1:{self.port}"\nlog_file: "{self.directory}/log"\n'
            f'jetstream {{ store_dir: "{self.directory}/store" }}\n{options}\n',
        )
        self._process = None
        self.start()

    def url(self, scheme="nats", host="127.0.0.1"):
        return f"{scheme}://{host}:{self.port}"

    def start(self):
        command = ["setpriv", "--pdeathsig", "KILL", "nats-server", "-c", self._file]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._answers, "the server answers")

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False

    def kill(self):
        self._process.kill()
        self._process.wait(PATIENCE)

    def forget(self):
        """Of a server that was killed: what it had kept."""
        shutil.rmtree(self.directory)
        self.directory.mkdir()

    def stop(self):
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self):
        if self._process.poll() is None:
            self.kill()

    def client(self, **login):
        return NatsClient(self.port, **login)


class NatsError(Exception):
    pass


class NatsClient:
    """Over one connection. What comes to its subscriptions is gathered by a thread."""

    def __init__(self, port, **login):
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._reader = self._socket.makefile("rb")
        self._reader.readline()  # INFO
        self._came = collections.defaultdict(list)  # by subscription: subject and payload
        self._subscriptions = 0
        self._pings, self._pongs = 0, 0
        self._send(f"CONNECT {json.dumps({'verbose': False, 'headers': True} | login)}\r\n")
        self._thread = threading.Thread(target=self._gather, daemon=True)
        self._thread.start()
        self.flush()

    def subscribe(self, subject):
        """A list that what comes is appended to: subject and payload."""
        self._subscriptions += 1
        self._send(f"SUB {subject} {self._subscriptions}\r\n")
        self.flush()
        return self._came[self._subscriptions]

    def flush(self):
        """Whatever was sent before has been taken by the server."""
        self._pings += 1
        self._send("PING\r\n")
        wait_for(lambda: self._pongs >= self._pings, "the server answers a ping")

    def request(self, subject, body="", header=""):
        """What JetStream answers."""
        text = header + (body if isinstance(body, str) else json.dumps(body))
        inbox = f"answers.{secrets.token_hex(8)}"
        answers = self.subscribe(inbox)
        size = len(text.encode())
        self._send(f"HPUB {subject} {inbox} {len(header)} {size}\r\n{text}\r\n" if header else
                   f"PUB {subject} {inbox} {size}\r\n{text}\r\n")
        answer = json.loads(wait_for(lambda: answers, f"an answer to {subject}")[0][1])
        if "error" in answer:
            raise NatsError(answer["error"])
        return answer

    def publish(self, subject, payload, id):
        """To a stream, under an id; whether that stored it, and did not know the id."""
        header = f"NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n"
        return not self.request(subject, payload, header).get("duplicate")

    def add_stream(self, name, *subjects, **settings):
        config = {"name": name, "subjects": list(subjects), "storage": "file", "num_replicas": 1}
        return self.request(f"$JS.API.STREAM.CREATE.{name}", config | settings)

    def stored(self, name):
        """All messages of a stream, in order: subject and payload."""
        number = self.request(f"$JS.API.STREAM.INFO.{name}")["state"]["messages"]
        # Of its own: an earlier consumer of a stream goes on for whoever subscribes to its inbox again.
        inbox = f"stored.{secrets.token_hex(8)}"
        came = self.subscribe(inbox)
        if number:
            consumer = {"deliver_subject": inbox, "ack_policy": "none", "deliver_policy": "all"}
            self.request(
                f"$JS.API.CONSUMER.CREATE.{name}", {"stream_name": name, "config": consumer}
            )
            wait_for(lambda: len(came) >= number, lambda: f"{number} messages, not {len(came)}")
        return list(came)

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # its thread ends
        except OSError:
            pass  # the server is gone
        self._thread.join(PATIENCE)
        self._reader.close()
        self._socket.close()

    def _send(self, text):
        self._socket.sendall(text.encode())

    def _gather(self):
        try:
            while line := self._reader.readline().decode().split():
                self._take(line)
        except (OSError, ValueError):
            pass  # closed, or the server is gone

    def _take(self, line):
        if line[0] == "PING":
            self._send("PONG\r\n")
        elif line[0] == "PONG":
            self._pongs += 1
        elif line[0] in ("MSG", "HMSG"):
            body = self._reader.read(int(line[-1]) + 2)[:-2]
            headers = int(line[-2]) if line[0] == "HMSG" else 0
            self._came[int(line[2])].append((line[1], body[headers:].decode()))
