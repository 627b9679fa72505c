# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image trees that unit tests make up: folders with only the files that a test is about."""

from __future__ import annotations

import os
from pathlib import Path

#: Files recorded on the systems that the roles know, by system.
RECORDED = Path(__file__).resolve().parents[1] / "unit/plugins/module_utils/hardening/files"


def name_root(top: Path) -> None:
    """Let whoever runs the tests be root in the tree, which may then own its files."""
    (top / "etc").mkdir(exist_ok=True)
    (top / "etc/passwd").write_text(f"root:x:{os.getuid()}:{os.getgid()}::/root:/bin/sh\n")
    (top / "etc/group").write_text(f"root:x:{os.getgid()}:\n")


def make(top: Path, system: str) -> Path:
    """A tree that says it is `system`, such as ``debian12``."""
    name_root(top)
    (top / "etc/os-release").write_text((RECORDED / system / "os-release").read_text())
    return top


def put(top: Path, path: str, text: str = "") -> Path:
    """Write a file of the tree; its path begins with a slash."""
    file = top / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file
