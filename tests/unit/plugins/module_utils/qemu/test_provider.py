# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is refused or planned for, and which failures of a launch are the emulation's."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter
from ansible_collections.hallmark.images.plugins.module_utils.qemu import process
from ansible_collections.hallmark.images.plugins.module_utils.qemu.provider import QemuProvider

PARAMS = {
    "name": "builder", "hostname": "web", "source": None, "source_format": None, "disk_size": None, "data_disks": [],
    "user_data": None, "user_data_file": None, "firmware": "bios", "machine_type": "q35", "accel": "tcg", "cpus": 1,
    "machines_at_once": 1, "memory": 512, "ssh_port": 0, "expires_after": 60, "console_log": None,
}  # fmt: skip


@pytest.fixture
def provider(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ledger = Ledger("20261123t171452-k3f9q2")
    return lambda check_mode=False, **params: QemuProvider({**PARAMS, **params}, ledger, check_mode)


def test_check_mode_plans_without_a_source_that_is_not_made_yet(provider):
    resources = provider(check_mode=True, disk_size="8G").resources()
    (disk,) = [resource.plan() for resource in resources if resource.kind == "disk"]
    assert (disk["size"], disk["base"]) == (8 << 30, None)


@pytest.mark.parametrize(
    ("params", "check_mode", "expected"),
    [
        ({}, False, "source: missing"),
        ({"disk_size": "99999999T"}, True, "disk_size: '99999999T' is too large: at most 2048T"),
        ({"data_disks": [{"name": "system", "size": "1G", "source": None}]}, True, "data_disks: name 'system'"),
        ({"data_disks": [{"name": "a\n", "size": "1G", "source": None}]}, True, r"data_disks: name 'a\\n'"),
        ({"machine_type": "nosuch"}, True, "machine_type: 'nosuch': one of microvm, .*q35"),
        ({"user_data": "password: canary"}, True, "user_data: of no kind that cloud-init knows"),
        ({"user_data": "#cloud-config\n- canary"}, True, "user_data: is no cloud-config"),
    ],
)
def test_what_cannot_be_is_refused(provider, params, check_mode, expected):
    with pytest.raises(HallmarkError, match=expected) as caught:
        provider(check_mode, **params)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("cpus", "at_once", "expected"), [(2, 1, "2"), (2, 2, "2"), (4, 2, "2"), (4, 3, "1"), (1, 9, "1"), (8, 1, "8")]
)
def test_emulated_machines_share_the_processors(provider, monkeypatch, cpus, at_once, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    command = provider(check_mode=True, disk_size="8G", cpus=cpus, machines_at_once=at_once).machine.command
    assert command[command.index("-smp") + 1] == expected


def test_a_comma_in_the_path_of_the_socket_is_no_separator(provider, tmp_path, monkeypatch):
    folder = Path(tempfile.mkdtemp(prefix="a,b"))  # pytest's own are too long for a socket
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    machine = provider(check_mode=True, disk_size="8G", machine_type="q35,smm=off").machine
    folder.rmdir()
    given = machine.command[machine.command.index("-qmp") + 1]
    assert given == f"unix:{machine.socket.replace(',', ',,')},server=on,wait=off"
    assert machine.socket.startswith(f"{folder}/")


def test_a_process_that_hangs_up_has_ended_a_moment_later(provider, tmp_path, monkeypatch):
    """Its crash is what is told then, because another machine may be spared it."""
    found = provider(check_mode=True, disk_size="8G")
    identifier = "c4d233ce-aebd-44ed-af00-18c67a487014"
    found.machine.log.parent.mkdir(parents=True, exist_ok=True)
    looks = iter([[4711], []])  # the process is seen once more
    monkeypatch.setattr(process, "find", lambda _token: next(looks))
    with pytest.raises(HallmarkError, match=r"^machine builder: QEMU has ended: ") as caught:
        found.wait_ready({"machine/builder": identifier}, Waiter(60, sleep=lambda _seconds: None))
    assert found.worth_another_try(caught.value)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("machine builder: QEMU has ended: general protection fault", True),
        ("machine check-2: Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug", True),
        ("machine builder: [ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs", False),
        ("machine builder: is not ready after 900 s", False),
    ],
)
def test_another_machine_is_tried_only_where_emulation_is_at_fault(reason, expected):
    assert QemuProvider.worth_another_try(object.__new__(QemuProvider), HallmarkError(reason)) is expected
