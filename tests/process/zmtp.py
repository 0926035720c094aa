"""A peer that speaks ZMTP 3.0 by itself, to send what no libzmq would."""

import socket
import struct


def frame(body, more=False):
    if len(body) < 256:
        return bytes([more, len(body)]) + body
    return bytes([2 | more]) + struct.pack(">Q", len(body)) + body


class Peer:
    """Connected, as a socket of this kind ("PUSH", "DEALER", "SUB"), once it is made."""

    GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)

    def __init__(self, endpoint, kind, seconds=30):
        host, port = endpoint.removeprefix("tcp://").split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=seconds)
        kind = kind.encode()
        ready = b"\5READY" + b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
        self._socket.sendall(self.GREETING + bytes([4, len(ready)]) + ready)
        self._read(64)
        self._read(self._read(2)[1])  # its READY

    def _read(self, count):
        got = b""
        while len(got) < count:
            some = self._socket.recv(count - len(got))
            if not some:
                raise ConnectionError("ended")
            got += some
        return got

    def send(self, text):
        self._socket.sendall(text)

    def send_until_ended(self, texts, bytes_max):
        """One after another. How many bytes it sent until its connection was ended, or there were so many."""
        sent = 0
        try:
            for text in texts:
                self._socket.sendall(text)
                sent += len(text)
                if sent > bytes_max:
                    break
        except OSError:
            pass
        return sent

    def close(self):
        self._socket.close()
