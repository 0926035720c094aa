"""Tests in a network of their own: a file's Outside runs its Inside there, or says why it cannot."""

import os
import subprocess
import sys

ENTER = ("unshare", "--net", "--map-root-user")
LOOPBACK_UP = "ip link set lo up"
INSIDE = "TESTS_INSIDE"  # a run of the file within that network


def is_inside():
    return INSIDE in os.environ


def why_not(script, *flags):
    """Why a script cannot run in such a network, or None. `flags`: of unshare, besides."""
    try:
        command = [*ENTER, *flags, "sh", "-c", f"{LOOPBACK_UP} && {script}"]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    return tried.stderr.strip().replace("\n", "; ") if tried.returncode else None


def run_inside(file, *flags):
    """Runs the tests of a file's Inside there."""
    enter = [*ENTER, *flags, "sh", "-c", f'{LOOPBACK_UP} && exec "$0" "$@"']
    subprocess.run([*enter, sys.executable, file, "-v", "Inside"], env={**os.environ, INSIDE: "1"}, check=True)
