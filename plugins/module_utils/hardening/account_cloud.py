# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default user of cloud-init: who it is, and a drop-in that keeps it without a password.

The guest has no YAML library to count on, so the one name is looked for line by line.
"""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree

FOLDER = "/etc/cloud/cloud.cfg.d"
_MAIN = "/etc/cloud/cloud.cfg"


def default_user(tree: Tree) -> str:
    """Name of the account that cloud-init makes at first boot; empty when there is none or it is not known."""
    paths = [_MAIN, *(f"{FOLDER}/{name}" for name in tree.names(FOLDER) if name.endswith(".cfg"))]
    names = [name_in(tree.read(path) or "") for path in paths]
    return next((name for name in reversed(names) if name), "")  # of drop-ins the last counts


def name_in(text: str) -> str:
    """Value of system_info.default_user.name in one file, empty when it says nothing."""
    name, outer, inner = "", None, None
    for line in text.split("\n"):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip(" "))
        if outer is not None and indent <= outer:
            outer = None
        if words.startswith("default_user:"):
            outer, inner = indent, None
            for part in words.partition(":")[2].strip(" {}").split(","):  # {name: x, ...}
                name = _value(part, "name") or name
        elif outer is not None:
            inner = indent if inner is None else inner
            if indent == inner:
                name = _value(words, "name") or name
    return name


def _value(words: str, key: str) -> str:
    found, colon, value = words.strip(" {}").partition(":")
    return value.partition(" #")[0].strip("\"' ") if colon and found.strip("\"' ") == key else ""


def drop_in(user: str) -> str:
    """The drop-in's text.

    Where cloud-init's user is root, closing root to SSH would leave nobody who can log in; so it is not said there.
    """
    text = "# Managed by Ansible, module hallmark.images.account_policy; changes here are lost.\nssh_pwauth: false\n"
    if user and user != "root":
        text += "disable_root: true\n"
    if user:
        text += "system_info:\n  default_user:\n    lock_passwd: true\n"
    return text


def has_sudo_without_password(tree: Tree, user: str) -> bool:
    """Whether some rule of sudo that begins with the user's name asks for no password."""
    paths = ["/etc/sudoers", *(f"/etc/sudoers.d/{name}" for name in tree.names("/etc/sudoers.d"))]
    lines = [line.split() for path in paths for line in (tree.read(path) or "").split("\n")]
    return any(words[:1] == [user] and "NOPASSWD:" in " ".join(words) for words in lines)
