# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names and values of the tags that every cloud's things of a build carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

BUILD, DEFINITION, EXPIRES, TOKEN = "hallmark:build", "hallmark:definition", "hallmark:expires", "hallmark:token"
#: How the names of the collection's own tags begin.
OWN = "hallmark:"


def build_tags(build_id: str, definition: str, expires: str, own: dict[str, str] | None = None) -> dict[str, str]:
    """The tags of a build's temporary things: the user's, under ours."""
    return {**(own or {}), BUILD: build_id, DEFINITION: definition or "-", EXPIRES: expires}


def expiry(minutes: int, now: datetime | None = None) -> str:
    """When what is created now ends, as it stands in the tag."""
    return ((now or datetime.now(UTC)) + timedelta(minutes=minutes)).isoformat(timespec="seconds")


def machine_expiry(build: dict[str, Any], minutes: int) -> str:
    """When a machine ends that is launched now: after its own time, and with its build at the latest.

    :param build: what the ledger says of the build; the first machine is planned before it says anything.
    """
    own = expiry(minutes)
    return min(own, build.get("expires") or own, key=datetime.fromisoformat)


def has_expired(labels: dict[str, str], moment: datetime) -> bool:
    """Whether these are the tags of something of a build that should be gone by now."""
    try:
        return BUILD in labels and datetime.fromisoformat(labels.get(EXPIRES, "")) <= moment
    except (ValueError, TypeError):
        return False  # a tag that is not ours to read
