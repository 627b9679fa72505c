# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The janitor: a process started with the builder that outlives the controller and tears down what it leaves.

It is a fork of the module that started the builder, so that it needs no files of Ansible's any more, and it waits for
the controller's end on a pidfd (pidfd_open(2)), which neither polls nor mistakes a reused pid for the controller.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import Restore, tear_down

GIVE_UP, PAUSE = 600.0, 5.0  # s that it tries for, and between two tries
LOOK_AT_LEDGER = 1000  # ms between two looks at the ledger, to end with the build
CONTROLLERS = ("ansible-playbook", "ansible", "ansible-console", "ansible-pull")


def start_time(pid: int) -> int:
    """When a process started, in clock ticks since boot (proc_pid_stat(5), field 22); 0 when there is none."""
    try:
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()[19]
        )
    except (OSError, ValueError, IndexError):
        return 0


def alive(pid: int, started: int) -> bool:
    """Whether the process that had this pid and start time is still there (and no zombie)."""
    if not pid or start_time(pid) != started:
        return False
    with contextlib.suppress(OSError):
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()[0] != "Z"
        )
    return False


def find_controller() -> int:
    """The pid of the ansible-playbook (or ansible) process that this module runs for.

    Workers are forks of the controller and look like it, so it is the last of the nearest unbroken line of
    ancestors that are Ansible.

    :raises HallmarkError: when no ancestor is.
    """
    pid, found = os.getppid(), 0
    while pid > 1:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            parent = int(
                Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()[1]
            )
        except (OSError, ValueError):
            break
        names = {os.path.basename(word).decode(errors="replace") for word in words[:3]}
        if names.intersection(CONTROLLERS):
            found = pid
        elif found:
            break
        pid = parent
    if not found:
        raise HallmarkError("lifetime: no controlling Ansible process found", "lifetime: deadline")
    return found


def start(ledger: Ledger, controller: int, restore: Restore) -> int:
    """Start the janitor of a build; it ends with the build or after it has torn the build down.

    :param controller: the process to outlive.
    :returns: the janitor's pid.
    """
    pidfd = os.pidfd_open(controller)
    readable, writable = os.pipe()
    first = os.fork()
    if first:
        os.close(writable)
        os.close(pidfd)
        with os.fdopen(readable, "rb") as answer:
            pid = int(answer.read() or b"0")
        os.waitpid(first, 0)
        return pid
    # A second fork after setsid leaves it without a terminal and without a parent that would have to wait for it.
    os.setsid()
    if os.fork():
        os._exit(0)
    os.write(writable, str(os.getpid()).encode())
    try:
        _detach(ledger.folder / "janitor.log", keep=(pidfd,))
        _watch(ledger, pidfd, restore)
    except BaseException as error:  # a daemon has nobody to raise to; its log and the ledger are what is read
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(0)


def _detach(log: Path, keep: tuple[int, ...]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, null), (1, sink), (2, sink)):
        os.dup2(source, target)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            with contextlib.suppress(OSError):
                os.close(int(name))
    with contextlib.suppress(OSError):  # PR_SET_NAME (15): what ps shows; only a convenience
        ctypes.CDLL(None).prctl(15, b"hallmark-janit", 0, 0, 0)


def _watch(ledger: Ledger, pidfd: int, restore: Restore) -> None:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    seen = -1
    while not poll.poll(LOOK_AT_LEDGER):
        try:
            size = ledger.path.stat().st_size
        except FileNotFoundError:
            return
        if size != seen:
            seen = size
            status = ledger.read()
            if status.keep or (status.closed and not status.open_entries()):
                return
    if ledger.read().keep:
        return
    # What is busy now may be free later, and nobody else is left to try: give it ten minutes, then leave it to reap.
    give_up = time.monotonic() + GIVE_UP
    while True:
        try:
            if not tear_down(ledger, restore, by="janitor"):
                return
        except Exception as error:  # a full disk, for example, that holds no more of the ledger
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.stderr.flush()
        if time.monotonic() > give_up:
            return
        time.sleep(PAUSE)
