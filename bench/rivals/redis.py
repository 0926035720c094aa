"""Presence on Redis, in the two ways it is commonly done: a key with a ttl for each user, and a
sorted set of last heartbeats that is swept each second."""
import re
import shutil
import socket
import subprocess
import threading
import time

from measure import Load, cpu_seconds, free_port, wait_for


def command(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Redis(Load):
    """A redis-server of its own, without disk."""

    def __init__(self):
        super().__init__()
        self.port = free_port()
        self.process = subprocess.Popen(
            [shutil.which("redis-server"), "--port", str(self.port), "--save", "", "--appendonly", "no",
             "--notify-keyspace-events", "Ex", "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
        wait_for(self.answers, "redis-server")
        self.link = self.connect()
        self.stopping = threading.Event()

    def connect(self):
        link = socket.create_connection(("127.0.0.1", self.port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link

    def answers(self):
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def stop(self):
        self.stopping.set()
        self.process.terminate()
        self.process.wait()

    def beat_all(self, users, seconds, rate, per_write, beat, reply_bytes, stamp=bytes):
        """At most four writes unanswered; of single heartbeats, one. `stamp`: of each write as it goes."""
        ahead = (4 if per_write > 1 else 1) * per_write * reply_bytes
        unanswered = 0

        def send(write, count):
            nonlocal unanswered
            self.link.sendall(stamp(write))
            unanswered += count * reply_bytes
            while unanswered >= ahead:
                unanswered -= len(self.link.recv(65536))

        sent = self.send_all(users, seconds, rate, per_write, lambda ids: b"".join(map(beat, ids)), send)
        while unanswered > 0:
            unanswered -= len(self.link.recv(65536))
        return sent


class RedisExpire(Redis):
    def __init__(self, ttl):
        super().__init__()
        self.ttl = ttl
        self.events = self.connect()
        self.events.sendall(command("SUBSCRIBE", "__keyevent@0__:expired"))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        mark, rest = re.compile(rb"expired\r\n\$16\r\n(user-\d{11})\r\n"), b""
        while not self.stopping.is_set():
            try:
                read = self.events.recv(1 << 20)
            except OSError:
                return
            if not read:
                return
            now, rest, end = time.time(), rest + read, 0
            for found in mark.finditer(rest):
                self.offline_at[found[1]] = now
                end = found.end()
            rest = rest[end:]

    def run(self, users, seconds, rate, per_write):
        return self.beat_all(users, seconds, rate, per_write,
                             lambda u: command("SET", u, "1", "EX", self.ttl), len(b"+OK\r\n"))


class RedisSweep(Redis):
    """ZADD for a heartbeat; once a second those too old are read, removed and told."""

    def __init__(self, ttl):
        super().__init__()
        self.ttl = ttl
        self.sweeps = self.connect()
        threading.Thread(target=self.sweep, daemon=True).start()

    def ask(self, *words):
        self.sweeps.sendall(command(*words))
        reply = b""
        while True:
            reply += self.sweeps.recv(1 << 20)
            if reply[:1] == b":" and reply.endswith(b"\r\n"):
                return reply
            head, _, body = reply.partition(b"\r\n")
            if reply[:1] == b"*" and body.count(b"\r\n") == 2 * int(head[1:]):
                return body.split(b"\r\n")[1::2]

    def sweep(self):
        while not self.stopping.wait(1):
            try:
                while gone := self.ask("ZRANGEBYSCORE", "presence", "-inf", time.time() - self.ttl,
                                       "LIMIT", 0, 10_000):
                    self.ask("ZREM", "presence", *gone)
                    now = time.time()
                    self.offline_at.update((u, now) for u in gone)
            except OSError:
                return

    def run(self, users, seconds, rate, per_write):
        # Writes are made before; the time is put in as they go, as long as its place.
        place = b"SCORE-OF-17-BYTES"
        return self.beat_all(users, seconds, rate, per_write,
                             lambda u: command("ZADD", "presence", place, u), len(b":1\r\n"),
                             lambda write: write.replace(place, b"%017.6f" % time.time()))
