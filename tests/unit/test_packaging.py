# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball users install: what it holds, what it must not hold, and that every plugin in it explains itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

# The tarball is built once, so all of this runs on one worker.
pytestmark = pytest.mark.xdist_group("packaging")

SHIPPED = ("docs/", "images/", "meta/", "playbooks/", "plugins/", "policies/", "roles/")
LITTER = (
    ".env",
    ".venv/bin/python",
    ".cache/index",
    ".pytest_cache/README.md",
    ".ansible/collections/x",
    "build/20260101t000000-abcdef/image.qcow2",
    "dist/hallmark-images-0.0.1.tar.gz",
    "plugins/modules/__pycache__/qemu_image.cpython-311.pyc",
    "plugins/module_utils/build/.waiting.py.swp",
    "roles/sysctl/tests/__pycache__/test_sysctl.cpython-311.pyc",
    "roles/sysctl/tests/.pytest_cache/README.md",
    "tests/output/junit/results.xml",
    "changelogs/.plugin-cache.yaml",
)
ROOT = Path(__file__).resolve().parents[2]
# Folder of plugins → what ansible-doc calls their type. An action is documented by the module of its name.
TYPES = {"modules": "module"} | {name: name for name in ("callback", "connection", "filter", "inventory", "lookup")}
PLUGINS = {
    folder: [f"hallmark.images.{path.stem}" for path in sorted((ROOT / "plugins" / folder).glob("[!_]*.py"))]
    for folder in TYPES
}


def ansible(command: list[str | Path], folder: Path) -> str:
    """Output of a command of Ansible, run in a folder with only the collections in it; it must succeed."""
    environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(folder)}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def documentation(collections: Path, kind: str, names: list[str]) -> dict[str, dict]:
    """Documentation of the named plugins of one kind, as ansible-doc --json gives it."""
    return json.loads(ansible(["ansible-doc", "--json", "-t", kind, *names], collections))


@pytest.fixture(scope="module")
def tarball(root: Path, tracked_files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball made from a copy of the checkout that is littered as a used one is."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in tracked_files:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, copy / name)
    for name in LITTER:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("litter")
    output = tmp_path_factory.mktemp("dist")
    ansible(["ansible-galaxy", "collection", "build", copy, "--output-path", output], output)
    (made,) = output.iterdir()
    return made


@pytest.fixture(scope="module")
def shipped(tarball: Path) -> set[str]:
    """The names of the files in the tarball."""
    with tarfile.open(tarball) as archive:
        return {member.name for member in archive if not member.isdir()}


@pytest.fixture(scope="module")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections folder with the tarball installed as a user installs it."""
    folder = tmp_path_factory.mktemp("collections")
    ansible(["ansible-galaxy", "collection", "install", "--offline", "-p", folder, tarball], folder)
    return folder


def test_holds_no_litter(shipped: set[str]) -> None:
    dotted = {name for name in shipped if any(part.startswith(".") for part in name.split("/"))}
    assert dotted | (shipped & set(LITTER)) == set()


def test_holds_nothing_git_does_not_know(shipped: set[str], tracked_files: list[str]) -> None:
    assert shipped - set(tracked_files) == {"FILES.json", "MANIFEST.json"}


def test_holds_everything_a_user_needs(shipped: set[str], tracked_files: list[str]) -> None:
    needed = {name for name in tracked_files if name.startswith(SHIPPED) and "/." not in name}
    needed |= {"README.md", "LICENSE", "CHANGELOG.md", "requirements.txt", "bindep.txt"}
    assert needed - shipped == set()


def test_holds_the_checks_of_the_roles(shipped: set[str], tracked_files: list[str]) -> None:
    checks = {name for name in tracked_files if name.startswith("roles/") and "/tests/test_" in name}
    assert checks
    assert checks - shipped == set()


def test_holds_no_development_files(shipped: set[str]) -> None:
    development = {"Makefile", "ansible.cfg", "build", "dist", "molecule", "pyproject.toml", "tests", "tools"}
    assert {name.split("/")[0] for name in shipped} & development == set()


@pytest.mark.parametrize("folder", [folder for folder, plugins in PLUGINS.items() if plugins])
def test_every_plugin_has_documentation(installed: Path, folder: str) -> None:
    documented = documentation(installed, TYPES[folder], PLUGINS[folder])
    assert [name for name in PLUGINS[folder] if not documented.get(name, {}).get("doc")] == []


def test_every_role_has_documentation(installed: Path, root: Path) -> None:
    roles = [f"hallmark.images.{path.parent.name}" for path in sorted(root.glob("roles/*/tasks"))]
    documented = documentation(installed, "role", roles)
    assert [name for name in roles if "main" not in documented.get(name, {}).get("entry_points", {})] == []
