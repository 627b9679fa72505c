# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module seal refuses, tried on this very computer: nothing here can get past check mode."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Ansible runs on this very machine"),
        ({"force": True, "extra_paths": ["relative"]}, "extra_paths: 'relative' must be an absolute path"),
        ({"force": True, "extra_paths": ["/*"]}, "extra_paths: '/*' must be an absolute path"),
        ({"force": True, "extra_paths": ["/tmp/.."]}, "extra_paths: '/tmp/..' must be an absolute path"),
        ({"force": True, "keep": ["everything"]}, "value of keep must be one or more of"),
    ],
)
def test_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    before = Path("/etc/machine-id").read_text()
    task = {"hallmark.images.seal": options}
    (tmp_path / "site.json").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    done = subprocess.run(
        ["ansible-playbook", "--check", "site.json"],
        cwd=tmp_path,
        env=os.environ | {"ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert Path("/etc/machine-id").read_text() == before
