"""What all contenders share: ids, CPU time, pacing, percentiles."""
import os
import random
import socket
import time

TICK = os.sysconf("SC_CLK_TCK")


def user(n):
    return b"user-%011d" % n


def cpu_seconds(pid):
    """User and system time of all threads so far."""
    fields = open(f"/proc/{pid}/stat", "rb").read().rsplit(b") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)  # between two looks, not instead of one
    raise RuntimeError(f"waited {seconds} s in vain for {what}")


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(p / 100 * len(ordered)))] if ordered else None


class Load:
    """What was sent last to whom, and when each was told to be offline."""

    order = "created"

    def __init__(self):
        self.last_sent, self.offline_at = {}, {}

    def send_all(self, users, seconds, rate, per_write, encode, send):
        """Heartbeats of all users in turn, for so long; how many. `seconds` None: one of each, in the order in
        which they are made. Else in self.order: a random one is always the same."""
        ids = list(range(users))
        if seconds is not None and self.order == "random":
            random.Random(7).shuffle(ids)
        writes = [(encode([user(n) for n in ids[first:first + per_write]]), first)
                  for first in range(0, users, per_write)]
        pace, end, sent = Pace(rate), time.monotonic() + (seconds or 1e9), 0
        while True:
            for write, first in writes:
                if time.monotonic() >= end:
                    return sent
                count = min(per_write, users - first)
                send(write, count)
                self.last_sent[first] = (time.time(), count)
                sent += count
                pace.after(count)
            if seconds is None:
                return sent

    def lateness(self, ttl):
        """Ms from last heartbeat + ttl until a subscriber knew, of each user."""
        due = {user(first + i): at + ttl
               for first, (at, count) in self.last_sent.items() for i in range(count)}
        wait_for(lambda: len(self.offline_at) >= len(due), "everybody to be offline", ttl + 90)
        return [1000 * (self.offline_at[u] - at) for u, at in due.items()]


class Pace:
    """Sleeps so that no more than `rate` a second go out; None: as fast as it goes."""

    def __init__(self, rate):
        self.rate, self.began, self.sent = rate, time.monotonic(), 0

    def after(self, count):
        self.sent += count
        if self.rate is None:
            return
        ahead = self.began + self.sent / self.rate - time.monotonic()
        if ahead > 0.001:
            time.sleep(ahead)


def settled_cpu(cpu):
    """CPU seconds once what was sent is worked off: when a quarter of a second costs little."""
    last = cpu()
    while True:
        time.sleep(0.25)
        now = cpu()
        if now - last < 0.1:
            return now
        last = now
