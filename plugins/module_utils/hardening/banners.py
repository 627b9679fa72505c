# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown before and after a login: a warning, and nothing that names the system."""

from __future__ import annotations

import os

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import fields

# Whole words, in any case. The names in the machine's own os-release file come on top.
_NAMES = ("linux", "debian", "ubuntu", "red hat", "redhat", "rhel", "almalinux", "centos", "fedora", "alinux", "anolis")
_NAMES += ("suse", "opensuse", "raspbian", "unix")
# agetty(8): machine, release, system, version, and a field of os-release.
_ESCAPES = ("\\m", "\\r", "\\s", "\\v", "\\S")


def _words(text: str) -> str:
    plain = "".join(letter if letter.isalnum() else " " for letter in text.lower())
    return f" {' '.join(plain.split())} "


def names_of_system(text: str, os_release: str = "") -> list[str]:
    """Names of operating systems in a text; `os_release` is the text of the machine's file."""
    release = fields(os_release)
    own = [release[key] for key in ("ID", "NAME") if release.get(key)]
    words = _words(text)
    return sorted({name for name in [*_NAMES, *own] if _words(name) in words})


def escapes(text: str) -> list[str]:
    """Sequences which agetty replaces by something about the system."""
    return [escape for escape in _ESCAPES if escape in text]


def set_all(tree: Tree, text: str, files: list[str], keep: list[str]) -> None:
    """Have `files` hold the text; those of `keep` only where they exist and name the system."""
    release = tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or ""
    text = f"{text.rstrip()}\n"
    found = [*names_of_system(text, release), *escapes(text)]
    if found or not text.strip():
        raise HardeningError(
            f"text: tells {', '.join(found) or 'nothing'}; write a warning that does not name the system"
        )
    for path in files:
        _put(tree, path, text)
    for path in keep:
        held = tree.read(path)
        if held is not None:
            _put(tree, path, text if names_of_system(held, release) else held)


def _put(tree: Tree, path: str, text: str) -> None:
    # Where a vendor keeps the file below /usr and links to it, an upgrade would bring its text back.
    place = os.path.join(tree.real(os.path.dirname(path)), os.path.basename(path))
    if os.path.islink(place) and tree.read(path) != text:
        tree.remove(path)
    tree.write(path, text, 0o644, "root", "root")
