"""A tracker as followers see it: batches, ticks, snapshots and replays of what a test makes it say."""

import collections
import ctypes
import queue
import threading
import time

import msgpack
import zmq

_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def slot_of(user):
    data = user.encode()
    return _xxhash.XXH3_64bits(data, len(data)) % 1024


def owner_of(slot, trackers):
    def rank(tracker):
        data = tracker.encode() + b"\0" + slot.to_bytes(2, "little")
        return _xxhash.XXH3_64bits(data, len(data))

    return max(trackers, key=rank)


class FakeTracker:
    """Owns all slots. Its sockets live in a thread; the methods hand it work and wait for it."""

    TICK = 0.1  # seconds

    def __init__(self, name="t1", ttl_ms=2000):
        self.name = name
        self.ttl_ms = ttl_ms
        self.answer_errors = 0  # so many questions are answered with an error
        self.mute = False  # it does not tick
        self.ahead_s = 0  # its clock
        self.answering = True  # else questions are counted, and that is all
        self.asked_by = set()  # of the questions, what the upper bits of their numbers tell: which sink
        self.ticks = 0
        self.questions = 0
        self.ticks_before_replay = None  # sent since the last batch was lost, when it was asked for
        self._ticks = 0
        self._subscriptions = set()
        self._run(boot=1000)
        self._context = zmq.Context()
        self._events = self._context.socket(zmq.XPUB)
        self._events.sndhwm = 0
        self._queries = self._context.socket(zmq.ROUTER)
        for socket in (self._events, self._queries):
            socket.linger = 0
            socket.bind("tcp://127.0.0.1:*")
        self.events = self._events.get_string(zmq.LAST_ENDPOINT)
        self.query = self._queries.get_string(zmq.LAST_ENDPOINT)
        self._work = queue.Queue()
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def config(self, *sinks, others=()):
        """A configuration with this tracker, other ones, and the sinks, each a dict."""
        text = f"""
[[tracker]]
id = "{self.name}"
ingest = "tcp://127.0.0.1:1"
events = "{self.events}"
query = "{self.query}"
data = "data/t1"

[[notifier]]
id = "n1"
data = "data/n1"
"""
        for other in others:
            text += f"""
[[tracker]]
id = "{other.name}"
ingest = "tcp://127.0.0.1:2"
events = "{other.events}"
query = "{other.query}"
data = "data/{other.name}"
"""
        for sink in sinks:
            text += "\n[[sink]]\n"
            for key, value in sink.items():
                text += f"{key} = {_toml(value)}\n"
        return text

    def subscribed(self):
        return {b"\x01batch", b"\x01tick"} <= self._subscriptions

    def say(self, *transitions, lose=False, forget=False):
        """One batch: "+alice" came online, "-alice" left. May be lost on its way, and forgotten."""
        self._do(lambda: self._say(transitions, lose, forget))

    def restart(self):
        """Another run, which has no journal and knows nobody."""
        self._do(lambda: self._run(self.boot + 1000))

    def publish(self, *frames):
        self._do(lambda: self._events.send_multipart(frames))

    def close(self):
        self._stopped = True
        self._thread.join()
        self._context.destroy(linger=0)

    def _run(self, boot):
        self.boot = boot
        self.batch = 0
        self._rows = {}  # number -> batch
        self.began = time.monotonic()
        self.online = collections.defaultdict(dict)  # slot -> user -> since_ms
        self.seq = collections.Counter()

    def _epoch(self):
        return self.boot << 10

    def _say(self, transitions, lose, forget):
        now = int((time.time() + self.ahead_s) * 1000)
        runs = {}
        for transition in transitions:
            user = transition[1:]
            slot = slot_of(user)
            state = "online" if transition[0] == "+" else "offline"
            if state == "online":
                self.online[slot][user] = now
            else:
                self.online[slot].pop(user, None)
            self.seq[slot] += 1
            run = runs.setdefault(slot, [slot, self._epoch(), self.seq[slot], []])
            reason = "heartbeat" if state == "online" else "timeout"
            run[3].append([user, state, reason, now, now, now, None, self.ttl_ms, "live"])
        self.batch += 1
        body = msgpack.packb([1, self.name, self.boot, self.batch, 0, list(runs.values())])
        if not forget:
            self._rows[self.batch] = body
        if lose:
            self._ticks = 0
        else:
            self._events.send_multipart([b"batch", body])

    def _do(self, action):
        done = threading.Event()
        self._work.put((action, done))
        if not done.wait(10):
            raise AssertionError("the fake tracker's thread died")

    def _serve(self):
        next_tick = 0.0
        while not self._stopped:
            while self._events.poll(0):
                self._subscriptions.add(self._events.recv())
            if self._queries.poll(2):
                *route, body = self._queries.recv_multipart()
                answer = self._answer(msgpack.unpackb(body))
                if self.answering:
                    self._queries.send_multipart([*route, msgpack.packb(answer)])
            while not self._work.empty():
                action, done = self._work.get()
                action()
                done.set()
            if time.monotonic() >= next_tick and not self.mute:
                next_tick = time.monotonic() + self.TICK
                body = msgpack.packb([1, self.name, self.boot, self.batch])
                self._events.send_multipart([b"tick", body])
                self._ticks += 1
                self.ticks += 1

    def _answer(self, question):
        self.questions += 1
        self.asked_by.add(question["rid"] >> 40)
        answer = {"rid": question.get("rid"), "freshness": "live", "as_of_ms": 0}
        if self.answer_errors > 0:
            self.answer_errors -= 1
            return answer | {"error": "moved", "message": "not mine"}
        if question["op"] == "replay":
            return answer | self._replay(question)
        slot = question["slot"]
        users = [
            [user, since, since, self.ttl_ms, None] for user, since in self.online[slot].items()
        ]
        return answer | {
            "slot": slot,
            "epoch": self._epoch(),
            "seq": self.seq[slot],
            "boot": self.boot,
            "batch": self.batch,
            "covers_ms": int((time.monotonic() - self.began) * 1000),
            "users": users,
            "cursor": "",
        }

    def _replay(self, question):
        self.ticks_before_replay = self._ticks
        after = question["after"]
        if question["boot"] != self.boot or after > self.batch:
            return {"error": "diverged", "message": "another run"}
        rows = [self._rows.get(n) for n in range(after + 1, self.batch + 1)]
        if None in rows:
            return {"error": "too_old", "message": "trimmed"}
        return {"boot": self.boot, "batch": self.batch, "rows": rows}


def _toml(value):
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, int):
        return str(value).lower()  # True is an int
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
