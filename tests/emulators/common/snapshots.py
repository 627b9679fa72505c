# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that an account holds, as plain data, to compare before and after."""

from __future__ import annotations

from typing import Any

#: Kind, with its region → id or name → what it is like.
Snapshot = dict[str, dict[str, dict[str, Any]]]


def difference(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """What differs between two snapshots: kind/name → what it was and what it is; None for not there."""
    found = {}
    for kind in sorted({*before, *after}):
        was, now = before.get(kind, {}), after.get(kind, {})
        for name in sorted({*was, *now}):
            if was.get(name) != now.get(name):
                found[f"{kind}/{name}"] = (was.get(name), now.get(name))
    return found
