# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hardening roles in check mode on a booted machine that is not hardened: all is told, nothing is done."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from support.machine import Machine

pytestmark = pytest.mark.machine
#: Everything of the machine that differs when a role has written, set or started something.
STATE = """
find /boot /etc /home /lib/systemd /opt /root /usr /var/lib/dpkg /var/spool -xdev -newercm /run/test-mark
mount | sort
sysctl -a 2>/dev/null | grep -E "^(kernel[.](dmesg_restrict|kptr_restrict|sysrq)|net[.]ipv4[.]conf|fs[.]protected)"
systemctl list-units --all --plain --no-legend --type=service,socket,timer | awk '{print $1, $2}' | grep -v session
"""


def test_check_mode_tells_everything_and_changes_nothing(machine: Machine, tmp_path: Path) -> None:
    role = {"ansible.builtin.include_role": {"name": "hallmark.images.os_hardening"}}
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "become": True, "tasks": [role]}]))
    before = machine.ssh("sudo sh", given=f"touch /run/test-mark; sleep 1{STATE}")
    done = subprocess.run(
        ["ansible-playbook", "-i", str(machine.inventory), str(play), "--check", "--diff"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # One call for each group of areas; each has something to do on a stock machine.
    assert done.stdout.count("changed: [") == 8
    for told in ("auditd", "+kernel.kptr_restrict", "+PASS_MAX_DAYS", "PermitRootLogin", "/tmp", "pam_faillock.so"):
        assert told in done.stdout
    assert machine.ssh("sudo sh", given=STATE) == before
