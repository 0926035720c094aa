"""What trackers wrote into their journals, read from the files once they have ended."""

import contextlib
import sqlite3

import msgpack


def batches(directory):
    """(unix ms of the write, decoded batch) of each row, in order."""
    with contextlib.closing(sqlite3.connect(directory / "journal.sqlite")) as database:
        for written_ms, body in database.execute(
            "SELECT written_ms, body FROM journal ORDER BY number"
        ):
            yield written_ms, msgpack.unpackb(body)


def events(directory):
    """(id, user, state, at_ms) of each event that sinks are told, in order."""
    for _, batch in batches(directory):
        for slot, epoch, first_seq, told in batch[5]:
            for seq, (user, state, reason, at_ms, *_) in enumerate(told, first_seq):
                if reason != "ttl":
                    yield f"{slot}.{epoch}.{seq}", user, state, at_ms
