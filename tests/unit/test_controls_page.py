# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/controls.md is current, and together with what is left out it is the whole catalogue."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml


def test_the_page_is_current(root: Path) -> None:
    done = subprocess.run([sys.executable, root / "tools/controls_page.py", "--check"], check=False)
    assert done.returncode == 0, "run: make docs"


def test_every_control_of_the_catalogue_is_checked_or_left_out_with_a_reason(root: Path) -> None:
    recorded = json.loads((root / "tests/unit/roles/catalogue_ids.json").read_text())
    catalogue = {control: tier for area in recorded.values() for control, tier in area.items()}
    checked = {
        control["id"]
        for path in root.glob("roles/*/tests/controls.yml")
        for control in yaml.safe_load(path.read_text())
    }
    left_out = {item["id"]: item for item in yaml.safe_load((root / "docs/controls_left_out.yml").read_text())}
    assert checked & set(left_out) == set()
    assert checked | set(left_out) == set(catalogue)
    assert all(item["reason"] and item["title"] for item in left_out.values())
    assert {control for control in left_out if catalogue[control] != "extra"} == set()
