# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role seal on a booted machine that other tests go on using: what would end it is only asked for in check mode.

That a sealed machine's image boots as a new machine is tested where builds are.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.machine import Machine

# What other tests' machine needs.
VITAL = ["authorized_keys", "cloud_init", "host_ids", "host_keys", "logs", "machine_id", "package_caches"]
PLANT = """
set -e
fallocate -l 16M /swap; chmod 600 /swap; mkswap -q -L mine -U 5a3e0f7c-4d43-4a0c-8f43-0d3a3f3c6a11 /swap; swapon /swap
head -c 32 /dev/urandom >/var/lib/systemd/random-seed
mkdir -p /tmp/left/over /opt/installer
touch /tmp/left/over/file /var/tmp/.left /root/.bash_history /home/debian/.python_history
"""
LOOK = """
systemctl show -P ExecStop systemd-random-seed.service systemd-update-utmp.service
ls -A /tmp /var/tmp | grep left
ls -d /opt/installer /root/.bash_history /home/debian/.python_history /var/lib/systemd/random-seed 2>/dev/null
cat /proc/swaps | grep /swap
/usr/sbin/blkid -p -s UUID -s LABEL -o export /swap | grep -v DEVNAME
rm /swap
true
"""

pytestmark = pytest.mark.machine


def run(folder: Path, inventory: Path | str, plays: list[dict[str, Any]], *arguments: str) -> tuple[int, str]:
    """Run plays; the exit status and the output."""
    (folder / "site.json").write_text(json.dumps(plays))
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), "site.json", *arguments],
        cwd=folder,
        env=os.environ | {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_seal(machine: Machine, tmp_path: Path) -> None:
    keep = {"action": "ansible.builtin.copy", "delegate_to": "localhost", "become": False}
    tasks = [
        {"ansible.builtin.shell": PLANT},
        {"hallmark.images.seal": {}, "check_mode": True, "register": "foretold"},
        {"ansible.builtin.import_role": {"name": "hallmark.images.seal"}},
        {"ansible.builtin.shell": LOOK, "register": "seen"},
        keep | {"args": {"content": "{{ foretold | to_json }}", "dest": str(tmp_path / "foretold")}},
        keep | {"args": {"content": "{{ seen.stdout }}", "dest": str(tmp_path / "seen")}},
    ]
    variables = {"seal_keep": VITAL, "seal_extra_paths": ["/opt/inst*"]}
    play = {"hosts": "guest", "gather_facts": False, "become": True, "vars": variables, "tasks": tasks}
    status, output = run(tmp_path, machine.inventory, [play])
    assert status == 0, output
    items = json.loads((tmp_path / "foretold").read_text())["items"]
    assert "/home/debian/.ssh/authorized_keys" in items["authorized_keys"]["paths"]
    assert "/root/.ssh/authorized_keys" in items["authorized_keys"]["paths"]
    assert "/etc/ssh/ssh_host_ed25519_key" in items["host_keys"]["paths"]
    assert "/etc/machine-id" in items["machine_id"]["paths"]
    assert "/var/lib/cloud/instances" in items["cloud_init"]["paths"]
    assert "/swap" in items["swap"]["paths"]
    assert "/tmp/left" in items["temporary"]["paths"]
    # No command at shutdown, nothing left, the swap space out of use and formatted as it was.
    assert (tmp_path / "seen").read_text().split() == ["LABEL=mine", "UUID=5a3e0f7c-4d43-4a0c-8f43-0d3a3f3c6a11"]
    assert machine.ssh("cat /etc/machine-id").strip()


def test_diff_names_what_would_go(machine: Machine, tmp_path: Path) -> None:
    play = {"hosts": "guest", "gather_facts": False, "become": True, "roles": ["hallmark.images.seal"]}
    status, output = run(tmp_path, machine.inventory, [play], "--check", "--diff")
    assert status == 0, output
    assert "-/etc/machine-id" in output
    assert "-/etc/ssh/ssh_host_ed25519_key" in output


def test_guest_describes_itself(machine: Machine, tmp_path: Path) -> None:
    tasks = [
        {"hallmark.images.guest_info": {}, "register": "info"},
        {
            "ansible.builtin.copy": {"content": "{{ info.guest | to_json }}", "dest": str(tmp_path / "info")},
            "delegate_to": "localhost",
        },
    ]
    status, output = run(tmp_path, machine.inventory, [{"hosts": "guest", "gather_facts": False, "tasks": tasks}])
    assert status == 0, output
    guest = json.loads((tmp_path / "info").read_text())
    assert guest["os"]["VERSION_CODENAME"] == "bookworm"
    assert guest["machine_id"] == machine.ssh("cat /etc/machine-id").strip()
    shown = machine.ssh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    assert guest["host_keys"]["ssh-ed25519"] == shown
    assert guest["package_manager"] == "dpkg"
    installed = machine.ssh("dpkg-query -W -f '${db:Status-Abbrev} ${Package}\\n' | grep -c ^ii")
    assert len(guest["packages"]) == int(installed)
