# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines whose ledger is lost: they are found by the build's tag, which a QEMU machine carries in its name."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import BUILD_ID, runtime_folder
from ansible_collections.hallmark.images.plugins.module_utils.qemu import process
from ansible_collections.hallmark.images.plugins.module_utils.qemu.resources import STATE_FOLDER

TAG = "guest=hallmark:"


def end_orphans(check_mode: bool) -> list[dict[str, Any]]:
    """End this user's machines that carry a build's tag but whose build has no ledger any more.

    The ledger is looked for where the machine was started from, which need not be this process's state folder: a
    build under another XDG_STATE_HOME is alive and none of our business.

    :returns: one dict per machine, in the form of ``reap``.
    """
    found = set()
    for pid in process.find(TAG):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
            if os.stat(f"/proc/{pid}").st_uid == os.getuid() and not _has_ledger(pid):
                found.update(re.findall(rf"{TAG}([^:,\0]+):([^:,\0]+)", words))
    done = []
    for build, machine in sorted(found):
        if not BUILD_ID.match(build):
            continue
        if not check_mode:
            process.end(f"{TAG}{build}:{machine}")
            shutil.rmtree(f"{runtime_folder(build)}.{machine}", ignore_errors=True)
        reason = "its ledger is lost"
        done.append(
            {"build": build, "action": "removed", "reason": reason, "removed": [f"machine/{machine}"], "left": []}
        )
    return done


def _has_ledger(pid: int) -> bool:
    """Whether the state folder that a machine's process carries in its environment still has a ledger."""
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    prefix = f"{STATE_FOLDER}=".encode()
    folders = [word.removeprefix(prefix) for word in environment if word.startswith(prefix)]
    return any(os.path.exists(os.path.join(folder, b"ledger.jsonl")) for folder in folders)
