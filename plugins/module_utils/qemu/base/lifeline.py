# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ending when Ansible ends: Ctrl-C and SIGKILL reach ``ansible-playbook`` alone, and a download or a build would go on
for minutes behind the back of who stopped it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Iterator

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.janitor import find_controller

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def ends_with_ansible() -> Iterator[None]:
    """While this lasts, the end of the controlling Ansible process, SIGTERM and SIGINT raise KeyboardInterrupt, once.

    So everything that is cleaned up on the way out is cleaned up. Without such a process (in tests) it is signals only.
    """
    before = {number: signal.signal(number, _interrupt) for number in SIGNALS}
    try:
        with _watching():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _watching() -> Iterator[None]:
    try:
        controller = os.pidfd_open(find_controller())
    except (HallmarkError, OSError):
        yield
        return
    done, end = os.pipe()
    thread = threading.Thread(target=_watch, args=(controller, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(end)
        thread.join()
        os.close(done)
        os.close(controller)


def _watch(controller: int, done: int) -> None:
    """A pidfd is readable when its process has ended (pidfd_open(2)), a pipe when its other end is closed."""
    ready, *dummy = select.select([controller, done], [], [])
    if done not in ready:
        os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(number: int, frame: object) -> None:
    # Ctrl-C may come several ways at once; the second must not cut the cleaning-up that the first one set off.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
