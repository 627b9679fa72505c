# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the definitions in a tree of folders: C(<root>/<platform>/<os>/<name>/main.yml)."""

from __future__ import annotations

import collections
import dataclasses
import difflib
import os
import re
import typing as t

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Problem, shorten

#: Platforms that this release builds on.
PLATFORMS: t.Final = ("alicloud", "aws", "qemu")
FILE_NAME: t.Final = "main.yml"
PACKER_FILE_NAME: t.Final = "main.json"
#: Folders beside the inventory file that are Ansible's.
_NOT_PLATFORMS: t.Final = ("group_vars", "host_vars", "roles")
_RESERVED: t.Final = ("all", "ungrouped", "localhost")
_HOST: t.Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_GROUP: t.Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a definition lies, and what its folders say about it. C(file) is an absolute path."""

    platform: str
    os: str
    name: str
    file: str

    @property
    def directory(self) -> str:
        """Folder of the definition, absolute."""
        return os.path.dirname(self.file)

    @property
    def groups(self) -> tuple[str, str, str]:
        """Groups of the definition's host."""
        return self.platform, self.os, f"{self.platform}_{self.os}"


@dataclasses.dataclass(slots=True)
class Tree:
    """What was found: places in a stable order, problems, and notes that are no errors."""

    places: list[Place] = dataclasses.field(default_factory=list)
    problems: list[Problem] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)


def find_definitions(roots: t.Iterable[str]) -> Tree:
    """Look through the roots (absolute paths); nothing is raised, what is wrong is in the result."""
    tree = Tree()
    for root in {os.path.realpath(root): root for root in roots}.values():
        _Search(tree, root).run()
    tree.problems += _collisions(tree.places)
    return tree


class _Search:
    """One walk through one root."""

    def __init__(self, tree: Tree, root: str) -> None:
        self._tree = tree
        self._root = root

    def run(self) -> None:
        if not os.path.isdir(self._root):
            self._wrong(self._root, "a folder that exists, as root of definitions")
            return
        found = len(self._tree.places)
        for platform, path in self._folders(self._root).items():
            if platform in PLATFORMS:
                self._misplaced(path)
                for system, system_path in self._folders(path).items():
                    self._misplaced(system_path)
                    for name, folder in self._folders(system_path).items():
                        self._look_at(platform, system, name, folder)
            elif platform not in _NOT_PLATFORMS:
                self._look_for_strays(platform, path)
        if len(self._tree.places) == found and not self._tree.problems:
            self._tree.warnings.append(f"no definitions in {shorten(self._root)} (<platform>/<os>/<name>/{FILE_NAME})")

    def _look_at(self, platform: str, system: str, name: str, folder: str) -> None:
        files = self._list(folder)
        path = os.path.join(folder, FILE_NAME)
        if FILE_NAME in files:
            self._check_names(system, name, path)
            self._tree.places.append(Place(platform, system, name, path))
            return
        mistaken = [file for file in files if file.lower().endswith((".yml", ".yaml", ".yml.j2"))]
        alike = [file for file in mistaken if file.lower().startswith("main.")]
        if PACKER_FILE_NAME in files and not alike:
            packer = shorten(os.path.join(folder, PACKER_FILE_NAME))
            self._tree.warnings.append(f"{packer}: Packer templates are not read yet; write a {FILE_NAME} beside it")
        elif mistaken:
            wrong = os.path.join(folder, (alike or mistaken)[0])
            self._wrong(wrong, f"the definition in this folder is named {FILE_NAME}")
        else:
            for path in self._folders(folder).values():
                self._misplaced(path)

    def _look_for_strays(self, name: str, folder: str) -> None:
        """Definitions below a folder that is no platform: a misspelt platform is an error, anything else may be."""
        inner = [path for system in self._folders(folder).values() for path in self._folders(system).values()]
        strays = [file for path in inner if os.path.isfile(file := os.path.join(path, FILE_NAME))]
        likely = difflib.get_close_matches(name.lower(), PLATFORMS, n=1)
        if strays and likely:
            self._wrong(strays[0], f"unknown platform, did you mean {likely[0]}?", "platform", name)
        elif strays:
            known = ", ".join(PLATFORMS)
            self._tree.warnings.append(f"{shorten(folder)}: not read, {name} is no platform (known are {known})")

    def _misplaced(self, folder: str) -> None:
        """A definition at the wrong depth would be overlooked in silence."""
        path = os.path.join(folder, FILE_NAME)
        if os.path.lexists(path):
            self._wrong(path, f"a definition lies in <platform>/<os>/<name>/{FILE_NAME} below {shorten(self._root)}")

    def _check_names(self, system: str, name: str, file: str) -> None:
        if not _GROUP.fullmatch(system):
            self._wrong(file, "a folder name that can be a group: a-z, 0-9 and _, as linux", "os", system)
        if not _HOST.fullmatch(name) or name in _RESERVED:
            right = "a folder name that can be a host: at most 63 of A-Z, a-z, 0-9, '.', '_' and '-', beginning with a"
            self._wrong(file, f"{right} letter or digit, and none of {', '.join(_RESERVED)}", "name", name)

    def _folders(self, folder: str) -> dict[str, str]:
        paths = {name: os.path.join(folder, name) for name in self._list(folder) if not name.startswith(".")}
        return {name: path for name, path in paths.items() if os.path.isdir(path)}

    def _list(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(folder))
        except OSError as error:
            self._wrong(folder, f"a folder that can be read ({error.strerror})")
            return []

    def _wrong(self, file: str, right: str, key: str = "", value: str = "") -> None:
        self._tree.problems.append(Problem(file, right, key=key, value=value))


def _collisions(places: list[Place]) -> t.Iterator[Problem]:
    """Hosts with one name would silently become one host; a host and a group with one name confuse --limit."""
    by_name = collections.defaultdict(list)
    groups: dict[str, Place] = {}
    for place in places:
        by_name[place.name].append(place)
        for group in place.groups:
            groups.setdefault(group, place)
    for name, same in by_name.items():
        for other in same[1:]:
            right = f"a name of its own; {shorten(same[0].file)} has this one"
            yield Problem(other.file, right, key="name", value=name)
        if name in groups:
            right = f"a name that is no group; {shorten(groups[name].file)} makes the group {name}"
            yield Problem(same[0].file, right, key="name", value=name)
