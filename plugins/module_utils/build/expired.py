# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has expired, found by its tags alone, is removed: from any computer with the credentials, no ledger needed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import ApiError, HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import BUILD_ID, runtime_folder
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Busy

SECONDS = 300.0  # that what is busy is tried again
PAUSE = 5.0
#: By build: what is to go, each with the call that removes it.
Found = dict[str, list[tuple[str, Callable[[], Any]]]]


def report(found: Found, check_mode: bool) -> list[dict[str, Any]]:
    """Remove what was found, unless in check mode, and say so in the form of ``reap``."""
    done = []
    for build, things in sorted(found.items()):
        left = [] if check_mode else _remove(things)
        if not check_mode and not left and BUILD_ID.match(build):
            _forget_runtime(build)
        done.append(
            {
                "build": build,
                "action": "failed" if left else "removed",
                "reason": "its expiry tag has passed",
                "removed": [name for name, dummy in things],
                "left": left,
            }
        )
    return done


def _forget_runtime(build: str) -> None:
    """Remove the folders of sockets that this computer may have of a build whose ledger is lost."""
    folder = runtime_folder(build)
    for path in folder.parent.glob(f"{folder.name}.*"):
        shutil.rmtree(path, ignore_errors=True)


def _remove(things: list[tuple[str, Callable[[], Any]]]) -> list[str]:
    """Remove things, what fails again until the time is up; what is left, with the reason."""
    deadline = time.monotonic() + SECONDS
    denied: list[str] = []  # nothing will change that
    while True:
        left = []
        for name, removal in things:
            try:
                removal()
            except (Busy, HallmarkError) as error:
                if isinstance(error, ApiError) and error.denied:
                    denied.append(f"{name}: {error}")
                else:
                    left.append((name, removal, str(error)))
        if not left or time.monotonic() > deadline:
            return denied + [f"{name}: {reason}" for name, dummy, reason in left]
        things = [(name, removal) for name, removal, dummy in left]
        time.sleep(PAUSE)
