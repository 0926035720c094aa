"""The webhook sink over TLS: who is trusted, and HTTP/2 where the other side offers it."""

import pathlib
import shutil
import socket
import subprocess
import unittest

import webhook_receiver as answers
from notifier_case import NotifierCase
from support import PATIENCE, wait_for

NGHTTPD = shutil.which("nghttpd", path="/usr/bin:/usr/sbin")


class WebhookTlsTest(NotifierCase):
    def setUp(self):
        super().setUp()
        self.secrets = self.scratch.write("secrets", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        self.certificate = self.certificate_for("IP:127.0.0.1", "mine")

    def certificate_for(self, name, file):
        """Self-signed, with its key, in one file."""
        key, certificate = self.scratch / f"{file}.key", self.scratch / f"{file}.crt"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=test", "-addext", f"subjectAltName={name}"]
        command += ["-keyout", key, "-out", certificate]
        subprocess.run(command, check=True, capture_output=True)
        return self.scratch.write(f"{file}.pem", key.read_text() + certificate.read_text())

    def receiver(self, certificate):
        receiver = answers.Receiver(certificate)
        self.addCleanup(receiver.close)
        return receiver

    def start(self, url, **settings):
        sink = {"name": "hook", "type": "webhook", "url": url, "secret_file": self.secrets}
        sink |= {"allow_private": True, "timeout": "5s"} | settings
        return self.start_notifier(sink)

    def test_a_certificate_that_nobody_vouches_for_is_refused(self):
        receiver = self.receiver(self.certificate)
        notifier = self.start(receiver.url())
        self.tracker.say("+alice")
        notifier.wait_log("SSL certificate problem")
        self.assertEqual(receiver.requests, [])

    def test_a_certificate_of_another_host_is_refused(self):
        other = self.certificate_for("DNS:hooks.example.org", "other")
        receiver = self.receiver(other)
        notifier = self.start(receiver.url(), ca_file=other)
        self.tracker.say("+alice")
        notifier.wait_log("no alternative certificate subject name matches")
        self.assertEqual(receiver.requests, [])

    def test_a_certificate_of_ca_file_is_accepted(self):
        receiver = self.receiver(self.certificate)
        notifier = self.start(receiver.url(), ca_file=self.certificate)
        self.tracker.say("+alice")
        wait_for(lambda: receiver.accepted(), "the event")
        self.assertEqual(notifier.stop(), 0)

    @unittest.skipUnless(NGHTTPD, "no HTTP/2 server (Debian: nghttp2-server)")
    def test_http_2_is_spoken_where_it_is_offered(self):
        (self.scratch / "site").mkdir()
        (self.scratch / "site" / "hook").write_text("ok")
        port = free_port()
        log = self.scratch / "nghttpd.log"
        command = [NGHTTPD, "-v", "-a", "127.0.0.1", "-d", self.scratch / "site", str(port)]
        command += [self.scratch / "mine.key", self.scratch / "mine.crt"]
        with open(log, "wb") as out:
            server = subprocess.Popen(command, stdout=out, stderr=out)
        self.addCleanup(server.wait, PATIENCE)
        self.addCleanup(server.terminate)
        wait_for(lambda: listens(port), "nghttpd listens")
        notifier = self.start(f"https://127.0.0.1:{port}/hook", ca_file=self.certificate)
        posts = lambda: heads(log, ":method: POST")
        self.tracker.say("+alice")
        wait_for(lambda: len(heads(log, ":status: 200")) == 1, "the first answer")
        self.tracker.say("-alice")
        wait_for(lambda: len(heads(log, ":status: 200")) == 2, "the second answer")
        self.assertEqual(len(posts()), 2)
        self.assertTrue(all("[id=2]" in line for line in posts()), "over one connection")
        self.assertEqual(len({line.split()[-1] for line in heads(log, "webhook-id: msg_")}), 2)
        self.assertEqual(notifier.stop(), 0)
        self.assertNotIn("sink_failed", notifier.log())


def heads(log, text):
    return [line for line in pathlib.Path(log).read_text().splitlines() if text in line]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        return True
    except ConnectionRefusedError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    unittest.main()
