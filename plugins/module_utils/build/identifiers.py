# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import secrets
import string
from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

ALPHABET = string.ascii_lowercase + string.digits
BUILD_ID = re.compile(r"^\d{8}t\d{6}-[a-z0-9]{6}$")


def new_build_id(now: datetime | None = None) -> str:
    """A build id: UTC time to the second and six random characters, for example ``20261123t171452-k3f9q2``.

    It sorts by time, and is short enough for socket paths, host names and every cloud's tag and name limits.
    """
    moment = now or datetime.now(UTC)
    return f"{moment:%Y%m%dt%H%M%S}-" + "".join(secrets.choice(ALPHABET) for dummy in range(6))


def check_build_id(value: str) -> str:
    """Return the value when it is a build id.

    :raises HallmarkError: when it is not; it becomes part of paths, so nothing else is let through.
    """
    if not BUILD_ID.match(value):
        raise HallmarkError(f"build_id: {value!r} is not a build id", "it looks like 20261123t171452-k3f9q2")
    return value


def base_folder(variable: str, default: str) -> Path:
    """Where a variable of the XDG Base Directory Specification points, or its default in the user's home.

    "All paths set in these environment variables must be absolute. If an implementation encounters a relative path in
    any of these variables it should consider the path invalid and ignore it."
    """
    value = os.environ.get(variable, "")
    return Path(value) if os.path.isabs(value) else Path.home() / default


def state_home() -> Path:
    """The folder that holds one folder per build: ``$XDG_STATE_HOME/hallmark``."""
    return base_folder("XDG_STATE_HOME", ".local/state") / "hallmark"


def runtime_folder(build_id: str) -> Path:
    """Where a build's sockets live: a short path, because a socket's path has at most 107 bytes (unix(7))."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if not os.path.isabs(base) or len(base) > 40 or not os.access(base, os.W_OK):
        base = "/tmp"
    return Path(base) / f"hm-{build_id}"
