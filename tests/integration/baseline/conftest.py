# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs action baseline as a user does: a playbook, an inventory, ansible-playbook."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.loopback_sshd import Sshd

PLAY = """
- name: Audit
  hosts: web
  gather_facts: false
  tasks:
    - name: Audit and keep the result
      block:
        - name: Baseline
          hallmark.images.baseline: "{{ options }}"
          register: audit
      always:
        - name: Keep
          ansible.builtin.copy:
            content: "{{ audit | to_json }}"
            dest: "{{ playbook_dir }}/result.json"
            mode: "0600"
          delegate_to: localhost
          become: false
          check_mode: false
"""


@dataclasses.dataclass
class Audit:
    """What a user sees, and what the task returned (empty when the machine was unreachable)."""

    rc: int
    output: str
    result: dict[str, Any]

    def statuses(self) -> dict[str, str]:
        return {entry["control"].rpartition("::")[2]: entry["status"] for entry in self.result["results"]}

    def entry(self, control: str) -> dict[str, Any]:
        found = [entry for entry in self.result["results"] if entry["control"].rpartition("::")[2] == control]
        assert len(found) == 1, self.result["results"]
        return found[0]


@pytest.fixture
def audit(tmp_path: Path) -> Callable[..., Audit]:
    """Run checks given as source text; C(options) of the task, C(variables) of the host, more arguments."""

    def run(checks: str = "", options: dict[str, Any] | None = None, variables: Any = None, *arguments: str) -> Audit:
        (tmp_path / "play.yml").write_text(PLAY)
        (tmp_path / "test_app.py").write_text("import pytest\n" + textwrap.dedent(checks))
        host = variables or {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"all": {"hosts": {"web": host}}}
        (tmp_path / "inventory.json").write_text(json.dumps(inventory))
        given = {"areas": [], "tests": ["test_app.py"], **(options or {})}
        (tmp_path / "options.json").write_text(json.dumps({"options": given}))
        (tmp_path / "result.json").unlink(missing_ok=True)
        command = ["ansible-playbook", "-i", "inventory.json", "-e", "@options.json", "play.yml", *arguments]
        environment = {**os.environ, "HOME": str(tmp_path), "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local")}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=170, check=False
        )
        result = tmp_path / "result.json"
        return Audit(
            done.returncode, done.stdout + done.stderr, json.loads(result.read_text()) if result.exists() else {}
        )

    return run


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    folder = tmp_path / "sshd"
    folder.mkdir()
    server = Sshd(folder)
    yield server
    server.stop()
