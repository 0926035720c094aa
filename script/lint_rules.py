"""The rules of the tree that no compiler checks; --self-test shows that each bites.

Cores are the sources of the libraries presence_*_core and presence_common, with their headers.
"""

import pathlib
import re
import subprocess
import sys

LINES_MAX = 450
COLUMNS_MAX = 120  # of a page, but for tables
PROCESSES = ("collector", "tracker", "notifier")
SHELL = re.compile(
    r"#include\s*[<\"](zmq|spdlog/|chrono_io|thread>|mutex>|condition_variable>|atomic>|future>|filesystem>|"
    r"fstream>|iostream>|ctime>|time\.h>|sys/|unistd\.h>|common/io/)"
    r"|\b(steady|system|high_resolution)_clock\b|\bclock_gettime\b|\bstd::time\(|\bgettimeofday\b"
)
INCLUDE = re.compile(r"#include\s*\"([^\"]+)\"")
# The reader of the configuration file reads a file.
NOT_CORE = re.compile(r"^common/config/")
# The library form is the roster and what that needs, and one header for all who use it.
EMBED_PUBLIC = "embed/online_manager.hpp"
EMBED_MAY = (
    EMBED_PUBLIC, "embed/manager_core.hpp", "embed/transitions.hpp", "embed/wakeups.hpp", "tracker/roster/roster.hpp",
    "common/check.hpp", "common/limits.hpp", "common/secret_hash.hpp", "common/slots.hpp",
    "common/text.hpp", "common/time.hpp",
)
# What a room (a folder, with those inside it) may include beside itself: rooms, or single headers.
ROOMS = {
    "common/clocks": ("common",),
    "common/wire": ("common",),
    "common/config": ("common",),
    "common/follow": ("common", "common/wire"),
    "common/io": ("common", "common/wire", "common/config"),
    "common/store": ("common", "common/io"),
    "common": (),
    "tracker/evidence": ("common", "common/clocks", "common/wire"),
    "tracker/roster": ("common", "common/wire", "tracker/evidence", "tracker/counters.hpp"),
    "tracker/stream": ("common", "common/wire"),
    "tracker/disk": ("common", "common/io", "common/store"),
    "tracker/answers": (
        "common", "common/wire", "tracker/evidence", "tracker/roster", "tracker/stream", "tracker/counters.hpp",
        "tracker/options.hpp", "tracker/staleness.hpp",
    ),
    "notifier/sinks": ("common", "common/wire", "common/config", "common/io", "common/store"),
    "notifier/deliver": (
        "common", "common/wire", "common/config", "common/follow", "common/io", "common/store", "notifier/sinks",
        "notifier/counters.hpp",
    ),
}
# What a page of docs names, it has: files by their path, tests by their name.
NAMED_FILE = re.compile(r"`((?:bench|cli|collector|common|edges|embed|notifier|tests|tracker)/[\w/.-]+\.(?:hpp|cpp|py|js|md))`")
NAMED_TEST = re.compile(r"`(\w+_test)`")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")


def core_files(read, names):
    """What CMake lists in a core library, and the headers beside those sources."""
    cores = set()
    for name in names:
        if not name.endswith("/CMakeLists.txt") or name.startswith(("tests/", "bench/")):
            continue
        folder = name.rpartition("/")[0]
        for library in re.finditer(r"add_library\(presence_(?:\w+_core|common)\s+STATIC([^)]*)\)", read(name)):
            cores.update(f"{folder}/{source}" for source in library[1].split())
    folders = {name.rpartition("/")[0] for name in cores}
    sources = {name.rpartition(".")[0] for name in names if name.endswith(".cpp")}
    for name in names:
        folder, stem = name.rpartition("/")[0], name.rpartition(".")[0]
        alone = stem not in sources and folder.split("/")[0] == "common"
        if name.endswith(".hpp") and folder in folders and (f"{stem}.cpp" in cores or alone):
            cores.add(name)
    return {name for name in cores if not name.startswith("cli/") and not NOT_CORE.match(name)}


def room_of(name):
    """The room of a file, or nothing where a folder is none."""
    return next((room for room in ROOMS if name.startswith(room + "/")), None)


def crosses(name, included):
    """Whether a file of a room includes what the room may not know."""
    room = room_of(name)
    if room is None or "/" not in included or included.startswith(room + "/") and room_of(included) == room:
        return False
    return included not in ROOMS[room] and included.rpartition("/")[0] not in ROOMS[room]


