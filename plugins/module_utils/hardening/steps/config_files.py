# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module config_files; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import LANGUAGES, winning
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree, octal
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

FILE = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["file", "directory", "link", "absent"], "default": "file"},
    "content": {"type": "str"},
    "target": {"type": "str"},
    "ours": {"type": "str"},
    "mode": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "needs": {"type": "path"},
    "language": {"type": "str", "choices": sorted(LANGUAGES)},
    "systemd_reload": {"type": "bool", "default": False},
}
OPTIONS = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": FILE,
        "required_if": [("state", "file", ["content"]), ("state", "link", ["target"])],
    },
    "record": {"type": "path"},
    "root": {"type": "path", "default": "/"},
}
_HEADER = "# Links that Ansible, module hallmark.images.config_files, made; those not wanted any more are removed.\n"


def put(tree: Tree, file: dict) -> bool:
    """Bring one file to its state; returns whether it changed."""
    path, state = file["path"], file["state"]
    if state == "absent":
        is_ours = file["ours"] is None or file["ours"] in (tree.read(path) or "")
        return is_ours and tree.remove(path)
    if state == "link":
        return tree.link(path, tree.found(file["target"]) or file["target"])
    mode = octal(file["mode"] or ("0755" if state == "directory" else "0644"), f"files: {path}: mode")
    if state == "directory":
        return tree.directory(path, mode, file["owner"], file["group"])
    return tree.write(path, file["content"], mode, file["owner"], file["group"])


def put_all(tree: Tree, files: list[dict], record: str | None = None) -> tuple[list[str], bool]:
    """Bring all files to their states; returns the paths left alone and whether systemd must read again."""
    skipped, made, reload = [], set(), False
    for file in files:
        if file["needs"] and not tree.found(file["needs"]):
            skipped.append(file["path"])
        elif put(tree, file):
            made.add(file["path"])
            reload = reload or file["systemd_reload"]
    if record and clear(tree, record, files, made):
        reload = True
    return skipped, reload


def clear(tree: Tree, record: str, files: list[dict], made: set[str]) -> bool:
    """Remove links of earlier lists that this one has not, and keep `record` of those that were not there before us.

    :param made: paths that were changed now.
    :returns: whether a link was removed.
    """
    lines = (line.partition(" -> ") for line in (tree.read(record) or "").splitlines())
    known = {path: target for path, arrow, target in lines if arrow}
    wanted = {file["path"]: tree.found(file["target"]) or file["target"] for file in files if file["state"] == "link"}
    gone = [path for path, target in known.items() if path not in wanted and tree.target(path) == target]
    for path in gone:
        tree.remove(path)
    ours = {path: target for path, target in wanted.items() if path in known or path in made}
    if ours:
        tree.write(record, _HEADER + "".join(f"{path} -> {target}\n" for path, target in sorted(ours.items())), 0o644)
    else:
        tree.remove(record)
    return bool(gone)


def outvoted(tree: Tree, files: list[dict], skipped: list[str]) -> list[str]:
    """Warnings about settings of the files that others' files give another value."""
    found = []
    for file in files:
        if file["language"] and file["state"] == "file" and file["path"] not in skipped:
            found += winning(tree, file["path"], file["content"], LANGUAGES[file["language"]])
    return found


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    skipped, reload = put_all(task.tree, task.params["files"], task.params["record"])
    if reload:
        task.reload_systemd()
    return {"left_alone": skipped, "warnings": outvoted(task.tree, task.params["files"], skipped)}
