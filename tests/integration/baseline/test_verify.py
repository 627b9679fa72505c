# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbook verify, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = """
def test_good(host):
    assert host.run("true").rc == 0

def test_bad(host):
    assert host.run("true").rc == 1
"""


@pytest.mark.parametrize(("arguments", "rc"), [([], 2), (["-e", "baseline_gate=false"], 0)])
def test_verify_reports_and_exits(tmp_path: Path, arguments: list[str], rc: int) -> None:
    (tmp_path / "test_app.py").write_text(CHECKS)
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": {"web1": host, "web2": host}}}))
    given = json.dumps({"baseline_areas": [], "baseline_tests": [str(tmp_path / "test_app.py")]})
    command = ["ansible-playbook", "hallmark.images.verify", "-i", "inventory.json", "-e", given, *arguments]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PWD": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == rc, done.stdout + done.stderr
    for name in ("web1", "web2"):
        data = json.loads((tmp_path / "build/verify" / name / "baseline.json").read_text())
        assert data["host"] == name
        assert data["counts"] == {"total": 2, "passed": 1, "failed": 1, "waived": 0, "not_applicable": 0}
        assert (tmp_path / "build/verify" / name / "junit.xml").exists()
    assert ("test_bad: expected 1, found 0 (medium)" in done.stdout + done.stderr) == bool(rc)
