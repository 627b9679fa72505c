# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder with definitions, and Ansible's commands as a user types them."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest

REPOSITORY = pathlib.Path(__file__).parents[4]


@dataclasses.dataclass(frozen=True)
class Ansible:
    """Runs commands of ansible-core in a folder, with an empty home."""

    home: pathlib.Path
    collections: pathlib.Path = REPOSITORY / ".collections"

    def __call__(self, command: str, *arguments: str | os.PathLike, cwd: pathlib.Path, **environment: str):
        executable = pathlib.Path(sys.executable).with_name(command)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        return subprocess.run(
            [executable, *map(os.fspath, arguments)],
            cwd=cwd,
            env=inherited
            | {"HOME": str(self.home), "ANSIBLE_COLLECTIONS_PATH": str(self.collections), "LC_ALL": "C.UTF-8"}
            | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def list(self, inventory: str | os.PathLike, *arguments: str, cwd: pathlib.Path) -> dict[str, t.Any]:
        """Variables of all hosts and the members of all groups, as `ansible-inventory --list` prints them."""
        result = self("ansible-inventory", "-i", inventory, "--list", *arguments, cwd=cwd)
        assert result.returncode == 0, result.stderr
        assert not result.stderr, result.stderr
        return json.loads(result.stdout)


def _write_tree(folder: pathlib.Path, files: dict[str, str | bytes]) -> pathlib.Path:
    """Write files by their relative names; the inventory file is added when it is not among them."""
    for name, content in ({"hallmark.yml": "plugin: hallmark.images.definitions\n"} | files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.fixture(scope="module")
def ansible(tmp_path_factory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def write_tree() -> t.Callable[[pathlib.Path, dict[str, str | bytes]], pathlib.Path]:
    return _write_tree


@pytest.fixture
def images(tmp_path) -> t.Callable[[dict[str, str | bytes]], pathlib.Path]:
    return lambda files: _write_tree(tmp_path / "images", files)
