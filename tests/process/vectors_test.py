"""The golden vectors of tests/vectors, read as docs/protocol.md tells, with nothing of ours but the
page: what this file cannot read, no other language can."""

import ctypes
import ctypes.util
import json
import pathlib
import struct
import unittest

import msgpack

VECTORS = pathlib.Path(__file__).parent.parent / "vectors"
SLOTS = 1024

xxhash = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
xxhash.XXH3_64bits.restype = ctypes.c_uint64


def hash_of(data):
    return xxhash.XXH3_64bits(data, len(data))


def vectors(file, section):
    found = json.loads((VECTORS / f"{file}.json").read_text())[section]
    assert found, f"{file}: {section} is empty"
    return found


def bytes_of(vector):
    return bytes.fromhex(vector["hex"]) * vector.get("times", 1)


def unpack(data):
    return msgpack.unpackb(data, strict_map_key=False)


class Refused(Exception):
    pass


def text_in(value, bytes_max):
    """The text of a str or bin, or why not."""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise Refused("not_utf8")
    if not isinstance(value, str):
        raise Refused("wrong_type")
    if not value:
        raise Refused("empty")
    if len(value.encode()) > bytes_max:
        raise Refused("too_long")
    if any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F for c in value):
        raise Refused("control")
    return value


def user_in(value):
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    try:
        return text_in(value, 128)
    except Refused as e:
        raise Refused(e.args[0] if e.args[0] == "wrong_type" else f"user_{e.args[0]}")


def typed(value, kind, low=0):
    if type(value) is not kind or (kind is int and value < low):
        raise Refused("wrong_type")
    return value


def is_number(value):
    return type(value) is int and value >= 0


def session_in(value):
    """The name, whether it is right, and whether it tells one session from all others."""
    if type(value) is int:
        value = str(value)
    try:
        return text_in(value, 64), True, True
    except Refused as e:
        if e.args[0] in ("wrong_type", "empty"):
            return "", False, False
    data = value if isinstance(value, bytes) else value.encode()
    return f"?{hash_of(data)}", False, True


def item_in(item, count):
    """The item as it counts; nothing if it does not. What is wrong is counted."""
    if not isinstance(item, dict):
        return {"user": user_in(item)}
    user = user_in(item["user"]) if "user" in item else None
    beat, certain = {"user": user}, True
    for key, value in item.items():
        if key == "session":
            name, right, known = session_in(value)
            certain = certain and known
            if name:
                beat["session"] = name
            if not right:
                count("bad_session")
        elif key == "status":
            try:
                beat["status"] = "" if value in ("", b"") else text_in(value, 64)
            except Refused:
                count("bad_status")
        elif key == "ttl_ms":
            if not is_number(value) or not 1000 <= value <= 86_400_000:
                count("bad_ttl")
            if is_number(value) and value >= 1000:
                beat["ttl_ms"] = min(value, 86_400_000)
        elif key == "age_ms":
            if is_number(value):
                beat["age_ms"] = value
            else:
                count("bad_age")
                certain = False
        elif key == "bye":
            if type(value) is not bool:
                count("bad_bye")
            elif value:
                beat["bye"] = True
        elif key == "linger_ms":
            if is_number(value) and value <= 3_600_000:
                beat["linger_ms"] = value
            else:
                count("bad_linger")
    if user is None:
        raise Refused("user_missing")
    return beat if certain or "bye" not in beat else None


def envelope_in(message, count):
    try:
        envelope = {"edge": text_in(message.get("edge", ""), 64)}
    except Refused:
        raise Refused("bad_edge")
    numbers = {k: message[k] for k in ("boot", "seq", "sent_ms") if k in message}
    if not all(map(is_number, numbers.values())):
        count("bad_envelope")
        numbers.pop("sent_ms", None)
    return envelope | {k: v if is_number(v) else 0 for k, v in numbers.items()}


