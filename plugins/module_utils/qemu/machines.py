# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.qemu import process


def running(ledger: Ledger, machine: str) -> tuple[str, str] | None:
    """Token and QMP socket of a build's machine, or None when no machine of that name runs."""
    entries = ledger.read().entries
    entry, runtime = entries.get(f"machine/{machine}"), entries.get(f"runtime/{machine}")
    if not entry or not runtime or entry.gone or not process.find(entry.token):
        return None
    return entry.token, os.path.join(runtime.spec["paths"][0], "qmp")
