# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test needs: the collection importable and the commands of the running Python in front.

Nothing of ansible.* is imported here; the tests that need it do so themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytest.register_assert_rewrite("support")  # so that a failed assert there says what it compared


def pytest_configure() -> None:
    """Let child processes (ansible-playbook, pytest) find this checkout and this Python's scripts from any folder."""
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        del os.environ[name]
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".collections")
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])


# First, because pytest-xdist's hook of the same name reads the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one machine on one xdist worker: those under tests/integration share a booted guest.

    End-to-end tests launch machines of their own, so they are free to run beside each other.
    """
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        if item.get_closest_marker("machine") and item.path.is_relative_to(ROOT / "tests/integration"):
            item.add_marker(pytest.mark.xdist_group("machine"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def tracked_files(root: Path) -> list[str]:
    """The checkout's files as git knows them (tracked, or new and not ignored), relative to its top folder."""
    command = ["git", "ls-files", "-coz", "--exclude-standard"]
    found = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return sorted({name for name in found.split("\0") if name and (root / name).is_file()})