def heartbeats_in(data):
    """Envelope, beats and counted reasons of one message."""
    rejects = {}

    def count(reason):
        rejects[reason] = rejects.get(reason, 0) + 1

    envelope, beats = None, []
    try:
        if len(data) > 65_536:
            raise Refused("too_large")
        try:
            message = msgpack.unpackb(data, raw=True, strict_map_key=False)
        except msgpack.StackError:
            raise Refused("too_deep")
        except Exception:
            raise Refused("not_msgpack")
        message = keys_as_text(message)
        items = message if isinstance(message, list) else [message]
        if isinstance(message, dict) and "beats" in message:
            envelope = envelope_in(message, count)
            items = typed(message["beats"], list)
        for item in items:
            try:
                beat = item_in(item, count)
                beats += [beat] if beat else []
            except Refused as e:
                count(e.args[0])
    except Refused as e:
        count(e.args[0])
    return envelope, beats, rejects


def keys_as_text(value):
    if isinstance(value, list):
        return [keys_as_text(v) for v in value]
    if isinstance(value, dict):
        return {
            (k.decode() if isinstance(k, bytes) else k): keys_as_text(v) for k, v in value.items()
        }
    return value


def rows_in(data):
    """Row groups of a frame: [{read_us, rows}], absent fields left out."""
    groups, at, edge = [], 0, ""
    while at < len(data):
        read_us, size = struct.unpack_from("<qI", data, at)
        at += 12
        end, rows = at + size, []
        while at < end:
            flags, length, hash_ = struct.unpack_from("<BBQ", data, at)
            at += 10
            row = {"hash": f"{hash_:016x}", "user": data[at : at + length].decode()}
            at += length
            for bit, key in ((1, "edge"), (2, "session"), (4, "status")):
                if flags & bit:
                    name = data[at + 1 : at + 1 + data[at]].decode()
                    at += 1 + data[at]
                    if key == "edge":
                        edge = name
                    else:
                        row[key] = name
            for bit, key in ((8, "ttl_ms"), (16, "age_ms")):
                if flags & bit:
                    (row[key],) = struct.unpack_from("<I", data, at)
                    at += 4
            if edge:
                row["edge"] = edge
            if flags & 32:
                row["bye"] = True
                if "ttl_ms" in row:
                    row["linger_ms"] = row.pop("ttl_ms") - 1000
            rows.append(row)
        groups.append({"read_us": read_us, "rows": rows})
    return groups


def stamped_in(data):
    leases, at = [], 0
    while at < len(data):
        end = at + 1 + data[at]
        leases.append([data[at + 1 : end].decode(), *struct.unpack_from("<q", data, end)])
        at = end + 8
    return leases


