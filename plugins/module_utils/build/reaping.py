# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which builds are dead, seen from their ledgers, and what is done about them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build import janitor
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger, Status
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import Restore, tear_down

DAY = 86400


def verdict(ledger: Ledger, status: Status, now: datetime | None = None) -> str:
    """Why a build that is not closed should be torn down, or an empty text when it is alive.

    A build is dead when it has expired, or when the process that controlled it and its janitor are both gone. One that
    is kept, or whose machines outlive their playbook by intention, is dead only when it has expired.
    """
    moment = now or datetime.now(UTC)
    expires = status.build.get("expires")
    if not expires:
        return "its ledger does not say when it expires"
    if datetime.fromisoformat(expires) <= moment:
        return f"it expired at {expires}"
    controller = status.build.get("controller")
    if status.keep or not controller:
        return ""
    if janitor.alive(controller, status.build.get("controller_started", 0)):
        return ""
    try:
        pid, started = (int(word) for word in (ledger.folder / "janitor").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        pid, started = 0, 0
    return "" if janitor.alive(pid, started) else "its controller and its janitor are gone"


def reap(platforms: Mapping[str, Restore], only: str, keep_days: int, check_mode: bool) -> list[dict[str, Any]]:
    """Tear down the builds that are dead, and remove the state folders of builds that have been closed for long.

    :param platforms: by name, the platform's way from a ledger entry to a resource.
    :param only: a build id: that build and no other, dead or not. Empty for all that are dead.
    :param keep_days: days that a closed build's ledger stays; 0 removes it at once.
    :returns: one dict per build that was, or would be, touched: build, action, reason, removed, left.
    :raises HallmarkError: when the one build asked for is not known.
    """
    if only and not Ledger(only).exists():
        raise HallmarkError(f"build: {only} has no ledger on this computer", "a build id that ran here")
    done = []
    for ledger in [Ledger(only)] if only else Ledger.all():
        status = ledger.read()
        entries = [entry.key for entry in status.open_entries()]
        if status.closed and not entries:
            age = time.time() - ledger.path.stat().st_mtime
            if not only and age > keep_days * DAY:
                if not check_mode:
                    shutil.rmtree(ledger.folder, ignore_errors=True)
                done.append(_report(ledger, "forgotten", f"closed {age / DAY:.0f} days ago", [], []))
            continue
        reason = "it was asked for" if only else verdict(ledger, status)
        if not reason:
            continue
        platform = str(status.build.get("platform", ""))
        if platform not in platforms:
            known = ", ".join(sorted(platforms))
            done.append(_report(ledger, "failed", f"platform {platform!r} is none of {known}", [], entries))
            continue
        left = [] if check_mode else tear_down(ledger, platforms[platform], by="reap")
        done.append(_report(ledger, "failed" if left else "removed", reason, entries, left))
    return done


def _report(ledger: Ledger, action: str, reason: str, removed: list[str], left: list[str]) -> dict[str, Any]:
    return {"build": ledger.build_id, "action": action, "reason": reason, "removed": removed, "left": left}
