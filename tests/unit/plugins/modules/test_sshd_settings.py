# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.sshd_settings import reload
from ansible_collections.hallmark.images.plugins.modules import sshd_settings


class Task:
    """Takes the place of the step's task where sshd is told to read again."""

    def __init__(self, top, code=0):
        self.tree, self.code, self.commands, self.warnings = Tree(str(top)), code, [], []

    def run(self, command):
        self.commands.append((" ".join(command), False))
        return self.code, "", "line 3: Bad configuration option\n"

    def must(self, command):
        self.commands.append((" ".join(command), True))

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def top(tmp_path):
    for folder in ("run/systemd/system", "usr/lib/systemd/system", "usr/sbin", "etc/ssh"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/sbin/sshd").touch()
    return tmp_path


@pytest.mark.parametrize("unit", ["ssh.service", "sshd.service"])
def test_a_running_sshd_reads_again(top, unit):
    (top / "usr/lib/systemd/system" / unit).touch()
    task = Task(top)
    reload(task)
    assert task.commands == [("/usr/sbin/sshd -t", False), (f"systemctl try-reload-or-restart {unit}", True)]
    assert task.warnings == []


def test_a_configuration_with_errors_is_not_loaded(top):
    (top / "usr/lib/systemd/system/sshd.service").touch()
    task = Task(top, code=255)
    reload(task)
    assert len(task.commands) == 1
    assert task.warnings[0].endswith("it rejects them: line 3: Bad configuration option")


def test_nothing_is_told_without_a_service_or_systemd(top):
    task = Task(top)
    reload(task)
    (top / "usr/lib/systemd/system/ssh.service").touch()
    (top / "run/systemd/system").rmdir()
    reload(task)
    assert task.commands == []


def test_the_module_itself(top, capsys):
    def run(**arguments):
        with patch_module_args({"root": str(top), **arguments}), pytest.raises(SystemExit):
            sshd_settings.main()
        return json.loads(capsys.readouterr().out)

    assert run(settings={"UsePAM": "yes"})["left_alone"] == ["/etc/ssh/sshd_config"]
    (top / "etc/ssh/sshd_config").write_text("Port 22\n")
    assert run(settings={"UsePAM": "yes"}, _ansible_check_mode=True)["changed"] is True
    assert run(settings={"UsePAM": "yes"})["changed"] is True
    assert run(settings={"UsePAM": "yes"})["changed"] is False
    assert run(settings={}, state="absent")["changed"] is True
    assert (top / "etc/ssh/sshd_config").read_text() == "Port 22\n"
    assert run(settings={"Match": "User x"})["msg"].startswith("settings: 'Match' is no plain keyword")
