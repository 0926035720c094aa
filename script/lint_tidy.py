"""clang-tidy over the product's sources, in parallel: lint_tidy.py BUILD_DIR.

A source is skipped when it, every header of ours, the rules and its command are as they were when
it passed last.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

FOLDERS = ("common", "collector", "tracker", "notifier", "cli", "embed")


def digest(*parts):
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def main():
    root = pathlib.Path.cwd()
    build = pathlib.Path(sys.argv[1])
    passed = build / "tidy-passed"
    passed.mkdir(exist_ok=True)
    headers = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.hpp"))]
    shared = digest((root / ".clang-tidy").read_bytes(), *(path.read_bytes() for path in headers))
    todo = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if source.is_relative_to(root) and source.relative_to(root).parts[0] in FOLDERS:
            command = entry.get("command") or " ".join(entry["arguments"])
            mark = passed / digest(shared.encode(), command.encode(), source.read_bytes())
            if not mark.exists():
                todo[source] = mark

    def check(source):
        done = subprocess.run(
            ["clang-tidy", "-quiet", "-p", build, source], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode == 0:
            todo[source].touch()
            return ""
        return done.stdout + done.stderr

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        wrong = [text for text in workers.map(check, todo) if text]
    print(f"clang-tidy: {len(todo)} sources checked, {len(wrong)} with findings")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


sys.exit(main())
