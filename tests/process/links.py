"""TCP links that tests can break: what goes through can be held, delayed, slowed, cut and refused."""

import collections
import dataclasses
import os
import select
import socket
import struct
import threading
import time

BUFFER = 256 * 1024  # bytes held for each way of a connection; beyond, whoever sends has to wait
READ = 64 * 1024


@dataclasses.dataclass
class Shape:
    """What one direction does to the bytes."""

    held: bool = False  # nothing passes; connections stay, as where packets are lost
    delay: float = 0.0  # seconds
    rate: float = float("inf")  # bytes a second, all connections together
    free_at: float = 0.0  # when the wire can take more
    passed: int = 0  # bytes


class Way:
    """One direction of one connection."""

    def __init__(self, source, sink, shape):
        self.source, self.sink, self.shape = source, sink, shape
        self.waiting = collections.deque()  # (when it may go on, bytes)
        self.bytes = 0
        self.ended = False

    def wants_more(self):
        return not self.ended and not self.shape.held and self.bytes < BUFFER

    def due(self):
        """When bytes may go on, or infinity."""
        if not self.waiting or self.shape.held:
            return float("inf")
        return max(self.waiting[0][0], self.shape.free_at)

    def read(self):
        try:
            data = self.source.recv(READ)
        except BlockingIOError:
            return
        self.ended = not data
        if data:
            self.waiting.append((time.monotonic() + self.shape.delay, data))
            self.bytes += len(data)

    def write(self, now):
        while self.due() <= now:
            due, data = self.waiting.popleft()
            some = data[: max(1, int(self.shape.rate / 50))] if self.shape.rate < 1e9 else data
            try:
                sent = self.sink.send(some)
            except BlockingIOError:
                self.waiting.appendleft((due, data))
                return False  # the sink takes no more
            if sent < len(data):
                self.waiting.appendleft((due, data[sent:]))
            self.bytes -= sent
            self.shape.passed += sent
            self.shape.free_at = max(now, self.shape.free_at) + sent / self.shape.rate
        return True


class Link:
    """Others connect to `endpoint` and reach `target`. Its sockets live in a thread. `there` is from who
    connects to the target, `back` the other way."""

    def __init__(self, target):
        self._target = _address(target)
        self.there, self.back = Shape(), Shape()
        self.connections = 0  # that came
        self._pairs = []  # of ways
        self._commands = collections.deque()
        self._listener = _listener(("127.0.0.1", 0))
        self._address = self._listener.getsockname()
        self.endpoint = f"tcp://127.0.0.1:{self._address[1]}"
        self._wakes, self._wake = os.pipe()
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def hold(self, there=True, back=True):
        self._do(lambda: self._hold(there, back))

    def slow(self, delay=(0.0, 0.0), rate=(float("inf"), float("inf"))):
        """Each for there and back."""
        self._do(lambda: self._slow(delay, rate))

    def cut(self):
        """Resets all connections; new ones may come."""
        self._do(self._cut)

    def refuse(self):
        """Resets all connections and refuses new ones."""
        self._do(self._refuse)

    def heal(self):
        self._do(self._heal)

    def close(self):
        self._stopped = True
        os.write(self._wake, b"x")
        self._thread.join()
        os.close(self._wake)
        os.close(self._wakes)

    def _hold(self, there, back):
        self.there.held, self.back.held = there, back

    def _slow(self, delay, rate):
        for shape, some_delay, some_rate in zip((self.there, self.back), delay, rate):
            shape.delay, shape.rate = some_delay, some_rate

    def _cut(self):
        for pair in self._pairs:
            self._close(pair, reset=True)
        self._pairs = []

    def _refuse(self):
        if self._listener:
            self._listener.close()
        self._listener = None
        self._cut()

    def _heal(self):
        self._hold(False, False)
        self._slow((0.0, 0.0), (float("inf"), float("inf")))
        self.there.free_at = self.back.free_at = 0.0
        if not self._listener:
            self._listener = _listener(self._address)

    def _do(self, action):
        done = threading.Event()
        self._commands.append((action, done))
        os.write(self._wake, b"x")
        if not done.wait(10):
            raise AssertionError("the link's thread died")

    def _serve(self):
        while not self._stopped:
            ready = self._wait()
            if self._wakes in ready:
                os.read(self._wakes, 4096)
            while self._commands:
                action, done = self._commands.popleft()
                action()
                done.set()
            if self._listener and self._listener.fileno() in ready:
                self._accept()
            self._pairs = [pair for pair in self._pairs if self._pass(pair, ready)]
        self._cut()
        if self._listener:
            self._listener.close()

    def _wait(self):
        """The descriptors that are ready once something is, or is due."""
        now = time.monotonic()
        poll, due = select.poll(), now + 1.0
        poll.register(self._wakes, select.POLLIN)
        if self._listener:
            poll.register(self._listener, select.POLLIN)
        masks = collections.Counter()
        for pair in self._pairs:
            for way in pair:
                masks[way.source.fileno()] |= select.POLLIN if way.wants_more() else 0
                if way.due() <= now:
                    masks[way.sink.fileno()] |= select.POLLOUT
                else:
                    due = min(due, way.due())
        for number, mask in masks.items():
            if mask:  # without one even a reset that is not to be seen would wake us
                poll.register(number, mask)
        return {number for number, _ in poll.poll(max(0.0, due - now) * 1000)}

    def _accept(self):
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        self.connections += 1
        try:
            server = socket.create_connection(self._target, timeout=1)
        except OSError:
            client.close()
            return
        for one in (client, server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs.append((Way(client, server, self.there), Way(server, client, self.back)))

    def _pass(self, pair, ready):
        """False once the connection has ended."""
        now = time.monotonic()
        try:
            for way in pair:
                if way.source.fileno() in ready and way.wants_more():
                    way.read()
                way.write(now)
                if way.ended and not way.waiting:
                    raise ConnectionError
        except OSError:
            self._close(pair)
            return False
        return True

    @staticmethod
    def _close(pair, reset=False):
        for way in pair:
            if reset:
                way.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            way.source.close()


def _address(endpoint):
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


def _listener(address):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(address)
    one.listen(1024)
    one.setblocking(False)
    return one
