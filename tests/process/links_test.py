"""Links between processes that are cut, refused, held, delayed and slowed (links.py): what comes late makes
news late, never wrong, and nothing is lost."""

import contextlib
import socket
import threading
import time
import unittest

from chaos import RECOVERY, Chaos
from links import Link
from population import Gateway

class InTurns(Gateway):
    """Sends two envelopes a round: of two collectors each hears one half of the users, always the same."""

    def speak(self, beats, byes=()):
        one = super().speak(beats[::2], byes)
        other = super().speak(beats[1::2])
        return one and other


EVERYWHERE = ("heartbeats", "ingest", "events", "query")


class Links(Chaos):
    def ingests(self):
        return [self.files.links[endpoint] for endpoint in self.files.ingest]

    def test_partition_collectors_from_trackers_then_heal(self):
        self.start(2, 2, links=("ingest",))
        began = time.monotonic()
        for link in self.ingests():
            link.hold()
        frozen = lambda: [self.ask(n, op="status")["freshness"] for n in range(2)] == ["frozen"] * 2
        self.go_on(frozen, "both trackers lack evidence")
        self.go_on_for(began + 3 * self.ttl - time.monotonic())
        came = {user for user, guest in self.load.guests.items() if guest.comes > began + 0.5}
        self.assertFalse(came & self.stories().keys(), "told although nothing passes")
        for link in self.ingests():
            link.heal()
        # Collectors were silent for longer than their grace: every deadline is lifted.
        self.fault(began, RECOVERY + self.ttl)
        self.go_on(lambda: self.ask(op="status")["freshness"] == "live", "evidence is back")
        self.judge()

    def test_links_one_way_cut(self):
        """Frames pass and acknowledgements do not, then the reverse."""
        self.start(2, links=("ingest",), settings='collector_grace = "10s"')
        began = time.monotonic()
        (link,) = self.ingests()
        link.hold(there=False)
        self.go_on_for(1.5 * self.ttl)
        link.heal()
        self.go_on_for(0.5)
        link.hold(back=False)
        self.go_on_for(1.5 * self.ttl)
        link.heal()
        self.fault(began, RECOVERY + self.ttl)
        self.judge()

    def test_every_link_cut_and_refused_again_and_again(self):
        self.start(2, links=EVERYWHERE)
        began = time.monotonic()
        links = list(self.files.links.values())
        for _ in range(3):
            for breaks in (Link.cut, Link.refuse):
                before = [link.connections for link in links]
                cut = time.monotonic()
                for link in links:
                    breaks(link)
                # What was on its way from an edge is gone with its connection.
                self.go_on_for(0.3)
                self.load.cuts.append((cut - 0.3, time.monotonic()))
                for link in links:
                    link.heal()
                back = lambda: all(link.connections > count for link, count in zip(links, before))
                self.go_on(back, "somebody comes back through each")
                taken = [len(gateway.taken) for gateway in self.load.gateways]
                again = lambda: all(
                    len(gateway.taken) > count + 1 for gateway, count in zip(self.load.gateways, taken)
                )
                self.go_on(again, "each edge speaks again, to each collector")
        self.fault(began, RECOVERY + self.ttl)
        self.judge()

    def test_slow_links(self):
        # A long grace leaves it to the watermark: a frame may take longer than a ttl.
        settings = 'collector_grace = "20s"\nresend_bytes_max = 2097152\nbacklog_max = 10000'
        self.start(2, links=EVERYWHERE, settings=settings)
        began = time.monotonic()
        for endpoint, link in self.files.links.items():
            link.slow(delay=(0.4, 0.05) if endpoint in self.files.ingest else (0.05, 0.4))
        self.go_on_for(1.5 * self.ttl)
        # What goes to the tracker is less than what is read: it piles up at the collectors.
        self.link("ingest").slow(rate=(2_000, 1_000_000))
        self.go_on_for(1.5 * self.ttl)
        self.assertGreater(self.ask(op="status")["numbers"]["lag_ms"], 1000 * self.ttl)
        for link in self.files.links.values():
            link.heal()
        self.fault(began, RECOVERY + self.ttl)
        self.judge()


