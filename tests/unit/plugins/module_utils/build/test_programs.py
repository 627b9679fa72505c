# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build import programs
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError


def test_a_missing_program_names_its_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HallmarkError, match="qemu-img is missing: install the package qemu-utils"):
        programs.run("qemu-img", "--version")


def test_a_failing_program_is_told_by_its_last_line(tmp_path):
    with pytest.raises(HallmarkError, match=r"sh failed: second"):
        programs.run("sh", "-c", "echo first >&2; echo second >&2; exit 3")


def test_a_program_that_hangs_is_ended():
    with pytest.raises(HallmarkError, match=r"sleep did not end within 0.1 s"):
        programs.run("sleep", "10", timeout=0.1)
