"""A follower as docs/protocol.md describes one: subscribes, compares snapshots, replays what it missed. Of
some slots or of all, and of one tracker."""

import time

import msgpack
import zmq

WINDOW = 32  # questions under way
PATIENCE = 2.0  # seconds until a question is asked again
PAUSE = 1.0  # seconds, after one that was refused


class Follower:
    def __init__(self, context, events, query, slots=range(1024), topics=(b"batch", b"tick"), **options):
        self._endpoints = (events, query)
        self.events, self.questions = context.socket(zmq.SUB), context.socket(zmq.DEALER)
        self.events.rcvhwm = 0
        self.events.connect_timeout = self.questions.connect_timeout = 3000
        for socket in (self.events, self.questions):
            socket.linger = 0
        for option, value in options.items():
            setattr(self.events, option, value)
        for topic in topics:
            self.events.subscribe(topic)
        self._slots = frozenset(slots)
        self.replays = self.resyncs = self.ticks = self.singles = 0
        self.boots = []  # of the runs heard, the newest last
        self.users = {}  # slot: {user: ttl_ms}
        self._begin()
        self.connect()

    def connect(self):
        for socket, endpoint in zip((self.events, self.questions), self._endpoints):
            socket.connect(endpoint)

    def disconnect(self):
        for socket, endpoint in zip((self.events, self.questions), self._endpoints):
            socket.disconnect(endpoint)

    def close(self):
        self.events.close()
        self.questions.close()

    def in_step(self):
        return self.cursor is not None and not self._asked and not self._to_ask and self._last <= self.cursor

    def online(self):
        return {user for users in self.users.values() for user in users}

    def turn(self):
        """Takes in what came; asks what is to be asked."""
        while self.events.poll(0):
            topic, body = self.events.recv_multipart()
            if topic == b"batch":
                _, _, boot, number, *_ = batch = msgpack.unpackb(body)
                self._heard(boot, number, batch)
            elif topic == b"tick":
                self.ticks += 1
                _, _, boot, last, *_ = msgpack.unpackb(body)
                self._heard(boot, last, None)
            else:
                self.singles += 1
        while self.questions.poll(0):
            self._answer(msgpack.unpackb(self.questions.recv_multipart()[-1]))
        self._ask()

    def _begin(self):
        self.cursor = None  # (boot, number) of the last batch taken
        self._last = (0, 0)  # the newest heard of
        self._seqs = {}  # slot: (epoch, seq) as of which its users are known
        self._ahead = {}  # (boot, number): batches that came during a replay
        self._kept = {}  # slot: events since the cursor, while there is no snapshot of it
        self._pages = {}
        self._to_ask = []  # rids
        self._asked = {}  # rid: (when, question); a snapshot's is its slot, a replay's -1
        self._not_before = 0.0

    def _heard(self, boot, number, batch):
        if not self.boots or self.boots[-1] != boot:
            self.boots.append(boot)
        self._last = max(self._last, (boot, number))
        if self.cursor is None:
            self.cursor = (boot, number)
            self._to_ask += [(slot, {"op": "snapshot", "slot": slot}) for slot in sorted(self._slots)]
        elif self._replaying():
            if batch:
                self._ahead[(boot, number)] = batch
        elif batch and self._is_next((boot, number)):
            self._take(batch)
        elif (boot, number) != self.cursor and self._last > self.cursor:
            self._replay()

    def _is_next(self, place):
        return place == (self.cursor[0], self.cursor[1] + 1)

    def _replaying(self):
        return -1 in self._asked or any(rid == -1 for rid, _ in self._to_ask)

    def _replay(self):
        if not self._replaying():
            self.replays += 1
            self._to_ask.insert(0, (-1, {"op": "replay", "boot": self.cursor[0], "after": self.cursor[1]}))

    def _take(self, batch):
        _, _, boot, number, _, slots = batch
        for slot, epoch, first_seq, events in slots:
            if slot in self._slots:
                for seq, event in enumerate(events, first_seq):
                    if slot in self._seqs:
                        self._apply(slot, (epoch, seq), event)
                    else:
                        self._kept.setdefault(slot, []).append(((epoch, seq), event))
        self.cursor = (boot, number)

    def _apply(self, slot, place, event):
        if place > self._seqs[slot]:
            self._seqs[slot] = place
            if event[1] == "online":
                self.users[slot][event[0]] = event[7]
            else:
                self.users[slot].pop(event[0], None)

    def _ask(self):
        now = time.monotonic()
        for rid, (asked, question) in list(self._asked.items()):
            if now - asked > PATIENCE:
                del self._asked[rid]
                self._to_ask.append((rid, question))
        while self._to_ask and len(self._asked) < WINDOW and now >= self._not_before:
            rid, question = self._to_ask[0]
            try:
                self.questions.send_multipart([b"", msgpack.packb(question | {"rid": rid + 1})], zmq.DONTWAIT)
            except zmq.Again:
                return
            self._to_ask.pop(0)
            self._asked[rid] = (now, question)

    def _answer(self, answer):
        rid = answer.get("rid", 0) - 1
        if self._asked.pop(rid, None) is None:
            return  # late
        if rid == -1:
            self._on_rows(answer)
        elif "error" in answer:
            self._to_ask.append((rid, {"op": "snapshot", "slot": rid}))
        else:
            self._on_snapshot(rid, answer)

    def _on_rows(self, answer):
        if answer.get("error") in ("too_old", "diverged"):
            self.resyncs += 1
            return self._begin()
        if "error" in answer:
            self._not_before = time.monotonic() + PAUSE
            return self._replay()
        for row in answer["rows"]:
            self._take(msgpack.unpackb(row))
        while self.cursor[1] < max(self._last[1], answer["batch"]):
            batch = self._ahead.pop((self.cursor[0], self.cursor[1] + 1), None)
            if batch is None:
                return self._replay()
            self._take(batch)
        self._ahead.clear()

    def _on_snapshot(self, slot, answer):
        page = self._pages.setdefault(slot, {})
        page.update({user: ttl for user, _, _, ttl, _ in answer["users"]})
        if answer["cursor"]:
            return self._to_ask.append((slot, {"op": "snapshot", "slot": slot, "cursor": answer["cursor"]}))
        page = self._pages.pop(slot)
        missing = self.users.get(slot, {}).items() - page.items()
        if any(user not in page and ttl > answer["covers_ms"] for user, ttl in missing):
            return self._to_ask.append((slot, {"op": "snapshot", "slot": slot}))  # unknown is not offline
        self.users[slot] = page
        self._seqs[slot] = (answer["epoch"], answer["seq"])
        for place, event in self._kept.pop(slot, ()):
            self._apply(slot, place, event)
