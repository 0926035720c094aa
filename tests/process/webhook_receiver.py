"""A receiver of webhooks that answers what a test tells it to, and keeps what it was asked."""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

Request = collections.namedtuple(
    "Request", "path id timestamp signatures body events headers at connection accepted"
)


class Receiver:
    """Listens on loopback. Each request takes the next of the answers planned; then it is 200."""

    def __init__(self, certificate=None):
        self.requests = []  # whole ones, in order; `accepted`: the answer was 2xx
        self.connections = 0
        self.released = threading.Event()  # lets answers that hang go
        self._plan = collections.deque()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        self.port = self._server.server_address[1]
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def url(self, host="127.0.0.1", path="/hook/path-token"):
        return f"{self._scheme}://{host}:{self.port}{path}"

    def plan(self, *answers):
        self._plan.extend(answers)

    def ids(self):
        return [request.id for request in self.requests]

    def accepted(self):
        """What it was told, as it takes it: of several requests with one id, only the first."""
        first = {}
        for request in self.requests:
            if request.accepted:
                first.setdefault(request.id, request)
        return list(first.values())

    def events(self):
        """Without notices."""
        told = [event for request in self.accepted() for event in request.events]
        return [event for event in told if "notice" not in event]

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, handler, body):
        """The answer to a request that has come as a whole."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            answer = self._plan.popleft() if self._plan else status(200)
            self.requests.append(
                Request(
                    handler.path,
                    headers.get("webhook-id"),
                    headers.get("webhook-timestamp"),
                    headers.get("webhook-signature", "").split(" "),
                    body,
                    json.loads(body)["data"],
                    headers,
                    time.monotonic(),
                    handler.client_address[1],
                    answer.accepts,
                )
            )
        return answer


def signature(secret, request):
    """As Standard Webhooks has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    content = f"{request.id}.{request.timestamp}.".encode() + request.body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


# The answers: functions of a handler; `accepts`: the status is 2xx and the answer whole.


def _answer(function, accepts=False):
    function.accepts = accepts
    return function


def status(code, headers=()):
    def send(handler):
        handler.send_response(code)
        for name, value in dict(headers).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok")

    return _answer(send, 200 <= code < 300)


def hang():
    def wait(handler):
        handler.server.receiver.released.wait(60)
        handler.close_connection = True

    return _answer(wait)


def close():
    def end(handler):
        handler.close_connection = True

    return _answer(end)


def close_mid_body():
    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    return _answer(send)


def drip():
    """A status at once, then a body that does not end."""

    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not handler.server.receiver.released.wait(0.02):
            handler.wfile.write(b".")

    return _answer(send)


def huge(sent):
    """200 and a body of 1 GiB; how much of it went out is appended to `sent`."""

    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 30))
        handler.end_headers()
        block = bytes(1 << 16)
        done = 0
        try:
            while done < 1 << 30:
                handler.wfile.write(block)
                done += len(block)
        except OSError:
            pass
        sent.append(done)
        handler.close_connection = True

    return _answer(send, True)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.server.receiver.connections += 1
        super().setup()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.server.receiver.take(self, body)(self)
        except OSError:  # the other side did not wait
            self.close_connection = True

    def do_GET(self):
        raise AssertionError("a redirect was followed")

    def log_message(self, *arguments):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a connection that was reset
