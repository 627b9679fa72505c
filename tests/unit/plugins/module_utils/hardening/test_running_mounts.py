# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import running_mounts
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

INFO = """\
22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
24 28 0:6 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=4096k
26 24 0:23 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw
28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
"""


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A machine whose mount table is a file."""
    table = tmp_path / "mountinfo"
    table.write_text(INFO)
    monkeypatch.setattr(running_mounts, "MOUNTINFO", str(table))
    return Tree(str(tmp_path))


def test_of_mounts_over_one_another_the_last_counts():
    found = running_mounts.parse(INFO + "30 24 0:6 / /dev ro,noatime - devtmpfs udev rw\n")
    assert found["/dev"] == ["ro", "noatime"]
    assert found["/dev/shm"] == ["rw", "nosuid", "nodev"]


def test_only_what_is_mounted_and_lacks_a_flag_is_touched(system):
    done = []
    wanted = {"/dev": ["nosuid", "noexec"], "/proc": ["noexec"], "/home": ["nodev"], "/dev/shm": ["noexec", "nodev"]}
    running_mounts.set_flags(system, wanted, lambda *call: done.append(call))
    assert done == [
        ("/dev", ["rw", "nosuid", "relatime", "noexec"]),
        ("/dev/shm", ["rw", "nosuid", "nodev", "noexec"]),
    ]
    assert [item["path"] for item in system.changes] == ["/dev", "/dev/shm"]


def test_check_mode_mounts_nothing(system):
    system.check_mode = True
    running_mounts.set_flags(system, {"/dev": ["noexec"]}, lambda *call: pytest.fail("mounted"))
    assert len(system.changes) == 1


@pytest.mark.parametrize(
    ("names", "rest"),
    [
        ([], []),
        ([".X11-unix", ".font-unix", "systemd-private-0-chrony.service-x", "snap-private-tmp"], []),
        (["ansible_hallmark.images.mount_options_payload_x1"], []),
        (["ansible-tmp-1", "a.txt"], ["ansible-tmp-1", "a.txt"]),
        (["ssh-XXXX", ".X11-unix"], ["ssh-XXXX"]),
    ],
)
def test_what_is_in_the_way(names, rest):
    assert running_mounts.in_the_way(names) == rest


def test_over_files_nothing_is_mounted(system, monkeypatch):
    monkeypatch.setattr(running_mounts.os, "listdir", lambda path: ["somebodys.txt"])
    assert running_mounts.hold(system, ["/tmp", "/var/tmp"]) == ["/tmp"]
    assert f"ConditionPathExists=!{running_mounts.HOLD}\n" in system.read(running_mounts.HOLD)
    system.changes.clear()
    assert running_mounts.hold(system, ["/tmp"]) == ["/tmp"]
    assert system.changes == []
    monkeypatch.setattr(running_mounts.os, "listdir", lambda path: [])
    assert running_mounts.hold(system, ["/tmp"]) == []
    assert not system.exists(running_mounts.HOLD)


@pytest.mark.parametrize("paths", [[], ["/var/tmp"]])
def test_what_is_to_be_no_mount_is_not_held(system, monkeypatch, paths):
    monkeypatch.setattr(running_mounts.os, "listdir", lambda path: ["somebodys.txt"])
    assert running_mounts.hold(system, paths) == []
    assert system.changes == []


def test_what_is_mounted_already_is_left_alone(system):
    running_mounts.start(system, ["/dev/shm"], pytest.fail)
    assert system.changes == []


def test_var_tmp_is_mounted_whatever_is_in_it(system):
    commands = []
    running_mounts.start(system, ["/var/tmp"], commands.append)
    assert commands == [["systemctl", "start", "var-tmp.mount"]]


def test_tmp_gets_its_folders_after_it_is_mounted(system, monkeypatch):
    monkeypatch.setattr(running_mounts.os, "listdir", lambda path: [])
    commands = []
    running_mounts.start(system, ["/tmp"], commands.append)
    assert commands == [["systemctl", "start", "tmp.mount"], ["systemd-tmpfiles", "--create", "--prefix=/tmp"]]


def test_our_own_code_moves_along(tmp_path):
    """What a mount covers is out of sight, but not for who holds the folder open."""
    below = tmp_path / "tmp"
    (below / "ansible_x_payload_1").mkdir(parents=True)
    (below / "ansible_x_payload_1/code.zip").write_text("code")
    (below / "systemd-private-1").mkdir()

    def cover(command):
        if command[0] == "systemctl":
            below.rename(tmp_path / "covered")
            below.mkdir()

    running_mounts.mount_unit(str(below), "tmp.mount", cover)
    assert (below / "ansible_x_payload_1/code.zip").read_text() == "code"
    assert os.listdir(tmp_path / "covered") == ["systemd-private-1"]


def test_a_refused_mount_is_one_clear_line(tmp_path):
    with pytest.raises(HardeningError, match=f"{tmp_path}: cannot change the flags of the mount"):
        running_mounts.remount(str(tmp_path), ["noexec"])  # is none


def test_the_namespace_is_compared():
    assert running_mounts.same_namespace() in (True, False)
    assert os.path.exists("/proc/self/ns/mnt")
