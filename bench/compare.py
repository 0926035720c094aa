#!/usr/bin/python3
"""This pipeline beside what people use today: one table of CPU per heartbeat and of how late an
offline is told. script/bench runs it; see docs/performance.md.

CPU is that of the service's processes alone, from empty to the last heartbeat worked off; the
load's own is left out. Same ids, 16 bytes; all users in turn, in the order in which they came, or in one
that is random and the same for all: then users come before the load and their CPU is left out. Rounds are interleaved, so that a
ratio compares what ran at the same time. An offline counts when a subscriber has it, against the
load's last write + ttl.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench/rivals"))
from measure import percentile, settled_cpu  # noqa: E402
from redis import RedisExpire, RedisSweep  # noqa: E402
from services import PythonDict, RubyTimers  # noqa: E402

TTL = 5
RANDOM_TTL = 30  # everybody is still there when the load begins


def ours(users, per_write, rate, seconds, order):
    ttl = RANDOM_TTL if order == "random" else max(TTL, 3 * users // rate if rate else 20)
    command = [ROOT / "build/release/bin/presence", "bench", "--json", "--users", users, "--ttl", f"{ttl}s",
               "--ids-per-message", per_write, "--duration", f"{seconds}s", "--order", order]
    command += ["--flood"] if rate == FLOOD else ["--rate", rate] if rate else ["--saturate"]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL, check=True)
    result = json.loads(done.stdout)
    return sum(p["cpu_seconds_per_million"] for p in result["processes"]), result["per_second"], None


def ours_silence(users, seconds):
    done = subprocess.run(
        [str(w) for w in (ROOT / "build/release/bin/presence", "bench", "--json", "--users", users, "--rate",
                          max(500_000, users // 3), "--ttl", "10s", "--duration", f"{seconds}s",
                          "--mass-silence", users)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True)
    late = json.loads(done.stdout)["lateness_ms"]
    return late["p50"], late["p99"]


def rival(kind, users, per_write, rate, seconds, silence, order):
    service = kind(TTL if order == "created" else RANDOM_TTL)
    try:
        if order == "random":
            service.run(users, None, None, per_write)
            settled_cpu(service.cpu)
            service.order = order
        before = service.cpu()
        sent = service.run(users, seconds, rate, per_write)
        cpu = settled_cpu(service.cpu) - before
        late = service.lateness(TTL) if silence else None
        return cpu / sent * 1e6, sent / seconds, late and (percentile(late, 50), percentile(late, 99))
    finally:
        service.stop()


FLOOD = -1  # a sender that is faster than the tracker
RANDOM = "random order, "
# name, what, users, ids a message or write, rate, which of ours it is compared with
CASES = [
    ("ours, 256 ids a message", None, 1_000_000, 256, None, None),
    ("ours, 1000 ids a message", None, 1_000_000, 1000, None, None),
    ("ours, one id a message", None, 1_000_000, 1, None, None),
    ("ours, 256, 100k users", None, 100_000, 256, None, None),
    ("ours, 256, 10M users", None, 10_000_000, 256, None, None),
    ("ours, one id, 100,000/s", None, 1_000_000, 1, 100_000, None),
    ("Redis SET EX, pipelined 512", RedisExpire, 1_000_000, 512, None, 0),
    ("Redis SET EX, not pipelined, 100k users", RedisExpire, 100_000, 1, None, 0),
    ("Redis ZADD, swept, pipelined 512", RedisSweep, 1_000_000, 512, None, 0),
    ("Redis SET EX, 16 a write, 100,000/s", RedisExpire, 1_000_000, 16, 100_000, 5),
    ("Ruby, a timer a heartbeat", RubyTimers, 1_000_000, 256, None, 0),
    ("Python dict, 256 ids a message", PythonDict, 1_000_000, 256, None, 0),
    ("Python dict, one id a message", PythonDict, 1_000_000, 1, None, 2),
    (RANDOM + "ours, 256", None, 1_000_000, 256, None, None),
    (RANDOM + "ours, 256, 1,000,000/s", None, 1_000_000, 256, 1_000_000, None),
    (RANDOM + "ours, 256, faster than the tracker", None, 1_000_000, 256, FLOOD, None),
    (RANDOM + "ours, one id", None, 1_000_000, 1, None, None),
    (RANDOM + "Redis SET EX, pipelined 512", RedisExpire, 1_000_000, 512, None, 13),
    (RANDOM + "Redis ZADD, swept, pipelined 512", RedisSweep, 1_000_000, 512, None, 13),
    (RANDOM + "Ruby, a timer a heartbeat", RubyTimers, 1_000_000, 256, None, 13),
    (RANDOM + "Python dict, 256 ids a message", PythonDict, 1_000_000, 256, None, 13),
    (RANDOM + "Python dict, one id a message", PythonDict, 1_000_000, 1, None, 16),
]


def spread(values, form="%.3f"):
    return f"{form % statistics.median(values)} ({form % min(values)} to {form % max(values)})"


def main():
    parser = argparse.ArgumentParser(
        prog="script/bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter,
        epilog="Instead of all this, as the first argument: --growth, --idle or --fanout; each has a --help.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of load, each")
    parser.add_argument("--only", default="", help="cases whose name contains this, and what they are compared with")
    options = parser.parse_args()
    for program in ("redis-server", "ruby"):
        if shutil.which(program) is None:
            sys.exit(f"compare: no {program}; script/bootstrap bench installs it")
    chosen = [i for i, case in enumerate(CASES) if options.only in case[0]]
    chosen = sorted({*chosen, *(CASES[i][5] for i in chosen if CASES[i][5] is not None)})
    cpu, rates, late = ({i: [] for i in chosen} for _ in range(3))
    for turn in range(options.rounds):
        for i in chosen:
            name, kind, users, per_write, rate, _ = CASES[i]
            print(f"round {turn + 1}: {name}", file=sys.stderr, flush=True)
            order = "random" if name.startswith(RANDOM) else "created"
            cost, speed, lateness = (
                ours(users, per_write, rate, options.seconds, order) if kind is None else rival(
                    kind, users, per_write, rate, options.seconds, rate is None and order == "created", order))
            if kind is None and order == "created" and rate is None and per_write == 256 and users <= 1_000_000:
                lateness = ours_silence(users, options.seconds)
            cpu[i].append(cost)
            rates[i].append(speed)
            if lateness:
                late[i].append(lateness)
    print("| | CPU s per 1M heartbeats | times ours | heartbeats/s | offline late, p50 / p99 ms |")
    print("|---|---|---|---|---|")
    for i in chosen:
        other = CASES[i][5]
        ratio = "" if other is None else spread([a / b for a, b in zip(cpu[i], cpu[other])], "%.1f")
        lateness = "" if not late[i] else " / ".join(
            "%.0f" % statistics.median(each) for each in zip(*late[i]))
        print(f"| {CASES[i][0]} | {spread(cpu[i])} | {ratio} | {statistics.median(rates[i]):,.0f} | {lateness} |")


if __name__ == "__main__":
    main()
