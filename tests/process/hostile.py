"""What the network may send and should not: by what becomes of it."""

import msgpack

BOMB = b"\xdd\x0f\xff\xff\xff"  # the head of an array of 268 million elements
DEEP = b"\x91" * 10_000 + b"\xc0"

# Reason: messages that are dropped for it, or a field of theirs.
HEARTBEATS = {
    "not_msgpack": [b"", b"\xc1", b"\xa5ab", BOMB, msgpack.packb("x") + b"\0", b"\xff" * 3 + b"\xc1"],
    "too_deep": [DEEP],
    "too_large": [b"\xa1" * 65_537],
    "wrong_type": [msgpack.packb(v) for v in (1.5, None, [[1]], {"user": 2.5})],
    "user_missing": [msgpack.packb({"session": "s"})],
    "user_empty": [msgpack.packb(""), msgpack.packb({"user": b""})],
    "user_too_long": [msgpack.packb("x" * 129), msgpack.packb("x" * 60_000)],
    "user_control": [msgpack.packb("a\nb"), msgpack.packb("a\0")],
    "user_not_utf8": [msgpack.packb(b"\xff\xfe"), msgpack.packb(b"\xc0\xaf")],
    "bad_age": [msgpack.packb({"user": "x", "age_ms": -1})],
    "bad_bye": [msgpack.packb({"user": "x", "bye": 1})],
    "bad_linger": [msgpack.packb({"user": "x", "bye": True, "linger_ms": -1})],
    "bad_envelope": [msgpack.packb({"edge": "e", "boot": "1", "seq": 1, "beats": []})],
    "bad_session": [msgpack.packb({"user": "x", "session": "s" * 65})],
    "bad_status": [msgpack.packb({"user": "x", "status": s}) for s in ("s" * 65, "a\nb")],
    "stale": [msgpack.packb({"user": "x", "age_ms": a}) for a in (120_000, (1 << 64) - 1)],
    "bad_ttl": [msgpack.packb({"user": "x", "ttl_ms": 1})],
    "bad_edge": [msgpack.packb({"edge": "", "boot": 1, "seq": 1, "beats": []})],
}
# Error: questions that are answered with it.
QUERIES = {
    "unknown_op": [msgpack.packb({"op": "dance"})],
    "bad_slot": [msgpack.packb({"op": "snapshot", "slot": s}) for s in (1024, 1 << 40)]
    + [msgpack.packb({"op": "snapshot"})],
    "bad_cursor": [msgpack.packb({"op": op, "slot": 1, "cursor": c}) for op in ("list", "snapshot")
                   for c in ("x", "1024.0", "1.", "9" * 60_000, "18446744073709551615.1")],
    "bad_user": [msgpack.packb({"op": "get", "users": ["x" * 129]})],
    "too_many": [msgpack.packb({"op": "get", "users": ["x"] * 1001})],
    "bad_query": [b"", b"\xc1", BOMB, DEEP, msgpack.packb(7), msgpack.packb({}), b"\xa1" * 65_537],
}
# Frames of collectors, refused.
FRAMES = [b"", b"\xc1", BOMB, DEEP, msgpack.packb([1]), msgpack.packb([1, "other"] + [0] * 11)]
# What is no ZMTP at all, or breaks off: sent to any port.
RAW = [b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70_000, b"\xff\0\0\0\0\0\0\0\x01\x7f\x03"]
