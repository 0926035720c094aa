"""The two services that are processes of their own: the dict in Python, the timers in Ruby."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from measure import Load, cpu_seconds, free_port, wait_for

HERE = pathlib.Path(__file__).parent


class Service(Load):
    """Loaded with all users in turn; says who is offline by their ids, one after another."""

    def __init__(self, ttl):
        super().__init__()
        self.ttl = ttl

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def on_offline(self, ids):
        now = time.time()
        for at in range(0, len(ids), 16):
            self.offline_at[ids[at:at + 16]] = now


class PythonDict(Service):
    def __init__(self, ttl):
        import zmq
        super().__init__(ttl)
        into, out = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
        self.process = subprocess.Popen(["/usr/bin/python3", str(HERE / "dict_service.py"), into, out, str(ttl)])
        context = zmq.Context.instance()
        self.push = context.socket(zmq.PUSH)
        self.push.linger = 0
        self.push.connect(into)
        self.events = context.socket(zmq.SUB)
        self.events.rcvhwm = 0
        self.events.linger = 0
        self.events.subscribe(b"")
        self.events.connect(out)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            self.on_offline(self.events.recv())

    def run(self, users, seconds, rate, per_write):
        import msgpack
        return self.send_all(users, seconds, rate, per_write,
                             lambda ids: msgpack.packb(ids if per_write > 1 else ids[0]),
                             lambda write, _: self.push.send(write))


class RubyTimers(Service):
    def __init__(self, ttl):
        super().__init__(ttl)
        self.folder = tempfile.mkdtemp()
        path = os.path.join(self.folder, "heartbeats")
        self.process = subprocess.Popen([shutil.which("ruby"), str(HERE / "timers.rb"), path, str(ttl)])
        wait_for(lambda: os.path.exists(path), "ruby")
        self.link = socket.socket(socket.AF_UNIX)
        wait_for(lambda: self.link.connect_ex(path) == 0, "ruby's socket")
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        rest = b""
        while read := self.link.recv(1 << 20):
            rest += read
            whole = len(rest) - len(rest) % 16
            self.on_offline(rest[:whole])
            rest = rest[whole:]

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder)

    def run(self, users, seconds, rate, per_write):
        return self.send_all(users, seconds, rate, per_write, b"".join,
                             lambda write, _: self.link.sendall(write))
