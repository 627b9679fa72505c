# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A booted machine of a hardened image, to apply the roles and the baseline to, and to break."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.machine import playbook
from support.plain_qemu import PlainMachine


class HardenedGuest:
    """The machine.

    :ivar folder: for playbooks and what they bring back.
    :ivar journal: errors that its first boot logged.
    """

    journal = ""

    def __init__(self, machine: PlainMachine, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        self.inventory = folder / "inventory.json"
        self.inventory.write_text(json.dumps({"all": {"hosts": {"guest": machine.variables()}}}))

    def play(self, tasks: list[dict[str, Any]], *arguments: str) -> str:
        """Run tasks on the machine; what Ansible printed."""
        text = json.dumps([{"hosts": "all", "gather_facts": False, "become": True, "tasks": tasks}])
        done = playbook(text, self.folder, "-i", str(self.inventory), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def baseline(self, areas: Sequence[str] = (), profile: str = "default") -> dict[str, dict[str, Any]]:
        """Outcome of each control of a profile; of some areas only, where they are named."""
        keep = "{{ found.results | to_json }}"
        action = {"gate": False, "profile": profile} | ({"areas": list(areas)} if areas else {})
        copy = {"content": keep, "dest": str(self.folder / "found.json"), "mode": "0600"}
        self.play(
            [
                {"name": "Check", "hallmark.images.baseline": action, "register": "found"},
                {"name": "Keep", "ansible.builtin.copy": copy, "delegate_to": "localhost", "become": False},
            ],
            "-e",
            json.dumps({"ansible_playbook_python": sys.executable}),
        )
        results = json.loads((self.folder / "found.json").read_text())
        return {result["control"]: result for result in results}

    def failing(self, *areas: str) -> set[str]:
        """Ids of failed controls."""
        return {name for name, result in self.baseline(areas).items() if result["status"] == "failed"}

    def harden(self, *arguments: str, **variables: Any) -> str:
        """Run the umbrella role; what Ansible printed."""
        role = {"name": "Harden", "ansible.builtin.include_role": {"name": "hallmark.images.os_hardening"}}
        return self.play([role], "-e", json.dumps(variables), *arguments)

    def sudo(self, script: str) -> str:
        """Run a shell script as root; what it printed.

        Its processes have their code at the same addresses. Where they are random, QEMU before 8 translates the code of
        each process again: a hundred times /bin/true took 2.1 s, and 0.5 s without.
        """
        return self.machine.ssh("sudo -n setarch -R sh", script)