def not_there(line, names):
    yield from (file for file in NAMED_FILE.findall(line) if file not in names)
    for test in NAMED_TEST.findall(line):
        if f"tests/unit/{test}.cpp" not in names and f"tests/process/{test}.py" not in names:
            yield test


def faults(read, names):
    cores = core_files(read, names)
    if not cores:
        yield "no core found: the rule for cores has lost its subject"
    for name in names:
        lines = read(name).splitlines()
        if len(lines) > LINES_MAX and name.endswith((".cpp", ".hpp", ".py", ".js", ".mjs")):
            yield f"{name}: {len(lines)} lines, at most {LINES_MAX}"
        for number, line in enumerate(lines, 1):
            where = f"{name}:{number}"
            if name.endswith(".md") and len(line) > COLUMNS_MAX and not line.startswith("|"):
                yield f"{where}: {len(line)} columns, at most {COLUMNS_MAX} but in tables"
            if name.startswith("docs/"):
                for missing in not_there(line, names):
                    yield f"{where}: there is no {missing}"
            if UNFINISHED.search(line):
                yield f"{where}: unfinished work is not left in the tree"
            if name in cores and SHELL.search(line):
                yield f"{where}: a core knows no socket, clock, thread, file or log: {line.strip()}"
            include = INCLUDE.match(line)
            if include and name.endswith((".cpp", ".hpp")):
                own, other = name.split("/")[0], include[1].split("/")[0]
                if own in PROCESSES and other in (*PROCESSES, "cli") and other != own:
                    yield f"{where}: {own} includes {other}"
                if own == "common" and other in (*PROCESSES, "cli"):
                    yield f"{where}: common includes {other}"
                if crosses(name, include[1]):
                    yield f"{where}: {room_of(name)} includes {include[1]}"
                if other == "embed" and own not in ("embed", "tests", "bench"):
                    yield f"{where}: {own} includes embed, which is for programs outside"
                if own == "embed" and "/" in include[1] and include[1] not in EMBED_MAY:
                    yield f"{where}: embed includes {include[1]}, which is not installed with it"
            if name == EMBED_PUBLIC and re.match(r"#include\s*(\"|<[^>]*[./])", line):
                yield f"{where}: the header of the library needs nothing but the standard library"


def self_test():
    good = {"tracker/CMakeLists.txt": "add_library(presence_tracker_core STATIC\n a.cpp\n)\n", "tracker/a.cpp": ""}
    bad = {
        "a core includes zmq": ("tracker/a.cpp", "#include <zmq.hpp>"),
        "a core logs": ("tracker/a.cpp", "#include <spdlog/spdlog.h>"),
        "a core reads a clock": ("tracker/a.cpp", "auto now = std::chrono::steady_clock::now();"),
        "a core starts a thread": ("tracker/a.cpp", "#include <thread>"),
        "a header of a core includes io": ("tracker/a.hpp", '#include "common/io/clock.hpp"'),
        "a process includes another": ("tracker/loop.cpp", '#include "collector/router.hpp"'),
        "common includes a process": ("common/x.hpp", '#include "tracker/roster/roster.hpp"'),
        "the library form is used inside": ("tracker/loop.cpp", '#include "embed/online_manager.hpp"'),
        "the library form needs a process": ("embed/x.cpp", '#include "tracker/tracker.hpp"'),
        "the library form needs io": ("embed/x.cpp", '#include "common/io/clock.hpp"'),
        "the public header needs ours": (EMBED_PUBLIC, '#include "common/time.hpp"'),
        "the public header needs others": (EMBED_PUBLIC, "#include <zmq.hpp>"),
        "the public header needs the system": (EMBED_PUBLIC, "#include <sys/epoll.h>"),
        "a long line of a page": ("docs/a.md", "word " * 25),
        "a file that is gone": ("docs/a.md", "see `tracker/gone.cpp`"),
        "a test that is gone": ("docs/a.md", "see `gone_test`"),
        "a long file": ("tracker/a.cpp", "\n" * (LINES_MAX + 1)),
        "unfinished work": ("tracker/a.cpp", "// TO" "DO later"),
    }
    wrong = [] if not list(faults(good.__getitem__, list(good))) else ["a good tree is refused"]
    for what, (name, text) in bad.items():
        tree = {**good, name: text}
        if not list(faults(tree.__getitem__, list(tree))):
            wrong.append(f"not found: {what}")
    return wrong


def main():
    if "--self-test" in sys.argv:
        found = self_test()
    else:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True
        ).stdout.split("\n")
        names = [name for name in listed if name and pathlib.Path(name).is_file()]
        found = list(faults(lambda name: pathlib.Path(name).read_text(errors="replace"), names))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