class Vectors(unittest.TestCase):
    def test_slots(self):
        def owner(slot, trackers):
            return max(
                sorted(trackers),
                key=lambda t: hash_of(t.encode() + b"\0" + struct.pack("<H", slot)),
            )

        for v in vectors("slots", "users"):
            found = hash_of(v["user"].encode())
            self.assertEqual(f"{found:016x}", v["hash"])
            self.assertEqual(found % SLOTS, v["slot"])
            self.assertEqual(owner(v["slot"], ["t1", "t2", "t3"]), v["owner"])
        for v in vectors("slots", "owners"):
            self.assertEqual(owner(v["slot"], v["trackers"]), v["owner"])
        for v in vectors("slots", "epochs"):
            ms = max(v["unix_ms"], 0, (v["highest_known"] >> 10) + 1)
            self.assertEqual(ms << 10 | hash_of(v["tracker"].encode()) % 1024, v["epoch"])

    def test_heartbeats(self):
        for v in vectors("heartbeats", "good"):
            envelope, beats, rejects = heartbeats_in(bytes_of(v))
            self.assertEqual(envelope, v.get("envelope"))
            self.assertEqual(beats, v["beats"])
            self.assertEqual(rejects, v["rejects"])
        for v in vectors("heartbeats", "bad"):
            envelope, beats, rejects = heartbeats_in(bytes_of(v))
            self.assertEqual(beats, [])
            self.assertEqual(rejects, {v["reject"]: 1})

    def test_heartbeats_are_written_with_an_ordinary_msgpack(self):
        for v in vectors("heartbeats", "good"):
            if not v["encodes"]:
                continue
            items = [b["user"] if len(b) == 1 else b for b in v["beats"]]
            message = items[0] if len(items) == 1 else items
            if "envelope" in v:
                message = {**v["envelope"], "beats": items}
            self.assertEqual(msgpack.packb(message).hex(), v["hex"])

    def test_events(self):
        for v in vectors("events", "events"):
            event = unpack(bytes_of(v))
            self.assertEqual(event, json.loads(v["json"]))
            self.assertEqual(event["id"], v["id"])
            topic = b"user/" + event["user"].encode() + b"\0"
            self.assertEqual(topic.hex(), v["topic"])
            place = f"{event['slot']}.{event['epoch']}.{event['seq']}"
            if v["event"]["reconciled"]:
                place += f".r{hash_of(event['user'].encode()):016x}"
            self.assertEqual(place, v["id"])

    def test_batches_and_ticks(self):
        keys = "user state reason at_ms since_ms last_seen_ms status ttl_ms freshness".split()
        for v in vectors("batches", "batches"):
            version, tracker, boot, number, prev_boot, slots = unpack(bytes_of(v))[:6]
            self.assertEqual(version, 1)
            head = [v[k] for k in ("tracker", "boot", "number", "prev_boot")]
            self.assertEqual([tracker, boot, number, prev_boot], head)
            events = []
            for slot, epoch, first_seq, rows in (s[:4] for s in slots):
                for seq, row in enumerate(rows, first_seq):
                    event = {k: x for k, x in zip(keys, row) if x is not None}
                    place = {"slot": slot, "epoch": epoch, "seq": seq, "reconciled": False}
                    events.append({**event, **place})
            self.assertEqual(events, v["events"])
        for v in vectors("batches", "ticks"):
            version, tracker, boot, last_batch = unpack(bytes_of(v))[:4]
            self.assertEqual(version, 1)
            self.assertEqual([tracker, boot, last_batch], [v["tracker"], v["boot"], v["last_batch"]])

    def test_frames_and_acknowledgements(self):
        keys = "cluster collector boot number base map_version sent_us watermark_us echo dropped"
        for v in vectors("frames", "frames"):
            version, *header, goodbye, rows, leases, sightings = (unpack(bytes_of(v)) + [b"", b""])[:15]
            self.assertEqual(version, 1)
            header = {**dict(zip(keys.split(), header)), "goodbye": goodbye}
            echo = header.pop("echo")
            if echo:
                header["echo"] = dict(zip(("tracker_boot", "acked_us", "received_us"), echo))
            self.assertEqual(header, v["header"])
            self.assertEqual(rows_in(rows), v["groups"])
            self.assertEqual(stamped_in(leases), v.get("leases", []))
            self.assertEqual(stamped_in(sightings), v.get("sightings", []))
        for v in vectors("frames", "acks"):
            ack = unpack(bytes_of(v))
            self.assertEqual(ack[:10] + [stamped_in(some) for some in ack[10:]], [1, *v["ack"].values()])

    def test_questions_and_answers(self):
        for v in vectors("queries", "queries"):
            if v["encodes"]:
                self.assertEqual(unpack(bytes_of(v)), v["query"])
        for v in vectors("queries", "answers"):
            answer = unpack(bytes_of(v))
            if "rows" in answer:  # bytes, which JSON has not
                answer["rows"] = [row.hex() for row in answer["rows"]]
            self.assertEqual(answer, v["answer"])


if __name__ == "__main__":
    unittest.main()
