"""The memory of processes while they are tried: what they take at most, against what they took before."""

import os
import pathlib
import re

# A sanitizer's allocator keeps what was freed, and shadows all of it.
UNBOUNDED = bool(os.environ.get("SANITIZE"))
MIB = 1 << 20


def status(pid, key):
    """Bytes, or None if the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = re.search(rf"{key}:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else None


class Memory:
    """By name: the peak (VmHWM) of a process since it was watched, less what it had (VmRSS) then. Of a
    name that is watched again, as a process was started anew, the larger one counts."""

    def __init__(self):
        self._watched = {}  # name: (pid, bytes at the start)
        self._grown = {}

    def watch(self, name, pid):
        self.sample()
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
        self._watched[name] = (pid, status(pid, "VmRSS"))

    def sample(self):
        """As often as something may have ended: the peak of a process that is gone cannot be read."""
        for name, (pid, start) in self._watched.items():
            peak = status(pid, "VmHWM")
            if peak is not None:
                self._grown[name] = max(self._grown.get(name, 0), peak - start)

    def grown(self):
        self.sample()
        return dict(self._grown)

    def beyond(self, bound, **bounds):
        """What grew by more than the bound in bytes, or than the one of its own."""
        if UNBOUNDED:
            return {}
        return {
            name: grown for name, grown in self.grown().items() if grown > bounds.get(name, bound)
        }
