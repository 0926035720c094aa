"""Processes that are stopped for a while and go on (SIGSTOP, SIGCONT), as on a machine that hangs or is
moved: nobody who beats on is told offline, and who left is, as soon as it can be known."""

import time
import unittest

import zmq
from zmq.utils.monitor import recv_monitor_message

import one_thread
from chaos import RECOVERY, Chaos


class Stalls(Chaos):
    def test_sigstop_one_of_two_collectors_back_within_collector_grace(self):
        self.start(2, settings='collector_grace = "10s"', sticky=True)
        # Some are heard by it alone. It stalls for more than 2 s, when edges leave and may give up
        # heartbeats: every deadline is lifted.
        with self.stopped("c1", RECOVERY + self.ttl):
            self.go_on_for(2 * self.ttl)
            self.assertEqual(self.ask(op="status")["freshness"], "frozen")
        self.judge()
        self.assertFalse([line for line in self.programs["t1"].err if "event=collector_silent" in line])

    def test_sigstop_one_of_two_collectors_for_three_timeouts(self):
        self.start(2, settings=f'collector_grace = "{self.ttl:g}s"')
        monitors = [one.push.get_monitor_socket(zmq.EVENT_DISCONNECTED) for one in self.load.gateways]
        left = set()

        def all_left():
            for monitor in monitors:
                while monitor.poll(0):
                    if recv_monitor_message(monitor)["endpoint"].decode() == self.files.heartbeats[0]:
                        left.add(monitor)
            return len(left) == len(monitors)

        before = [gateway.dropped for gateway in self.load.gateways]
        with self.stopped("c1", RECOVERY + 2 * self.ttl) as began:
            self.go_on(all_left, "the edges leave it by their own heartbeats")
            self.go_on(lambda: self.told_who_came_after(began), "who comes and leaves meanwhile is told")
            self.go_on_for(began + 3 * self.ttl - time.monotonic())
        self.programs["t1"].wait_for("event=collector_silent collector=c1", "err")
        self.judge()
        self.assertEqual([gateway.dropped for gateway in self.load.gateways], before)

    def test_what_feeds_a_collector_s_input_stands_still_and_its_loop_does_not(self):
        """Its frames go on, and say nothing of what waits in the kernel."""
        self.start(2, settings='collector_grace = "10s"', sticky=True)
        c1 = self.programs["c1"]
        (thread,) = one_thread.threads_named(c1.pid, "ZMQbg/IO/1")
        began = time.monotonic()
        try:
            with one_thread.stopped(thread):
                self.go_on_for(2 * self.ttl)
                status = self.ask(op="status")
                held = [(hold["what"], hold["why"]) for hold in status["holds"]]
                self.assertEqual((status["freshness"], held), ("frozen", [("collector:c1", "behind")]))
                self.assertTrue([line for line in c1.err if "event=input_stalled" in line])
        except PermissionError as error:
            self.skipTest(f"no thread can be stopped here: {error}")
        self.go_on(lambda: [line for line in c1.err if "event=input_goes_on" in line], "it goes on")
        # Edges may have given up heartbeats: every deadline is lifted.
        self.fault(began, RECOVERY + self.ttl)
        self.judge()

    def told_who_came_after(self, began):
        """Somebody, online and then offline."""
        stories = self.stories()
        return any(
            guest.comes > began and len(stories.get(user, ())) == 2
            for user, guest in self.load.guests.items()
        )

    def test_sigstop_tracker_for_three_timeouts(self):
        self.start(2)
        with self.stopped("t1", RECOVERY + self.ttl):
            self.go_on_for(3 * self.ttl)
        self.judge()
        self.programs["t1"].wait_for("event=stood_still for_ms=", "err")


if __name__ == "__main__":
    unittest.main()
