"""A load that knows the truth: who stays beats until the end; guests come, beat for a while and leave
for good, half of them by a bye, the others by silence. What was sent, and when, is kept, and judges
what a sink was told."""

import collections
import dataclasses
import os
import random
import time

import msgpack
import zmq

# By how much clocks, whole milliseconds and the time of a send may differ from the record.
TOLERANCE = 0.1
# How late a transition may be told on a machine that is busy with other things.
SLACK = 30.0 if os.environ.get("SANITIZE") else 5.0


class Gateway:
    """An edge as docs/protocol.md has it: one PUSH to all collectors, which leaves one that hangs; what
    cannot be sent now is dropped, but for byes, which go out with the next envelope."""

    def __init__(self, context, name, endpoints):
        self.name, self.boot, self.seq = name, time.time_ns() // 1000, 0
        self.dropped = 0
        self.taken = []  # when
        self._byes = []
        self.push = context.socket(zmq.PUSH)
        self.push.linger, self.push.immediate, self.push.sndhwm = 0, 1, 100
        self.push.reconnect_ivl, self.push.reconnect_ivl_max = 100, 300
        self.push.setsockopt(zmq.HEARTBEAT_IVL, 500)
        self.push.setsockopt(zmq.HEARTBEAT_TIMEOUT, 2000)
        for endpoint in endpoints:
            self.push.connect(endpoint)

    def speak(self, beats, byes=()):
        """True if a collector took it, as far as one can know."""
        self._byes += byes
        self.seq += 1
        body = {"edge": self.name, "boot": self.boot, "seq": self.seq}
        body |= {"sent_ms": time.monotonic_ns() // 1_000_000, "beats": [*beats, *self._byes]}
        try:
            self.push.send(msgpack.packb(body), zmq.DONTWAIT)
        except zmq.Again:
            self.dropped += 1
            return False
        self._byes = []
        self.taken.append(time.monotonic())
        return True

    def close(self):
        self.push.close()


@dataclasses.dataclass
class Guest:
    comes: float
    leaves: float
    says_bye: bool
    sent: list = dataclasses.field(default_factory=list)  # when heartbeats were taken
    left: float = 0.0  # when the bye was first sent, or the last heartbeat


@dataclasses.dataclass
class Fault:
    """From `begin` to `end` something is broken, which may make what is due until `end` + `cost` as late
    as that. None: an end of its own is not waited for, each transition may be late by the cost."""

    begin: float
    end: float | None
    cost: float


class Population:
    """Call turn() every few milliseconds. Times are monotonic."""

    def __init__(self, gateways, ttl, seed, stays=300, guests=20, every=0.3, sticky=None):
        self._draw = random.Random(seed)
        self.gateways = gateways
        self.ttl = ttl
        self.every = every
        self.stays = [f"stays{n}" for n in range(stays)]
        self._sticky = sticky  # a gateway that is connected to one collector only, for stays of its own
        if sticky:
            self.stays += [f"sticks{n}" for n in range(stays)]
        self.rate = guests  # guests a second
        self.guests = {}
        self.here = collections.deque()  # guests who have not left
        self.faults = []
        self.losses = []  # spans in which what was taken may have been lost with a process
        self.cuts = []  # spans in which what was taken may have been lost on its way to a collector
        self.silences = []  # spans in which this machine left us no time to beat
        self.torn = []  # spans of which what was told may be told again, in turns all the same
        self.others = set()  # whom somebody else judges
        self.pause = 0.0  # the longest between two turns: how busy the machine is
        self.wall = time.time() - time.monotonic()
        self._beat = self._beat_at = 0.0
        self._guest_at = 0.0
        self._turned = None

    def turn(self):
        now = time.monotonic()
        if self._turned:
            self.pause = max(self.pause, now - self._turned)
        self._turned = now
        if now < self._beat_at:
            return
        if self._beat and now - self._beat > 0.9 * self.ttl:
            self.silences.append((self._beat, now))
        self._beat, self._beat_at = now, now + self.every
        self._come(now)
        beats, byes = list(self.stays), []
        beating = []
        for user in list(self.here):
            guest = self.guests[user]
            if now < guest.leaves:
                beating.append(user)
                continue
            self.here.remove(user)
            guest.left = now
            if guest.says_bye:
                byes.append(user)
        beats += beating
        for gateway in [*self.gateways, *([self._sticky] if self._sticky else [])]:
            mine = [user for user in beats if self._gateway_of(user) is gateway]
            bye = [
                self._item(user) | {"bye": True} for user in byes if self._gateway_of(user) is gateway
            ]
            sent = time.monotonic()
            if gateway.speak([self._item(user) for user in mine], bye):
                for user in mine:
                    if user in self.guests:
                        self.guests[user].sent.append(sent)

    def _gateway_of(self, user):
        if user.startswith("sticks"):
            return self._sticky
        return self.gateways[sum(user.encode()) % len(self.gateways)]

    def _item(self, user):
        """A guest's session has a name, as a bye of it ends it for stragglers too."""
        return {"user": user, "session": "once"} if user in self.guests else {"user": user}

    def _come(self, now):
        if not self.rate:
            return
        self._guest_at = self._guest_at or now
        while self._guest_at <= now:
            self._guest_at += 1 / self.rate
            user = f"guest{len(self.guests)}"
            # Long enough for two heartbeats through each of two collectors: a bye that overtakes those
            # of one comes after those of the other.
            leaves = now + self._draw.uniform(4 * self.every - 0.1, 1.6)
            self.guests[user] = Guest(now, leaves, self._draw.random() < 0.5)
            self.here.append(user)

    def no_more_guests(self):
        """Those who are here leave when they would."""
        self.rate = 0

    def told(self, stories):
        """Everyone's end is told, right or wrong."""
        return not self.here and all(
            self._ended(stories.get(user, ()), guest) for user, guest in self.guests.items()
        )

    def wrongs(self, stories):
        """What is wrong in the stories: by user, (state, at on the wall, seen) of each event."""
        yield from self.wrongs_so_far(stories)
        for user, guest in self.guests.items():
            if not self._ended(stories.get(user, ()), guest):
                yield f"{user} left and is told {self._brief(guest, stories.get(user, ()))}"

    def wrongs_so_far(self, stories):
        """Of what was told, whatever is still to be told."""
        stays = set(self.stays)
        for user in self.stays:
            story = stories.get(user, ())
            states = [state for state, *_ in story]
            left = [at - self.wall for state, at, _ in story if state == "offline"]
            truly = all(self._by_silence(user, at) for at in left)
            if not truly or states != ["online", *["offline", "online"] * len(left)]:
                yield f"{user} stays: {self._brief_of(story)}"
        for user, story in stories.items():
            if user in self.guests:
                yield from (f"{user} {what}" for what in self._wrongs_of(user, self.guests[user], story))
            elif user not in stays and user not in self.others:
                yield f"{user} is none of ours"

    def _surely_read(self, guest):
        lost = self.losses + self.cuts
        return [at for at in guest.sent if not any(begin <= at <= end for begin, end in lost)]

    def _ended(self, story, guest):
        return story[-1][0] == "offline" if story else not self._surely_read(guest)

    def _wrongs_of(self, user, guest, story):
        states = [state for state, *_ in story]
        if states != ["online", "offline"][: len(states)]:
            spans = self.torn + [(begin, end + self.ttl) for begin, end in self._silences(user)]
            anew = any(begin <= seen <= end for begin, end in spans for *_, seen in story)
            if not anew or states != (["online", "offline"] * len(states))[: len(states)]:
                yield f"is told {states}: {self._brief(guest, story)}"
            return
        came = story[0][1]
        if came < guest.comes + self.wall - TOLERANCE:
            yield f"is online before they came: {self._brief(guest, story)}"
        if len(story) == 1:
            return
        _, left, seen = story[1]
        surely = (self._surely_read(guest) or [guest.comes])[-1]
        due = guest.left if guest.says_bye else surely + self.ttl
        if not guest.left or left < due + self.wall - TOLERANCE:
            yield f"is offline too early: {self._brief(guest, story)}"
        latest = self.latest((guest.sent or [guest.comes])[-1] + self.ttl)
        if seen > latest:
            yield f"is told offline {seen - latest:.1f} s too late: {self._brief(guest, story)}"

    def _by_silence(self, user, at):
        spans = self._silences(user)
        return any(begin + self.ttl - TOLERANCE <= at <= end + self.ttl for begin, end in spans)

    def _silences(self, user):
        """Spans in which no collector may have heard of the user for almost a ttl. Where links to edges were
        cut nobody but the edge can know of what was lost."""
        if not self.cuts:
            return self.silences
        taken = self._gateway_of(user).taken
        read = [at for at in taken if not any(begin <= at <= end for begin, end in self.cuts)]
        return [(a, b) for a, b in zip(read, read[1:]) if b - a > 0.9 * self.ttl]

    def _brief_of(self, story):
        return [(state, round(at - self.wall, 3), round(seen, 3)) for state, at, seen in story]

    def _brief(self, guest, story):
        sent = [round(at, 3) for at in guest.sent[:1] + guest.sent[-1:]]
        how = " by a bye" if guest.says_bye else ""
        return f"sent {sent}, left {guest.left:.3f}{how}, told {self._brief_of(story)}"

    def latest(self, due):
        """Until when what is due must have been told."""
        slack = SLACK + 2 * self.pause
        at = due + slack
        for fault in self.faults:
            if fault.end is None:
                at += fault.cost
            elif fault.begin - slack <= due <= fault.end + fault.cost + slack:
                at = max(at, fault.end + fault.cost + slack)
        return at
