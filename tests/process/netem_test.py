"""A pipeline whose packets are delayed, lost, doubled and reordered by the kernel (tc netem), in a network of
its own. Skipped where the machine does not permit one."""

import os
import subprocess
import sys
import time
import unittest

from chaos import RECOVERY, Chaos

INSIDE = "NETEM_INSIDE"  # a run of this file within that network
ENTER = ("unshare", "--net", "--map-root-user")
BROKEN = ("delay", "60ms", "40ms", "loss", "3%", "duplicate", "1%", "reorder", "20%")


def tc(*arguments):
    return ("tc", "qdisc", *arguments, "dev", "lo", "root")


def why_not():
    """Why there can be no such network here, or None."""
    script = f"ip link set lo up && {' '.join(tc('add'))} netem {' '.join(BROKEN)}"
    try:
        tried = subprocess.run([*ENTER, "sh", "-c", script], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    return tried.stderr.strip().replace("\n", "; ") if tried.returncode else None


class Outside(unittest.TestCase):
    def test_packets_delayed_lost_doubled_and_reordered(self):
        reason = why_not()
        if reason:
            self.skipTest(f"no netem here: {reason}")
        script = f'ip link set lo up && exec "$0" "$@"'
        inside = [*ENTER, "sh", "-c", script, sys.executable, __file__, "-v", "Inside"]
        subprocess.run(inside, env={**os.environ, INSIDE: "1"}, check=True)


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
    unittest.main(defaultTest="Inside" if INSIDE in os.environ else "Outside")
