# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding and ending QEMU's processes by what only they carry in their command line: their token."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path

#: Only these are ever ours: a shell or an editor that happens to name a token is left alone.
PROGRAMS = (b"qemu-system-x86_64", b"qemu-img", b"timeout")


def find(marker: str) -> list[int]:
    """Pids of QEMU's processes that have the marker as a part of one of their arguments.

    Of the pair of ``timeout`` and the program that it runs, both are found.
    """
    wanted = marker.encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            if os.path.basename(words[0]) in PROGRAMS and any(wanted in word for word in words[1:]):
                found.append(int(entry))
    return found


def end(marker: str, patience: float = 5.0) -> None:
    """End all processes that carry the marker: SIGTERM, and SIGKILL for what is there after the patience (seconds).

    Uses pidfds, so that a pid that is reused between looking and killing is never hit.
    """
    handles = []
    for pid in find(marker):
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(pid)
            if pid in find(marker):
                handles.append(handle)
            else:
                os.close(handle)
    try:
        for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
            for handle in handles:
                with contextlib.suppress(OSError):
                    signal.pidfd_send_signal(handle, number)
            if _all_ended(handles, wait):
                return
    finally:
        for handle in handles:
            os.close(handle)


def _all_ended(handles: list[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    for handle in handles:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            return False
    return True
