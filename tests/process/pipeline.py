"""What tests of whole pipelines share: free ports, configurations, programs whose output is
gathered, `presence up`."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading

from links import Link
from support import BIN, PATIENCE, wait_for

def environment(extra=None):
    """Ours without settings that would reach the programs under test."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith("PRESENCE_")}
    return {**ours, **(extra or {})}


def binary(name):
    return str(BIN / name)


def free_ports(count):
    """Ports that were free a moment ago; all are held until the last is known."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def default_port_taken():
    """Why the built-in configuration, with two of each, cannot run on this machine now; or None."""
    for port in (7400, 7401, 7410, 7411, 7412, 7420, 7421, 7422):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"port {port} is in use on this machine"
    return None


def children_of(pid):
    """Pids of the living children of a process; of none if it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in text.split()]


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def command_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


class Installation:
    """A directory with a configuration on free ports: collectors, trackers, one notifier. Endpoints whose
    keys `links` names are reached through a Link each."""

    def __init__(self, collectors=1, trackers=1, timeout="1s", sinks=None, settings="", links=()):
        self._directory = tempfile.TemporaryDirectory(prefix="presence-test-")
        self.directory = pathlib.Path(self._directory.name)
        ports = free_ports(collectors + 3 * trackers)
        keys = ["heartbeats"] * collectors + ["ingest", "events", "query"] * trackers
        bound = [f"tcp://127.0.0.1:{port}" for port in ports]
        self.links = {}  # by the endpoint that others connect to
        endpoints, binds = [], {}
        for key, at in zip(keys, bound):
            endpoint = at
            if key in links:
                link = Link(at)
                endpoint = link.endpoint
                self.links[endpoint] = link
                binds[endpoint] = f'{key}_bind = "{at}"\n'
            endpoints.append(endpoint)
        bind = lambda *some: "".join(binds.get(endpoint, "") for endpoint in some)
        self.heartbeats = endpoints[:collectors]
        triples = [endpoints[i : i + 3] for i in range(collectors, len(endpoints), 3)]
        self.ingest, self.events, self.queries = (list(e) for e in zip(*triples))
        text = f'[presence]\ntimeout = "{timeout}"\n{settings}\n'
        for i, endpoint in enumerate(self.heartbeats):
            text += f'[[collector]]\nid = "c{i + 1}"\nheartbeats = "{endpoint}"\n'
            text += bind(endpoint)
        for i, (ingest, events, query) in enumerate(triples):
            text += f'[[tracker]]\nid = "t{i + 1}"\ningest = "{ingest}"\nevents = "{events}"\n'
            text += f'query = "{query}"\ndata = "{self.directory}/t{i + 1}"\n'
            text += bind(ingest, events, query)
        text += f'[[notifier]]\nid = "n1"\ndata = "{self.directory}/n1"\n'
        text += sinks if sinks is not None else '[[sink]]\ntype = "stdout"\nformat = "json"\n'
        self.config = self.directory / "presence.toml"
        self.config.write_text(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for link in self.links.values():
            link.close()
        self._directory.cleanup()


class Process:
    """A running program whose output is gathered line by line. Killed at the end of `with`."""

    def __init__(self, *command, env=None, cwd=None):
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(env),
            cwd=cwd,
            text=True,
        )
        self.pid = self._process.pid
        self.out, self.err = [], []
        self._readers = [
            threading.Thread(target=self._gather, args=pair, daemon=True)
            for pair in ((self._process.stdout, self.out), (self._process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _gather(stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join(timeout=PATIENCE)
        self._process.stdout.close()
        self._process.stderr.close()

    def send(self, number):
        self._process.send_signal(number)

    def running(self):
        return self._process.poll() is None

    def wait(self, seconds=PATIENCE):
        """The exit code, once it has ended and all its output is here."""
        code = self._process.wait(timeout=seconds)
        for reader in self._readers:
            reader.join(timeout=seconds)
        return code

    def wait_for(self, pattern, lines="out", seconds=30):
        """The first match of a regular expression in a line of its output."""

        def found():
            for line in list(getattr(self, lines)):
                match = re.search(pattern, line)
                if match:
                    return match
            if not self.running() and not any(r.is_alive() for r in self._readers):
                raise AssertionError(f"ended without {pattern!r}: {self.out} {self.err}")
            return None

        try:
            return wait_for(found, f"a line like {pattern!r}", seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}\nout: {self.out[-20:]}\nerr: {self.err[-20:]}") from None


class Up(Process):
    """`presence up`, once it is ready unless told otherwise. Its children end with it, however the
    test ends."""

    def __init__(self, installation, *flags, ready=True):
        command = (binary("presence"), "up", "--config", installation.config, *flags)
        super().__init__(*command, cwd=installation.directory)
        if not ready:
            return
        try:
            self.wait_for("process=up event=ready", "err")
        except BaseException:
            self.__exit__()
            raise

    def child(self, kind, name):
        """Pid of the child that is this process, or None while it is not there."""
        for pid in children_of(self.pid):
            command = command_of(pid)
            if command and command[0].endswith(f"presence-{kind}") and name in command:
                return pid
        return None

    def stop(self):
        self.send(signal.SIGINT)
        return self.wait()


def run(*command, env=None, cwd=None, seconds=PATIENCE):
    """Runs a program to its end: exit code, stdout, stderr."""
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(env),
        cwd=cwd,
        timeout=seconds,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def presence(*arguments, env=None):
    return run(binary("presence"), *arguments, env=env)
