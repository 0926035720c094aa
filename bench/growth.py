#!/usr/bin/python3
"""How cost grows with users, timeout, churn and trackers: a table for each, one run for each point.

Every point takes the same heartbeats a second, so that what differs is the axis alone. CPU is that
of the collector and of all trackers in the load; bytes are those of all trackers above empty ones.
An offline's lateness counts from the load's last send + ttl to a subscriber: of those who churn,
or of a tenth of the users who fall silent at once after the load. Rounds are interleaved.
script/bench --growth runs it; bench/plot.py draws its --json.
"""
import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PRESENCE = ROOT / "build/release/bin/presence"

# ttl in seconds; churn in percent of the users a second. A silence as long as the ttl is waited for
# up to MASS_TTL_MAX.
Case = collections.namedtuple("Case", "users ttl churn trackers", defaults=(1_000_000, 5, 0, 1))
MASS_TTL_MAX = 15
AXES = {
    # Ten million take longer to come than 15 s.
    "users": [Case(users=n, ttl=15) for n in (10_000, 100_000, 1_000_000)] + [Case(users=10_000_000, ttl=60)],
    "ttl": [Case(ttl=n) for n in (5, 15, 60, 300)],
    "churn": [Case(churn=n) for n in (0, 1, 3, 10)],
    "trackers": [Case(trackers=n) for n in (1, 2, 4, 8)],
}
TITLES = {"users": "users", "ttl": "timeout, s", "churn": "churn, % of the users a second", "trackers": "trackers"}
MEASURES = {  # in the JSON, in the head of a table, and how it is printed
    "collector": ("collector: CPU s per 1M heartbeats", "%.3f"),
    "tracker": ("trackers: CPU s per 1M heartbeats", "%.3f"),
    "bytes": ("bytes a user", "%.0f"),
    "p50": ("offline late, p50 ms", "%.0f"),
    "p99": ("p99 ms", "%.0f"),
    "transitions": ("transitions/s", "%.0f"),
}


def command_of(case, options):
    seconds = options.seconds + (case.ttl if case.churn else 0)  # the first are told after a ttl
    words = [options.presence, "bench", "--json", "--users", case.users, "--rate", options.rate, "--ttl",
             f"{case.ttl}s", "--duration", f"{seconds}s", "--trackers", case.trackers]
    if case.churn:
        words += ["--churn", case.users * case.churn // 100]
    elif case.ttl <= MASS_TTL_MAX:
        words += ["--mass-silence", case.users // 10]
    return [str(word) for word in words]


def run(case, options):
    """The measures of one run, without what it does not show; and whether every transition was right."""
    done = subprocess.run(command_of(case, options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"growth: {' '.join(done.args)}: exit code {done.returncode}")
    result = json.loads(done.stdout)
    trackers = [p for p in result["processes"] if p["name"].startswith("tracker")]
    late = result["lateness_ms"] or {}
    measures = {
        "collector": sum(p["cpu_seconds_per_million"] for p in result["processes"]
                         if p["name"].startswith("collector")),
        "tracker": sum(p["cpu_seconds_per_million"] for p in trackers),
        "bytes": sum(p["bytes_per_user"] for p in trackers),
        "p50": late.get("p50"),
        "p99": late.get("p99"),
        "transitions": result["transitions_in_load"] / result["seconds"],
    }
    if not result["good"]:
        print(f"growth: WRONG: {' '.join(done.args)}: {done.stdout}", file=sys.stderr, flush=True)
    return {name: value for name, value in measures.items() if value is not None}, result["good"]


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def table(axis, points):
    shown = [m for m in MEASURES if any(m in p for p in points) and (m != "transitions" or axis == "churn")]
    print(f"\n| {TITLES[axis]} | " + " | ".join(MEASURES[m][0] for m in shown) + " |")
    print("|---" * (len(shown) + 1) + "|")
    for point in points:
        cells = [f"{point['x']:,}"]
        for measure in shown:
            form = MEASURES[measure][1]
            cells.append("{} ({} to {})".format(*(form % point[measure][part] for part in ("median", "min", "max")))
                         if measure in point else "")
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(prog="script/bench --growth", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of load, each")
    parser.add_argument("--rate", type=int, default=1_000_000, help="heartbeats a second")
    parser.add_argument("--only", choices=AXES, action="append", help="this axis; may be given again")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="the figures, for bench/plot.py")
    parser.add_argument("--presence", default=PRESENCE, metavar="PROGRAM", help="instead of build/release/bin/presence")
    options = parser.parse_args()
    axes = {name: AXES[name] for name in options.only or AXES}
    cases = list(dict.fromkeys(case for points in axes.values() for case in points))  # some are on several axes
    runs, wrong = {case: [] for case in cases}, 0
    for turn in range(options.rounds):
        for case in cases:
            print(f"round {turn + 1}: {case}", file=sys.stderr, flush=True)
            measures, good = run(case, options)
            runs[case].append(measures)
            wrong += not good
    figures = {}
    for axis, points in axes.items():
        figures[axis] = [{"x": getattr(case, axis)} | {
            m: summary([r[m] for r in runs[case] if m in r]) for m in MEASURES if any(m in r for r in runs[case])}
            for case in points]
        table(axis, figures[axis])
    if options.json:
        options.json.write_text(json.dumps(
            {"rounds": options.rounds, "seconds": options.seconds, "rate": options.rate, "axes": figures}, indent=1))
    if wrong:
        sys.exit(f"growth: {wrong} runs had a transition wrong or missing")


if __name__ == "__main__":
    main()
