# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping systemd-sysusers from making accounts again that were removed.

It makes what sysusers.d(5) lists at the first boot after an update of /usr: on Debian 12 and later every account
of base-passwd. No line can take back another, but a file in /etc stands in for the vendor's of the same name.
"""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import read_order
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree

VENDOR, OWN = "/usr/lib/sysusers.d", "/etc/sysusers.d"
#: Of files with one name the first folder's is read (sysusers.d(5)); the last is the vendor's.
FOLDERS = (OWN, "/run/sysusers.d", "/usr/local/lib/sysusers.d", VENDOR)
HEADER = "# Managed by Ansible, module hallmark.images.account_policy; changes here are lost.\n"


def forget(tree: Tree, names: list[str]) -> None:
    """Have no file of the vendor make the accounts and groups `names`, or make anybody a member of these groups.

    What an administrator has put in place of a file of the vendor is left alone.
    """
    for file in tree.names(VENDOR) if names else []:
        held = tree.read(f"{OWN}/{file}")
        if not file.endswith(".conf") or (held is not None and not held.startswith(HEADER)):
            continue
        text = tree.read(f"{VENDOR}/{file}") or ""
        kept = without(text, names)
        if kept != text:
            tree.directory(OWN)
            tree.write(f"{OWN}/{file}", f"{HEADER}# Its lines for {', '.join(sorted(names))} are left out.\n{kept}")


def coming_back(tree: Tree, names: list[str]) -> dict[str, str]:
    """Those of `names` that a file of an administrator, which `forget` leaves alone, makes again, with its path."""
    texts = {}
    for folder in FOLDERS[:-1] if names else ():
        for file in tree.names(folder):
            text = tree.read(f"{folder}/{file}") or ""
            texts[f"{folder}/{file}"] = "" if text.startswith(HEADER) else text
    return {name: path for name, path in made(texts).items() if name in names}


def without(text: str, names: list[str]) -> str:
    """A file of sysusers.d without the lines that speak of some accounts or groups."""
    kept = []
    for line in text.splitlines(keepends=True):
        kind, named = _line(line)
        if kind not in ("u", "g", "m") or not set(named) & set(names):
            kept.append(line)
    return "".join(kept)


def _line(line: str) -> tuple[str, list[str]]:
    """Type of a line, without its marks, and the accounts and groups that it names."""
    words = line.split()
    kind = words[0].rstrip("!-=^$") if words else ""
    return kind, [word.strip('"') for word in (words[1:3] if kind == "m" else words[1:2])]


def made(texts: dict[str, str]) -> dict[str, str]:
    """Accounts that systemd-sysusers makes when they lack, each with its file; `texts`: the files of all folders.

    Who is to be a member of a group (`m`) is made as well.
    """
    found: dict[str, str] = {}
    for path in read_order([path for path in texts if path.endswith(".conf")], FOLDERS):
        for kind, named in map(_line, texts[path].splitlines()):
            if kind in ("u", "m") and named:
                found.setdefault(named[0], path)
    return found
