# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serial consoles: the bits of what a machine printed that a person can read."""

from __future__ import annotations

import os
import re
from pathlib import Path

CONSOLE_LINES = 40  # of a console that stand in an error message
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>c78])|[\x00-\x08\x0b-\x1f]")


def clean_lines(data: bytes) -> list[str]:
    """Console output as lines of plain text: no escape sequences, no control characters, no empty lines."""
    text = ESCAPES.sub("", data.decode("utf-8", "replace").replace("\r", "\n"))
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def tail(path: Path | str, lines: int) -> str:
    """The last lines of a console log, ready for an error message; empty when there are none."""
    try:
        with open(path, "rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - 65536))
            return "\n".join(clean_lines(handle.read())[-lines:])
    except OSError:
        return ""
