# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.console import clean_lines
from ansible_collections.hallmark.images.plugins.module_utils.build.readiness import Watched
from ansible_collections.hallmark.images.plugins.module_utils.qemu.resources import Machine


def watched(machine: Machine, identifier: str, console: Path) -> Watched:
    """A QEMU machine as the neutral readiness sees it: the console is a file that QEMU writes."""

    def lines() -> list[str]:
        try:
            return clean_lines(console.read_bytes())
        except FileNotFoundError:
            return []

    return Watched(f"machine {machine.name}", lambda: machine.state(identifier), lines, str(console))
