#!/usr/bin/python3
"""Inputs to begin from, out of the golden vectors: seeds.py DIRECTORY makes DIRECTORY/<target>/."""
import hashlib
import json
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parents[2]


def vectors(name):
    return json.loads((root / f"tests/vectors/{name}.json").read_text())


def bodies(name):
    """Every message of a file of vectors, good and bad."""
    for entries in vectors(name).values():
        if isinstance(entries, list):
            for entry in entries:
                if isinstance(entry, dict) and "hex" in entry:
                    yield bytes.fromhex(entry["hex"]) * int(entry.get("times", 1))


def parts(*messages):
    """As tests/fuzz/parts.hpp reads them: kind, length, bytes."""
    return b"".join(bytes([kind]) + len(m).to_bytes(2, "little") + m for kind, m in messages)


def row(user, flags=0, options=b""):
    return bytes([flags, len(user)]) + (0).to_bytes(8, "little") + user + options


def group(rows):
    return (3_600_000_000).to_bytes(8, "little") + len(rows).to_bytes(4, "little") + rows


def seeds():
    for name in ("heartbeats", "frames", "batches", "queries"):
        for body in bodies(name):
            yield name, body
    for file in sorted((root / "tests").rglob("*.toml")) + sorted((root / "docs").glob("*.md")):
        text = file.read_text()
        blocks = text.split("```toml\n")[1:] if file.suffix == ".md" else [text]
        for block in blocks:
            yield "config", block.split("```")[0].encode()
    batches = [b for b in bodies("batches") if len(b) < 65536]
    answers = [b for b in bodies("queries") if len(b) < 65536]
    for body in batches:
        yield "journal", parts((1, body))
    for body in answers:
        yield "journal", parts((0, body), (1, batches[0]))
    rows = group(row(b"alice") + row(b"bob", 2, b"\x02s1") + row(b"carol", 36, b"\x00"))
    yield "tracker", parts((0, rows), (4, b""), (2, answers[0]))
    for body in answers:
        yield "tracker", parts((0, rows), (3, b"user/"), (2, body))
    for body in bodies("frames"):
        if len(body) < 65536:
            yield "tracker", parts((1, body), (4, b""))


for target, seed in seeds():
    folder = pathlib.Path(sys.argv[1]) / target
    folder.mkdir(parents=True, exist_ok=True)
    if len(seed) <= 65536:
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
