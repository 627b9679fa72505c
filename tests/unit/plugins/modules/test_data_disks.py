# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on a running system: what it mounts now, and what it says of the rest."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.hallmark.images.plugins.module_utils.hardening import data_disk_program
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task
from ansible_collections.hallmark.images.plugins.modules import data_disks
from support.image_tree import name_root

DISKS = [
    {"name": "data", "path": "/data"},
    {"name": "my-logs", "path": "/srv/my-logs"},
    {"name": "gone", "path": "/gone"},
]
MOUNTED = "30 1 254:16 / /data rw,nosuid,nodev - ext4 /dev/vdb rw\n"


@pytest.fixture
def top(tmp_path):
    for folder in ("etc", "run/systemd/system", "proc/self"):
        (tmp_path / folder).mkdir(parents=True)
    name_root(tmp_path)
    (tmp_path / "proc/self/mountinfo").write_text(MOUNTED)
    return tmp_path


@pytest.fixture
def run(top, capsys, monkeypatch):
    """Runs the module with two of the disks there; its exit status, its result and the commands it gave."""

    def run(fails="", **options):
        commands = []

        def command(_self, words, *_more):
            commands.append(" ".join(words))
            return (1, "", f"why\n{fails}\n") if fails else (0, "", "")

        def find(disk, every):
            assert len(every) == len(DISKS)
            return {"data": "vdb", "my-logs": "vdc"}.get(disk["name"], "")

        monkeypatch.setattr(Task, "run", command)
        monkeypatch.setattr(data_disk_program, "find", find)
        given = {"disks": DISKS, "live": "true", "root": str(top)} | options
        with patch_module_args(given), pytest.raises(SystemExit) as ended:
            data_disks.main()
        return ended.value.code, json.loads(capsys.readouterr().out), commands

    return run


def test_what_is_there_and_not_mounted_is_mounted(run):
    code, result, commands = run()
    assert (code, result["missing"]) == (0, ["gone"])
    mounts = [change for change in result["changes"] if change["key"] == "mount"]
    assert mounts == [{"path": "/srv/my-logs", "key": "mount", "before": "not mounted", "after": "/dev/vdc"}]
    assert commands == [
        "/usr/local/sbin/hallmark-data-disk prepare my-logs",
        "systemctl start srv-my\\x2dlogs.mount",
    ]


def test_check_mode_foretells_the_mount_and_gives_no_command(run, top):
    code, result, commands = run(_ansible_check_mode=True)
    assert (code, commands) == (0, [])
    assert [change["path"] for change in result["changes"] if change["key"] == "mount"] == ["/srv/my-logs"]
    assert not (top / "usr").exists()


def test_why_a_disk_cannot_be_mounted_is_told(run):
    code, result, _commands = run(fails="data disk my-logs: not mounted: /dev/vdc: holds a partition table (gpt)")
    assert code == 1
    assert result["msg"].endswith("data disk my-logs: not mounted: /dev/vdc: holds a partition table (gpt)")
    assert "/etc/fstab" in [change["path"] for change in result["changes"]]
    assert "mount" not in [change["key"] for change in result["changes"]]


def test_an_image_tree_is_only_written_to(run):
    code, result, commands = run(live="auto")
    assert (code, commands, result["missing"]) == (0, [], [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "timeout: 0: give 1 to 3600 seconds"),
        ({"disks": [{"name": "a", "path": "/a", "ebs": "sdf", "position": 1}]}, "mutually exclusive"),
        ({"disks": [{"name": "a", "path": "/etc"}]}, "/etc holds what the system needs"),
    ],
)
def test_bad_options_change_nothing(run, top, options, message):
    code, result, commands = run(**options)
    assert (code, commands) == (1, [])
    assert message in result["msg"]
    assert not (top / "etc/fstab").exists()
