# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.build import readiness
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import READY, State

CONSOLE = """Debian GNU/Linux 12 web ttyS0
web login: ci-info: no authorized SSH keys fingerprints found for user debian.
-----BEGIN SSH HOST KEY KEYS-----
[   31.4] ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= root@web
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP root@web
-----END SSH HOST KEY KEYS-----
"""


def test_host_keys_are_found_between_other_messages():
    assert readiness.host_keys(CONSOLE) == [
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP",
    ]


def test_half_the_keys_are_none():
    assert readiness.host_keys(CONSOLE.partition("ssh-ed25519")[0]) == []


def test_a_panic_is_recognised():
    text = "[ 1.0] fine\n[ 2.0] Kernel panic - not syncing: VFS: Unable to mount root fs\n"
    assert readiness.fatal_line(text) == "[ 2.0] Kernel panic - not syncing: VFS: Unable to mount root fs"
    assert readiness.fatal_line(CONSOLE) == ""


def test_an_error_carries_the_last_forty_lines():
    lines = [f"line {number}" for number in range(100)]
    machine = readiness.Watched("machine builder", lambda: State(READY), lambda: lines, "console.log")
    text = str(readiness.with_console(HallmarkError("machine builder: not ready"), machine))
    assert text.startswith("machine builder: not ready\nThe last lines of the console (console.log):\n")
    assert text.split("\n")[2:] == [f"line {number}" for number in range(60, 100)]


def test_ssh_trusts_the_given_host_keys_only():
    command = readiness.ssh_command("debian", "127.0.0.1", 2222, "/s/key", "/s/known")
    assert "StrictHostKeyChecking=yes" in command
    assert 'UserKnownHostsFile="/s/known"' in command
    assert command[-1] == "debian@127.0.0.1"
