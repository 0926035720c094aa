"""What trackers wrote into their journals, read from the files once they have ended."""

import contextlib
import ctypes
import sqlite3
import struct

import msgpack

_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
_xxhash.XXH3_64bits_withSeed.restype = ctypes.c_uint64
_xxhash.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]


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


def rewrite_last(directory, change):
    """Puts `change(batch)` in the place of the last batch, with the sum that makes it sound."""
    with contextlib.closing(sqlite3.connect(directory / "journal.sqlite")) as database:
        number, boot, written_ms, total, body = database.execute(
            "SELECT number, boot, written_ms, total, body FROM journal ORDER BY number DESC LIMIT 1"
        ).fetchone()
        body = msgpack.packb(change(msgpack.unpackb(body)))
        beside = struct.pack("<4Q", number ^ 1 << 56, boot, written_ms, total)
        seed = _xxhash.XXH3_64bits(beside, len(beside))
        sum_ = ctypes.c_int64(_xxhash.XXH3_64bits_withSeed(body, len(body), seed)).value
        database.execute("UPDATE journal SET body=?, sum=? WHERE number=?", (body, sum_, number))
        database.commit()
