# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creating and undoing resources through the ledger: the one place that knows the order of things."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import (
    ApiError,
    HallmarkError,
    system_error,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Entry, Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import PENDING, READY, Resource
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

Restore = Callable[[str, str, dict], Resource]
BUSY_PAUSE, LONGEST_BUSY_PAUSE = 0.5, 5.0  # s between two tries; it grows, because a cloud counts calls


def create(ledger: Ledger, resource: Resource, waiter: Waiter, wait: bool = True) -> tuple[str, bool]:
    """Create a resource unless the ledger has it and it is, or becomes, ready; then wait until it is.

    :param wait: whether to wait; without, the caller starts several and waits for all of them.
    :returns: its id, and whether it was created now.
    :raises HallmarkError: when it cannot be created or does not become ready.
    :raises Abandoned: when the build is being torn down.
    """
    entry = ledger.read().entries.get(resource.key)
    if entry and not entry.gone and entry.identifier:
        known = entry.identifier
        status = resource.state(known).status
        if status == PENDING and wait:  # an earlier run started it and did not live to see it
            waiter.wait(f"{resource.kind} {resource.name}", lambda: resource.state(known))
        if status in (READY, PENDING):
            return known, False
    token = str(uuid.uuid4())
    with ledger.lock():
        if entry and not entry.gone:  # half made by an earlier run: its token must not be lost to a new intent
            left = undo(ledger, lambda *dummy: resource, [entry], waiter.left())
            if left:
                raise HallmarkError(f"an earlier run left {left[0]}", "run the play reap, or take a new build id")
        ledger.intent(resource.kind, resource.name, token, resource.spec())
        try:
            identifier = resource.create(token)
        except ApiError as error:
            if error.refused:
                ledger.note("refused", kind=resource.kind, name=resource.name)
            raise
        ledger.append("created", kind=resource.kind, name=resource.name, id=identifier)
    if wait:
        waiter.wait(f"{resource.kind} {resource.name}", lambda: resource.state(identifier))
    return identifier, True


def undo(ledger: Ledger, restore: Restore, entries: list[Entry], seconds: float = 60.0) -> list[str]:
    """Delete resources in the reverse order of their creation; what is busy is tried again until the time is up.

    What the credentials do not allow is tried twice: tags that a right hangs on may be a moment late, but no more.

    :param restore: the platform's way from a ledger entry to a resource.
    :returns: what is left, one line each with the reason; empty when all is gone.
    """
    deadline = time.monotonic() + seconds
    pause = BUSY_PAUSE
    waiting = list(reversed(entries))
    is_second_try = False
    while True:
        left: list[tuple[Entry, str]] = []
        may_change = False
        for entry in waiting:
            try:
                resource = restore(entry.kind, entry.name, entry.spec)
                resource.refused = entry.refused
                resource.delete(entry.identifier, entry.token)
            except Exception as error:  # whatever it is, it must not keep the others
                may_change |= not (is_second_try and isinstance(error, ApiError) and error.denied)
                left.append((entry, " ".join(str(error).split()) or type(error).__name__))
            else:
                ledger.note("gone", kind=entry.kind, name=entry.name)
        if not may_change or time.monotonic() >= deadline:
            return [f"{entry.key} {entry.identifier or entry.token}: {reason}" for entry, reason in left]
        waiting = [entry for entry, _reason in left]
        is_second_try = True
        time.sleep(pause)
        pause = min(LONGEST_BUSY_PAUSE, pause * 1.5)


def with_left(error: BaseException, left: list[str]) -> BaseException:
    """The error that a user is to read when what a failure leaves could not be removed, or not all of it.

    :param error: why it failed.
    :param left: what undo returned.
    """
    if not left or not isinstance(error, HallmarkError | OSError):
        return error
    why = system_error(error) if isinstance(error, OSError) else str(error)
    return HallmarkError(f"{why}; and not everything could be removed: {'; '.join(left)}", "run the play reap later")


def tear_down(ledger: Ledger, restore: Restore, by: str, seconds: float = 60.0) -> list[str]:
    """Undo a whole build: no more creations from here on, everything that is left deleted, the ledger closed.

    :param by: who does it, for the ledger (module, janitor, reap).
    :returns: what is left; empty when all is gone.
    """
    # Under the lock for the whole of it: a create in flight ends first, and two undoers do not race.
    with ledger.lock():
        status = ledger.read()
        if status.closed and not status.open_entries():
            return []
        ledger.note("closing", by=by)
        left = undo(ledger, restore, ledger.read().open_entries(), seconds)
        try:
            if left:
                ledger.append("left", resources=left)
            else:
                ledger.append("closed", by=by)
        except HallmarkError as error:  # so that somebody comes back to close it
            left.append(str(error))
        return left
