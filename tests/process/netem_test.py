"""A pipeline whose packets are delayed, lost, doubled and reordered by the kernel (tc netem), in a network of
its own. Skipped where the machine does not permit one."""

import subprocess
import time
import unittest

import own_network
from chaos import RECOVERY, Chaos

BROKEN = ("delay", "60ms", "40ms", "loss", "3%", "duplicate", "1%", "reorder", "20%")


def tc(*arguments):
    return ("tc", "qdisc", *arguments, "dev", "lo", "root")


class Outside(unittest.TestCase):
    def test_packets_delayed_lost_doubled_and_reordered(self):
        reason = own_network.why_not(f"{' '.join(tc('add'))} netem {' '.join(BROKEN)}")
        if reason:
            self.skipTest(f"no netem here: {reason}")
        own_network.run_inside(__file__)


class Inside(Chaos):
    def test_packets_delayed_lost_doubled_and_reordered(self):
        self.start(2, 2)
        began = time.monotonic()
        subprocess.run([*tc("add"), "netem", *BROKEN], check=True)
        self.go_on_for(3 * self.ttl)
        subprocess.run(tc("del"), check=True)
        self.load.losses.append((began - 0.5, time.monotonic() + 0.5))
        self.fault(began, RECOVERY + self.ttl)
        self.judge()


if __name__ == "__main__":
    # Never both.
    unittest.main(defaultTest="Inside" if own_network.is_inside() else "Outside")
