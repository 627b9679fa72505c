# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schema cannot say: files that have to exist, names that have to be unique."""

from __future__ import annotations

import os
import typing as t

from ansible.template import trust_as_template

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import Document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Path, Problem
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.schema import OWN_SCHEMA, Deferred, defer


def check_references(document: Document, platform: str) -> list[Problem]:
    """Problems with the files and names that a definition of the right shape refers to."""
    problems = []
    for path, value in _file_values(document):
        if reason := why_unreadable(resolve(document, value)):
            problems.append(document.problem(path, value, reason))
    # With QEMU a disk's file and serial are its name; elsewhere a name is for people.
    return problems + ([] if platform in OWN_SCHEMA else list(_repeated_disks(document)))


def referenced_files(document: Document) -> list[str]:
    """Absolute paths of the files that a definition names and that become part of its build, in the order of the keys.

    The source is not among them: its own checksum stands for it.
    """
    return [resolve(document, value) for path, value in _file_values(document) if path[0] != "source"]


def anchor_source(document: Document) -> None:
    """Make the path of a ready image absolute, in place: the module that takes it runs in another folder."""
    for path, value in _file_values(document):
        if path == ("source", "path"):
            _get(document.data, ("source",))["path"] = trust_as_template(resolve(document, value))


def resolve(document: Document, value: str) -> str:
    """The absolute path of a file that a definition names: relative paths begin at the definition's folder."""
    return os.path.normpath(os.path.join(os.path.dirname(document.file), os.path.expanduser(value)))


def _file_values(document: Document) -> t.Iterator[tuple[Path, str]]:
    data = defer(document.data)
    places: list[Path] = [("source", "path"), ("builder", "user_data_file"), ("provision",)]
    tests = _get(data, ("baseline", "tests"))
    places += [("baseline", "tests", index) for index in range(len(tests) if isinstance(tests, list) else 0)]
    for place in places:
        value = _get(data, place)
        if isinstance(value, str) and value:
            yield place, value


def _get(data: t.Any, path: Path) -> t.Any:
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
        else:
            return None
    return data


def why_unreadable(file: str) -> str:
    """What would be right instead of this path; empty when it is a file that can be read."""
    if os.path.isdir(file):
        return f"a file; {file} is a folder"
    if not os.path.isfile(file):
        return f"a file that exists; there is no file {file}"
    if not os.access(file, os.R_OK):
        return f"a file that can be read; {file} cannot (permissions)"
    return ""


def _repeated_disks(document: Document) -> t.Iterator[Problem]:
    disks = _get(defer(document.data), ("builder", "data_disks"))
    seen: dict[str, int] = {}
    for index, disk in enumerate(disks if isinstance(disks, list) else ()):
        name = _get(disk, ("name",))
        if isinstance(name, Deferred) or not isinstance(name, str):
            continue
        if name in seen:
            line = document.line(("builder", "data_disks", seen[name], "name"))
            place: Path = ("builder", "data_disks", index, "name")
            yield document.problem(place, name, f"a name of its own; the disk in line {line} has this one")
        seen.setdefault(name, index)
