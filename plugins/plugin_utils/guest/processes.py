# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def adopt_orphans(enabled: bool = True) -> None:
    """Make orphaned descendants of this process its children instead of init's (Linux; elsewhere without effect).

    Ansible's workers and SSH's connection masters start sessions of their own, so that no signal to a process group
    reaches them. Adopted, they can be found and ended when the run is over.
    """
    try:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(enabled), 0, 0, 0)
    except (OSError, AttributeError):
        return


def _parents() -> dict[int, int]:
    """Process id -> parent's process id, of all processes that run (a dead one that waits for its parent does not)."""
    parents = {}
    try:
        entries = os.listdir("/proc")
    except FileNotFoundError:
        return parents
    for entry in entries:
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as handle:
                # proc(5): "pid (name) state ppid ..."; the name may hold blanks and parentheses.
                state, ppid = handle.read().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state not in "ZX":
            parents[int(entry)] = int(ppid)
    return parents


def descendants(pid: int) -> set[int]:
    """The ids of all processes below one process."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents().items():
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def end_descendants(spare: set[int], deadline: float = 5.0) -> set[int]:
    """Kill all processes below this one except those to be spared, and what these start meanwhile.

    :param spare: process ids that are none of ours.
    :param deadline: seconds after which to give up.
    :returns: the ids that were killed.
    """
    killed: set[int] = set()
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        alive = descendants(os.getpid()) - spare
        if not alive:
            break
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        killed |= alive
        time.sleep(0.05)
    return killed


def collect(pids: set[int]) -> None:
    """Take the exit status of children that have ended, so that none stays a zombie."""
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue


class ParentWatch(threading.Thread):
    """Calls a function once when the parent of this process is gone.

    A thread of its own, because the main thread may hang writing to the very pipe whose reader has died.

    :param gone: called from this thread.
    :param interval: seconds between two looks.
    """

    def __init__(self, gone: Callable[[], None], interval: float = 0.5) -> None:
        super().__init__(name="parent-watch", daemon=True)
        self._gone = gone
        self._interval = interval
        # What multiprocessing noted when it forked is right even when the parent is dead by now.
        forked_by = multiprocessing.parent_process()
        self._parent = (forked_by and forked_by.pid) or os.getppid()
        self._ended = threading.Event()

    def orphaned(self) -> bool:
        """Whether the parent is gone."""
        return os.getppid() != self._parent

    def run(self) -> None:
        """Look until the parent is gone or `stop` is called."""
        while not self._ended.wait(self._interval):
            if self.orphaned():
                self._gone()
                return

    def stop(self) -> None:
        """End the watch."""
        self._ended.set()
