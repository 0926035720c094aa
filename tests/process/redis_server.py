"""A Redis server of Debian's for a test, and a client of it."""

import os
import shutil
import signal
import socket
import subprocess

from pipeline import free_ports
from support import PATIENCE, wait_for


class RedisServer:
    """On a free port, with an append-only file that is synced with each command unless `options` say
    otherwise. It ends with close()."""

    def __init__(self, scratch, name="redis", **options):
        self.port = free_ports(1)[0]
        self.directory = scratch / name
        self.directory.mkdir()
        base = {"port": self.port, "bind": "127.0.0.1", "dir": self.directory, "save": ""}
        base |= {"appendonly": "yes", "appendfsync": "always", "logfile": "log", "enable-debug-command": "yes"}
        self._options = base | {key.replace("_", "-"): value for key, value in options.items()}
        self._process = None
        self.start()

    def url(self, db=0):
        return f"redis://127.0.0.1:{self.port}/{db}"

    def start(self):
        arguments = [str(part) for key, value in self._options.items() for part in ("--" + key, value)]
        self._process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        wait_for(self._answers, "the server answers")

    def _answers(self):
        try:
            return self.command("PING") == "PONG"
        except (OSError, RedisError):
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

    def command(self, *words):
        """What it answers to one command."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(_encoded(words))
            return _read(connection.makefile("rb"))

    def commands(self, commands):
        """The answers to several, over one connection; an error is an answer as well."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(b"".join(map(_encoded, commands)))
            reader = connection.makefile("rb")
            return [_read_or_error(reader) for _ in commands]

    def row(self, key):
        """A hash as a dict."""
        return _dict(self.command("HGETALL", key))

    def online(self, prefix="presence:"):
        return set(self.command("ZRANGE", prefix + "online", "0", "-1"))

    def states(self, prefix="presence:"):
        """Of every user: the state that their hash has."""
        keys = self.command("KEYS", prefix + "user:*")
        rows = self.commands([("HGET", key, "state") for key in keys])
        rows = zip((key.removeprefix(prefix + "user:") for key in keys), rows)
        return {user: state for user, state in rows if isinstance(state, str)}


class RedisError(Exception):
    pass


def _encoded(words):
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


def _read(reader):
    line = reader.readline()
    if not line:
        raise RedisError("closed")
    kind, rest = line[:1], line[1:].rstrip().decode()
    if kind == b"-":
        raise RedisError(rest)
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == "-1" else reader.read(int(rest) + 2)[:-2].decode()
    if kind == b"*":
        return [_read(reader) for _ in range(int(rest))]
    return rest


def _read_or_error(reader):
    try:
        return _read(reader)
    except RedisError as error:
        return error


def _dict(words):
    return dict(zip(words[::2], words[1::2]))
