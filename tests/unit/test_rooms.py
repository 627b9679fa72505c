# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of module_utils are rooms: what one may import of the others, and of the world."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[2] / "plugins/module_utils"
COLLECTION = ("ansible_collections", "hallmark", "images", "plugins", "module_utils")
PLATFORMS = {"alicloud", "aws", "qemu"}
# What runs in the guest: nothing is installed there for us.
GUEST = {"guest", "hardening", "seal"}
ROOMS = sorted(path.name for path in UTILS.iterdir() if path.is_dir() and any(path.rglob("*.py")))


def imports_of(path: Path) -> set[tuple[str, ...]]:
    """Every module the file imports, at its top or later, as the parts of its absolute name."""
    package = (*COLLECTION, *path.relative_to(UTILS).parent.parts)
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            found |= {(*module, alias.name) for alias in node.names}
    return found


def imports_of_room(room: str) -> set[tuple[str, ...]]:
    """Every module some file of the room imports."""
    return set().union(*(imports_of(path) for path in (UTILS / room).rglob("*.py")))


@pytest.mark.parametrize("room", ROOMS)
def test_room_uses_no_room_but_its_own_and_platforms_the_neutral_one(room: str) -> None:
    used = {name[len(COLLECTION)] for name in imports_of_room(room) if name[: len(COLLECTION)] == COLLECTION}
    assert used - {room} <= ({"build"} if room in PLATFORMS else set())


@pytest.mark.parametrize("room", [room for room in ROOMS if room in GUEST])
def test_what_runs_in_the_guest_needs_only_python_and_ansible(room: str) -> None:
    outside = {name for name in imports_of_room(room) if name[: len(COLLECTION)] != COLLECTION}
    foreign = {name for name in outside if name[0] not in sys.stdlib_module_names}
    assert {name for name in foreign if name[:2] != ("ansible", "module_utils")} == set()


def test_the_neutral_room_knows_no_library_of_a_platform() -> None:
    libraries = {"boto3", "botocore", "footmark", "aliyunsdkcore", "qemu"}
    assert {name for name in imports_of_room("build") if name[0] in libraries} == set()