class CutOff(Chaos):
    """One of two collectors and a tracker do not hear each other, while edges reach both."""

    edge = InTurns
    grace = 4.0

    def program(self, kind, name, **how):
        # c1 has its own way to the first tracker.
        if name == "c1":
            self.link = Link(self.files.ingest[0])
            self.addCleanup(self.link.close)
            how["config"] = self.files.directory / "c1.toml"
            text = self.files.config.read_text()
            how["config"].write_text(text.replace(self.files.ingest[0], self.link.endpoint))
        return super().program(kind, name, **how)

    def test_a_collector_that_is_cut_off_swallows_no_heartbeats(self):
        self.start(2, settings=f'collector_grace = "{self.grace:g}s"')
        c1 = self.programs["c1"]
        began = time.monotonic()
        self.link.hold()
        self.go_on(lambda: any("event=input_closed" in line for line in c1.err), "it closes its input")
        closed = time.monotonic()
        # A whole visit that c1 alone heard comes too late to be told.
        self.load.cuts.append((began - 0.3, closed + 0.3))
        # On what c1 alone had heard until then a ttl would pass twice meanwhile.
        self.go_on_for(began + self.grace + 2 * self.ttl + 1 - time.monotonic())
        self.link.heal()
        self.go_on(lambda: any("event=input_opened" in line for line in c1.err), "it opens its input")
        # Event time waits until edges may be back: as long as they were away, and 3 s.
        away = time.monotonic() - closed
        self.fault(began, away + 3 + RECOVERY + self.ttl)
        self.judge()

    def test_a_collector_that_is_cut_off_from_one_of_two_trackers_is_waited_for(self):
        self.start(2, 2, settings=f'collector_grace = "{self.grace:g}s"')
        began = time.monotonic()
        self.link.hold()
        held = lambda: [(hold["what"], hold["why"]) for hold in self.ask(op="status")["holds"]]
        self.go_on(lambda: held() == [("collector:c1", "cut_off")], "t1 waits for what only c1 reads")
        self.go_on_for(began + 2 * self.grace + 2 * self.ttl - time.monotonic())
        self.assertEqual(held(), [("collector:c1", "cut_off")])
        self.assertEqual(self.ask(1, op="status")["freshness"], "live")
        self.assertFalse(any("event=input_closed" in line for line in self.programs["c1"].err))
        self.link.heal()
        # A visit of which all but the bye came through c1 is over when it is known.
        self.load.cuts.append((began - 0.3, time.monotonic() + 0.3))
        self.fault(began, RECOVERY)
        self.go_on(lambda: self.ask(op="status")["freshness"] == "live", "evidence is back")
        self.assertEqual(self.ask(op="status")["numbers"]["lifts"], 0)
        self.judge()


class Stranger:
    """Another program at an address: its answer to whatever comes is a breach of ZeroMQ's protocol."""

    ANSWER = b"\xff" * 200

    def __init__(self, endpoint):
        host, port = endpoint.removeprefix("tcp://").split(":")
        self.met = 0
        self._stopped = False
        self._listener = socket.create_server((host, int(port)))
        self._listener.settimeout(0.05)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while not self._stopped:
            try:
                peer, _ = self._listener.accept()
            except TimeoutError:
                continue
            with peer:
                peer.settimeout(1)
                try:
                    if peer.recv(100):
                        peer.sendall(self.ANSWER)
                        self.met += 1
                except OSError:
                    pass
        self._listener.close()

    def close(self):
        self._stopped = True
        self._thread.join()


class OtherProgram(Chaos):
    """libzmq never connects again, without a word, where something else than a ZeroMQ socket has answered."""

    def test_another_program_at_a_tracker_s_address_for_a_moment(self):
        self.start()
        began = time.monotonic()
        self.kill("t1")
        addresses = (self.files.ingest[0], self.files.events[0], self.files.queries[0])
        with contextlib.ExitStack() as stack:
            strangers = [stack.enter_context(contextlib.closing(Stranger(at))) for at in addresses]
            self.go_on(lambda: all(stranger.met for stranger in strangers), "each met somebody")
        self.restart("t1")
        self.go_on(lambda: self.ask(op="status")["numbers"]["frames"] > 0, "the collector is back")
        # The notifier too, and its questions for what it missed: or guests are not told.
        self.fault(began, RECOVERY + self.ttl + 5)
        self.judge()


if __name__ == "__main__":
    unittest.main()
