"""What a jsonl sink was told, read while its file grows."""

import collections
import json
import time


class Tail:
    """The first line of each id, in the order of the file. Each line is decoded once."""

    def __init__(self, path):
        self._path = path
        self._at = 0
        self.lines = 0
        self.stories = collections.defaultdict(list)  # by user: (id, state, at_ms)
        self.seen = {}  # by id: when its line was read here, on the monotonic clock
        self.odd = []  # notices and differences: what happens only when something was missing

    def read(self):
        """Whole lines that came since the last call."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._at)
                text = file.read()
        except FileNotFoundError:
            return self
        whole = text[: text.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines():
            self._take(json.loads(line))
        return self

    def _take(self, event):
        self.lines += 1
        if "notice" in event or event["reason"] == "reconcile":
            self.odd.append(event)
        if "notice" not in event and event["id"] not in self.seen:
            self.seen[event["id"]] = time.monotonic()
            self.stories[event["user"]].append((event["id"], event["state"], event["at_ms"]))

    @property
    def ids(self):
        return self.seen.keys()

    def states(self):
        """By user."""
        return {user: [state for _, state, _ in story] for user, story in self.stories.items()}
