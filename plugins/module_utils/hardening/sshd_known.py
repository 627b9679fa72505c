# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the installed sshd knows of keywords and algorithms.

An sshd that reads one name it does not know does not start, and nobody gets in. In an image tree the program cannot be
asked, it may be for another processor; but the tables of both are plain texts in its file.
"""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sshd_settings import MAIN, statements

PROGRAM = "/usr/sbin/sshd"
FOLDER = "/etc/ssh/sshd_config.d"
_UNITS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_POLICY = "/crypto-policies/back-ends/opensshserver"


def knows(program: bytes, name: str) -> bool:
    """Whether a whole text of the program ends with `name`, as an entry of one of its tables does."""
    return name.encode() + b"\0" in program


def is_readable(program: bytes) -> bool:
    """Whether the tables can be read from this file at all: each sshd has this keyword."""
    return knows(program, "permitrootlogin")


def follows_policy(tree: Tree) -> bool:
    """Whether sshd takes its algorithms from the system's crypto-policies (EL 8 and later, Amazon Linux).

    EL 9 includes them from a drop-in file, EL 8 hands them over on the command line of the unit.
    """
    paths = [MAIN, *(f"{FOLDER}/{name}" for name in tree.names(FOLDER))]
    for path in paths:
        if any(key == "include" and _POLICY in value for key, value, _matched in statements(tree.read(path) or "")):
            return True
    units = [tree.read(f"{folder}/sshd.service") or "" for folder in _UNITS]
    return any(_POLICY in line and line[:1] != "#" for text in units for line in text.split("\n"))


def fitting(tree: Tree, settings: dict, optional: list[str], algorithms: dict) -> tuple[dict, list[str]]:
    """Settings that the installed sshd accepts, with `algorithms` (keyword: list of names) as settings too.

    Returns them and what was left out: keywords of `optional` and single algorithms it does not know, and all
    algorithms where crypto-policies choose them. Raises HardeningError for any other keyword it does not know.
    """
    keys = [key.lower() for key in [*settings, *algorithms]]
    for key in [*settings, *algorithms]:
        if keys.count(key.lower()) > 1:
            raise HardeningError(
                f"settings: {key} is there twice, in capital or small letters; only the first would count"
            )
    program = tree.read_bytes(PROGRAM)
    readable = is_readable(program)
    wanted, left = {}, []
    for key, value in settings.items():
        if not readable or knows(program, key.lower()):
            wanted[key] = value
        elif key in optional:
            left.append(key)
        else:
            raise HardeningError(f"settings: {key} is no keyword that the installed sshd knows; see sshd_config(5)")
    policy = bool(algorithms) and follows_policy(tree)
    for key, names in algorithms.items():
        if policy:
            left.append(f"{key}: crypto-policies choose them")
            continue
        names = [names] if isinstance(names, str) else names
        names = [name for text in names for name in str(text).split(",") if name]
        known = [name for name in names if not readable or knows(program, name)]
        left += [f"{key}: {name}" for name in names if name not in known]
        if not known:
            raise HardeningError(f"algorithms: {key}: the installed sshd knows none of {', '.join(names) or '[]'}")
        wanted[key] = ",".join(known)
    return wanted, left
