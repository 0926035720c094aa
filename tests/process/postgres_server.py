"""A Postgres server of Debian's for a test, and a client of it."""

import atexit
import ctypes
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

import psycopg2

from pipeline import alive, children_of, free_ports
from support import BIN, PATIENCE, ROOT, wait_for

PROGRAMS_THERE = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _as_server():
    """How a process of the server is started: not as root, which it refuses, and it dies with the test."""
    how = {"preexec_fn": lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)}
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        how |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    return how


def _give(directory):
    if os.getuid() == 0:
        shutil.chown(directory, "postgres", "postgres")


def built_in():
    version = subprocess.run([BIN / "presence", "--version"], check=True, capture_output=True, text=True).stdout
    return "postgres" in version


def guide_sql(what):
    """The SQL that docs/guide/sinks.md gives operators to run: "tables", "rights"."""
    guide = (ROOT / "docs/guide/sinks.md").read_text()
    return re.search(rf"```sql\n-- {what}.*?\n(.*?)```", guide, re.DOTALL)[1]


class _Template:
    """A fresh data directory, made once: initdb takes longer than a copy."""

    _directory = None

    @classmethod
    def copy_to(cls, directory):
        if cls._directory is None:
            cls._directory = pathlib.Path(tempfile.mkdtemp(prefix="presence-test-initdb-"))
            atexit.register(shutil.rmtree, cls._directory)
            _give(cls._directory)
            command = [PROGRAMS_THERE / "initdb", "--pgdata", cls._directory / "data", "--username", "postgres"]
            command += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **_as_server())
        subprocess.run(["cp", "-a", cls._directory / "data", directory], check=True)


class PostgresServer:
    """On a free port and in a socket of its own, without fsync unless `options` say otherwise: what is killed
    is the server, not the machine. It ends with close()."""

    def __init__(self, scratch, name="postgres", **options):
        self.port = free_ports(1)[0]
        os.chmod(scratch.path, 0o711)  # the server is another user
        self.directory = scratch / name
        self.directory.mkdir(mode=0o755)
        _give(self.directory)
        base = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.directory}
        base |= {"fsync": "off", "shared_buffers": "16MB", "max_connections": 20}
        self._options = base | options
        self._process = None
        self._client = None
        _Template.copy_to(self.directory / "data")
        self.start()

    def dsn(self, user="postgres", database="postgres"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self):
        arguments = [part for key, value in self._options.items() for part in ("-c", f"{key}={value}")]
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                [PROGRAMS_THERE / "postgres", "-D", self.directory / "data", *arguments],
                stdout=log, stderr=log, cwd="/", **_as_server(),
            )  # fmt: skip
        wait_for(self._answers, lambda: f"the server answers: {(self.directory / 'log').read_text()}")

    def _answers(self):
        try:
            return self.value("SELECT 1") == 1
        except psycopg2.OperationalError:
            return False

    def processes(self):
        """The postmaster first, so that it starts no other."""
        return [self._process.pid, *children_of(self._process.pid)]

    def _signal(self, pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill(self):
        self.stop()
        pids = self.processes()
        self._signal(pids, signal.SIGKILL)
        self._process.wait(PATIENCE)
        wait_for(lambda: not any(map(alive, pids)), "the server's processes end")

    def forget(self):
        """Of a server that was killed: what it had kept."""
        shutil.rmtree(self.directory / "data")
        _Template.copy_to(self.directory / "data")

    def stop(self):
        self._signal([self._process.pid], signal.SIGSTOP)
        self._signal(children_of(self._process.pid), signal.SIGSTOP)

    def go_on(self):
        self._signal(self.processes(), signal.SIGCONT)

    def close(self):
        if self._client:
            self._client.close()
        if self._process.poll() is None:
            self.kill()

    def connect(self, user="postgres", database="postgres"):
        client = psycopg2.connect(
            host="127.0.0.1", port=self.port, user=user, dbname=database, connect_timeout=PATIENCE
        )
        client.autocommit = True
        return client

    def rows(self, sql, *parameters):
        """The rows of the last of the statements, none if it has none."""
        for last in (False, True):  # of a server that was killed we have an old connection
            if self._client is None or self._client.closed:
                self._client = self.connect()
            try:
                with self._client.cursor() as cursor:
                    cursor.execute(sql, parameters or None)
                    return cursor.fetchall() if cursor.description else []
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self._client.close()
                if last:
                    raise
        return []

    def value(self, sql, *parameters):
        return self.rows(sql, *parameters)[0][0]

    def column(self, sql, *parameters):
        return [row[0] for row in self.rows(sql, *parameters)]

    def there(self, table):
        return self.value("SELECT to_regclass(%s) IS NOT NULL", table)

    def online(self, table="presence"):
        if not self.there(table):
            return set()
        return set(self.column(f"SELECT user_id FROM {table} WHERE online"))

    def states(self, table="presence"):
        """Of every user: the state that their row has."""
        if not self.there(table):
            return {}
        rows = self.rows(f"SELECT user_id, online FROM {table}")
        return {user: "online" if online else "offline" for user, online in rows}

    def mark(self, sink="now"):
        """Freshness and place; nothing while there is none."""
        if not self.there("presence_sinks"):
            return None, None
        rows = self.rows("SELECT freshness, place FROM presence_sinks WHERE sink = %s", sink)
        return rows[0] if rows else (None, None)
