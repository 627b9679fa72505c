# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module needed_packages; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family
from ansible_collections.hallmark.images.plugins.module_utils.hardening.packages import is_there, parse_status
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

PACKAGE = {
    "name": {"type": "str", "required": True},
    "families": {"type": "list", "elements": "str", "default": []},
    "unless": {"type": "list", "elements": "path", "default": []},
}
OPTIONS = {
    "packages": {"type": "list", "elements": "dict", "default": [], "options": PACKAGE},
    "names": {"type": "list", "elements": "str", "default": []},
    "root": {"type": "path", "default": "/"},
}
_DPKG = "/var/lib/dpkg/status"


def missing(task: Task, names: list[str]) -> list[str]:
    """Of the names those that the package database does not hold."""
    text = task.tree.read(_DPKG)
    if text is not None:
        known = parse_status(text)
        return [name for name in names if name not in known or not is_there(known[name])]
    # One query answers for all; each that is not there is one line of complaint and makes the status bad.
    installed = task.run(["rpm", "--root", task.tree.root, "-q", "--qf", "%{NAME}\\n", *names])[1].split("\n")
    return [name for name in names if name not in installed]


def apply(task: Task) -> dict:
    """Look at the system; returns what the module returns besides its changes."""
    tree = task.tree
    system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
    absent, unsure = [], list(task.params["names"])
    for package in task.params["packages"]:
        if package["families"] and system not in package["families"]:
            continue
        if not package["unless"]:
            unsure.append(package["name"])
        elif not any(tree.found(path) for path in package["unless"]):
            absent.append(package["name"])
    return {"missing_packages": absent + (missing(task, unsure) if unsure else []), "family": system}
