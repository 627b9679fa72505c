# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area yum: what every repository and the package manager say, read as dnf reads them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    files_in,
    marker,
    not_applicable,
    once,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.repositories import (
    CONFIGS,
    DNF,
    FOLDERS,
    MAIN,
    Ini,
    is_clear,
    same,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
LEFTOVERS = [must["path"] for must in CONTROLS["ds-yum-01"]["must"]]
LEGACY = CONTROLS["ds-yum-04"]["must"][0]["names"]


def _command() -> str:
    files = [path for path, _keys in CONFIGS] + [f"{folder}/*.repo" for folder in FOLDERS]
    return f"""\
for path in {" ".join(files)}; do [ -f "$path" ] && echo "$path $(readlink -f "$path")"; done
echo '=texts'; tail -v -n +1 {" ".join(files)} 2>/dev/null
echo '=packages'
dpkg-query -W -f '${{db:Status-Status}} ${{Package}}\\n' {" ".join(LEGACY)} 2>/dev/null
rpm -q --qf 'installed %{{NAME}}\\n' {" ".join(LEGACY)} 2>/dev/null
echo '=tools'; ls -d /usr/bin/dnf /usr/bin/dnf-3 /usr/bin/dnf5 /usr/bin/yum 2>/dev/null
true"""


class Yum:
    """What the command told."""

    def __init__(self, text: str) -> None:
        real, texts, packages, tools = parts_of(text)
        self.real = dict(line.split(" ", 1) for line in real.splitlines())
        self.files = {path: Ini(text, path) for path, text in files_in(texts).items()}
        lines = [line.split() for line in packages.splitlines()]
        self.legacy = sorted(
            words[1] for words in lines if len(words) == 2 and words[0] not in ("not-installed", "config-files")
        )
        self.tools = tools.split()
        #: `(id, file)` of every repository; a file with two names is one.
        self.repositories: list[tuple[str, Ini]] = []
        seen = set()
        for path, ini in self.files.items():
            if self.real.get(path, path) not in seen:
                seen.add(self.real.get(path, path))
                self.repositories += [(name, ini) for name in ini.sections if name != MAIN]

    def main(self, key: str, path: str = DNF) -> str:
        """Value of a setting of the package manager itself."""
        return (self.files[path].get(MAIN, key) if path in self.files else None) or "not set"

    def value(self, name: str, ini: Ini, key: str) -> str:
        """Value in force of a repository: its own, or else the package manager's."""
        return ini.get(name, key) or self.main(key)

    def enabled(self) -> list[tuple[str, Ini]]:
        """The repositories in use."""
        return [(name, ini) for name, ini in self.repositories if same(ini.get(name, "enabled") or "1", "1")]


@pytest.fixture
def yum(host: Any) -> Yum:
    return once(host, "yum", lambda: Yum(output_once(host, _command())))


def _applies(yum: Yum) -> None:
    if not yum.files and not yum.tools:
        not_applicable("there is no dnf and no yum")


def _each_repository(yum: Yum) -> None:
    _applies(yum)
    if not yum.repositories:
        not_applicable("there are no repositories")


@control("ds-yum-01")
def test_leftover_repositories_are_gone(yum: Yum) -> None:
    _applies(yum)
    found = {
        "files": [path for path in LEFTOVERS if path in yum.files],
        "in use": [name for name, _ini in yum.enabled() if re.search(r"debug|(^|-)media|vault", name.lower())],
    }
    assert found == {"files": [], "in use": []}


@control("ds-yum-02")
def test_every_repository_is_verified(yum: Yum) -> None:
    _each_repository(yum)
    found = {f"{ini.path} [{name}]": yum.value(name, ini, "gpgcheck") for name, ini in yum.repositories}
    assert {name: value for name, value in found.items() if not same(value, "1")} == {}


@control("ds-yum-03")
def test_the_package_manager_verifies(yum: Yum) -> None:
    _applies(yum)
    paths = [path for path, _keys in CONFIGS if path in yum.files or (path == DNF and len(yum.tools) > 0)]
    if not paths:
        not_applicable("there is no configuration of the package manager")
    found = {path: yum.main("gpgcheck", path) for path in paths}
    assert {path: value for path, value in found.items() if not same(value, "1")} == {}


@control("ds-yum-04")
def test_legacy_packages_are_gone(yum: Yum) -> None:
    assert yum.legacy == []


@control("x-yum-01")
def test_local_packages_are_verified_and_leftovers_cleaned(yum: Yum) -> None:
    _applies(yum)
    if DNF not in yum.files and not any("dnf" in tool for tool in yum.tools):
        not_applicable("there is no dnf")
    wanted = {must["key"]: must["value"] for must in CONTROLS["x-yum-01"]["must"]}
    found = {key: yum.main(key) for key in wanted}
    assert {key: value for key, value in found.items() if not same(value, wanted[key])} == {}


@control("x-yum-02")
def test_metadata_is_signed(yum: Yum) -> None:
    _each_repository(yum)
    found = {name: yum.value(name, ini, "repo_gpgcheck") for name, ini in yum.enabled()}
    assert {name: value for name, value in found.items() if not same(value, "1")} == {}


@control("x-yum-03")
def test_clear_text_is_signed(yum: Yum) -> None:
    _each_repository(yum)
    found = [
        name for name, ini in yum.enabled() if is_clear(ini, name) and not same(yum.value(name, ini, "gpgcheck"), "1")
    ]
    assert found == []
