# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import api_mounts
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from support.image_tree import name_root

OPTIONS = {
    "mounts": [
        {"path": "/run", "source": "tmpfs", "fstype": "tmpfs", "options": ["rw", "nosuid"], "families": []},
        {"path": "/run", "source": "tmpfs", "fstype": "tmpfs", "options": ["noexec"], "families": ["debian"]},
        {"path": "/dev", "source": "devtmpfs", "fstype": "devtmpfs", "options": ["nosuid"], "families": ["suse"]},
    ],
    "hidepid": 2,
    "hidepid_group": "proc",
    "hidepid_services": ["systemd-logind.service", "polkit.service"],
    "hidepid_users": ["polkitd"],
    "hidepid_families": ["debian"],
}
TABLE = """\
22 27 0:21 / /proc {proc} - proc proc {more}
26 24 0:24 / /run {run} - tmpfs tmpfs rw
"""
OPEN = TABLE.format(proc="rw,relatime", more="rw", run="rw,nosuid,noexec")
CLOSED = TABLE.format(
    proc="rw,nosuid,nodev,noexec,relatime", more="rw,gid=999,hidepid=invisible", run="rw,nosuid,noexec"
)
DROP_IN = "etc/systemd/system/systemd-logind.service.d/hallmark-hidepid.conf"


@pytest.fixture
def top(tmp_path):
    for path in ("etc", "usr/lib/systemd/system", "run/systemd/system", "proc/self"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text("ID=debian\n")
    name_root(tmp_path)
    (tmp_path / "usr/lib/systemd/system/systemd-logind.service").write_text("")
    (tmp_path / "proc/self/mountinfo").write_text(OPEN)
    return tmp_path


class Runner:
    """Notes commands, and mounts as the lines say."""

    def __init__(self, top, fail=""):
        self.top, self.fail, self.commands = top, fail, []

    def __call__(self, command):
        self.commands.append(" ".join(command))
        if self.fail and self.fail in self.commands[-1]:
            return 32, "", "mount: not possible\n"
        if command[0] == "mount":
            (self.top / "proc/self/mountinfo").write_text(CLOSED)
        return 0, "", ""


def test_lines_drop_in_and_the_running_system(top):
    run, tree = Runner(top), Tree(str(top))
    assert api_mounts.set_all(tree, OPTIONS, True, run) == []
    assert (top / "etc/fstab").read_text().splitlines() == [
        "tmpfs /run tmpfs rw,nosuid,noexec 0 0",
        "proc /proc proc rw,nosuid,nodev,noexec,relatime,hidepid=2,gid=999 0 0",
    ]
    assert "SupplementaryGroups=proc\n" in (top / DROP_IN).read_text()
    assert not (top / "etc/systemd/system/polkit.service.d").exists()
    # logind must be in the group before it sees nothing any more.
    assert run.commands == [
        "systemctl daemon-reload",
        "systemctl try-restart systemd-logind.service",
        "mount -o remount /proc",
    ]
    again = Tree(str(top))
    assert api_mounts.set_all(again, OPTIONS, True, run) == []
    assert again.changes == []
    assert len(run.commands) == 3


def test_check_mode_foretells_and_runs_nothing(top):
    dry, run = Tree(str(top), check_mode=True), Runner(top)
    api_mounts.set_all(dry, OPTIONS, True, run)
    assert run.commands == []
    assert not (top / "etc/fstab").exists()
    real = Tree(str(top))
    api_mounts.set_all(real, OPTIONS, True, run)
    assert dry.changes == real.changes


def test_an_image_tree_is_only_written(top):
    run = Runner(top)
    api_mounts.set_all(Tree(str(top)), OPTIONS, False, run)
    assert run.commands == []
    assert (top / "etc/fstab").exists()


@pytest.mark.parametrize(("fail", "path"), [("remount /proc", "/proc"), ("try-restart", "systemctl try-restart")])
def test_a_running_system_that_refuses_is_no_error_but_is_told(top, fail, path):
    run = Runner(top, fail)
    failures = api_mounts.set_all(Tree(str(top)), OPTIONS, True, run)
    assert failures[0]["path"].startswith(path)
    assert failures[0]["reason"] == "mount: not possible"
    # Hiding processes from a logind that has not joined the group is what must not happen.
    assert ("mount -o remount /proc" in run.commands) is (path == "/proc")


def test_other_families_and_level_0(top):
    (top / "etc/os-release").write_text("ID=rocky\n")
    tree = Tree(str(top))
    api_mounts.set_all(tree, OPTIONS, False, Runner(top))
    assert (top / "etc/fstab").read_text() == "tmpfs /run tmpfs rw,nosuid 0 0\n"
    (top / "etc/os-release").write_text("ID=debian\n")
    api_mounts.set_all(Tree(str(top)), OPTIONS, False, Runner(top))
    off = OPTIONS | {"hidepid": 0, "mounts": []}
    api_mounts.set_all(Tree(str(top)), off, False, Runner(top))
    assert not (top / DROP_IN).exists()
    assert "hidepid=0" in (top / "etc/fstab").read_text()
    again = Tree(str(top))
    api_mounts.set_all(again, off, False, Runner(top))
    assert again.changes == []


def test_level_0_alone_touches_nothing(top):
    tree = Tree(str(top))
    api_mounts.set_all(tree, OPTIONS | {"hidepid": 0, "mounts": []}, False, Runner(top))
    assert tree.changes == []


def test_a_mount_point_is_an_absolute_path(top):
    wrong = OPTIONS | {"mounts": [OPTIONS["mounts"][0] | {"path": "run"}]}
    with pytest.raises(HardeningError, match="mounts: run: is no absolute path"):
        api_mounts.set_all(Tree(str(top)), wrong, False, Runner(top))
