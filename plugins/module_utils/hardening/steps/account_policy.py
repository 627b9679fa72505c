# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module account_policy; what they mean stands in the module's documentation."""

from __future__ import annotations

import os
import time

from ansible_collections.hallmark.images.plugins.module_utils.hardening import accounts
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

_DAY = 86400  # seconds, as shadow(5) counts days


def switch() -> dict:
    """A switch that is on."""
    return {"type": "bool", "default": True}


def names() -> dict:
    """A list of names that is empty."""
    return {"type": "list", "elements": "str", "default": []}


OPTIONS = {
    "shadow_hashes": switch(),
    "lock_empty": switch(),
    "lock_system": switch(),
    "nologin_system": switch(),
    "nologin_shell": {"type": "path", "default": ""},
    "exempt": names(),
    "ageing": {
        "type": "dict",
        "default": {},
        "options": {"min": {"type": "int"}, "max": {"type": "int"}, "warn": {"type": "int"}},
    },
    "ageing_root": {"type": "bool", "default": False},
    "ageing_exempt": names(),
    "ageing_overdue": {"type": "str", "choices": ["renew", "expire"], "default": "renew"},
    "ageing_keyless": switch(),
    "inactive_days": {"type": "int", "default": -1},
    "future_changes": switch(),
    "home_mode": {"type": "str", "default": "0700"},
    "home_exempt": names(),
    "root_home_mode": {"type": "str", "default": "0700"},
    "extra_root": {"type": "str", "choices": ["report", "lock", "delete"], "default": "report"},
    "remove": names(),
    "shadow_group_empty": switch(),
    "shells": switch(),
    "cloud_user": switch(),
    "cloud_config": {"type": "path", "default": "/etc/cloud/cloud.cfg.d/zz-hallmark-accounts.cfg"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    # Become sets it; in another tree that account may be anybody's.
    worker = os.environ.get("SUDO_USER", "") if task.tree.root == "/" else ""
    report = accounts.apply(task.tree, task.params, int(time.time()) // _DAY, worker)
    if report["findings"]:
        lines = [f"{found['path']}: {found['key']}: {found['problem']}" for found in report["findings"]]
        task.warn("accounts that need a person to look at them: " + "; ".join(lines))
    return report
