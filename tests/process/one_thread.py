"""Stops one thread of a process while the others run, as nothing but a debugger can."""

import contextlib
import ctypes
import os
import pathlib

ATTACH, DETACH = 16, 17  # of ptrace(2)
ALL = 0x40000000  # __WALL: children that are threads too

libc = ctypes.CDLL(None, use_errno=True)


def threads_named(pid, name):
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return [int(task.name) for task in tasks if (task / "comm").read_text().strip() == name]


def ptrace(request, tid):
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, tid, None, None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


@contextlib.contextmanager
def stopped(tid):
    ptrace(ATTACH, tid)
    try:
        os.waitpid(tid, ALL)
        yield
    finally:
        ptrace(DETACH, tid)
