# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that share a machine run on one worker. Where that fails, nothing does, but each worker boots its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

GROUPED = """
import pytest

pytestmark = pytest.mark.xdist_group("one")

@pytest.mark.parametrize("number", range(8))
def test_it(number):
    pass
"""


def verbose(*arguments: str | Path, cwd: Path) -> str:
    """What pytest says of each test when two workers share the work."""
    command = [sys.executable, "-m", "pytest", "-n2", "--dist=loadgroup", "-v", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False).stdout


def test_the_installed_versions_group(tmp_path: Path) -> None:
    (tmp_path / "test_grouped.py").write_text(GROUPED)
    said = verbose("-c", "/dev/null", "--rootdir", tmp_path, tmp_path, cwd=tmp_path)
    assert len(re.findall(r"\[gw\d\].*PASSED", said)) == 8, said
    assert len(set(re.findall(r"\[(gw\d)\]", said))) == 1, said


PROBE = """
import pytest


class Probe:
    def pytest_collection_modifyitems(self, items):
        print("groups", sorted({mark.args[0] for item in items for mark in item.iter_markers("xdist_group")}))


class Late:
    # As pytest-xdist's own plugin: registered after this suite's conftest, so called before it.
    def pytest_sessionstart(self, session):
        session.config.pluginmanager.register(Probe())


pytest.main(["--collect-only", "-q", "tests/integration/test_seal.py"], [Late()])
"""


def test_tests_of_the_shared_machine_are_marked_before_the_marks_are_read(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=root, capture_output=True, text=True, check=False)
    assert "groups ['machine']" in done.stdout, done.stdout + done.stderr
