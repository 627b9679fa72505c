# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.sudo_defaults import judge
from ansible_collections.hallmark.images.plugins.modules import sudo_defaults
from support.image_tree import name_root


class Task:
    """Takes the place of the step's task where visudo is asked."""

    def __init__(self, top, code):
        self.tree, self.code, self.asked = Tree(str(top)), code, []

    def run(self, command, data):
        self.asked.append((" ".join(command), data))
        return self.code, "", 'stdin:2:13: unknown defaults entry "foo"\n'


@pytest.fixture
def top(tmp_path):
    for folder in ("usr/sbin", "etc/sudoers.d"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/sbin/visudo").touch()
    name_root(tmp_path)
    return tmp_path


def test_visudo_judges_before_anything_is_put_in_place(top):
    task = Task(top, 0)
    judge(task, ["use_pty"])
    assert [command for command, _text in task.asked] == ["/usr/sbin/visudo -c -f -"]
    assert task.asked[0][1].endswith("\nDefaults\tuse_pty\n")
    with pytest.raises(
        HardeningError, match=r'^defaults: visudo rejects them, nothing was changed: stdin:2:13: unknown .* "foo"$'
    ):
        judge(Task(top, 1), ["foo"])
    (top / "usr/sbin/visudo").unlink()
    judge(Task(top, 1), ["foo"])


def test_the_module_itself(top, capsys):
    def run(**arguments):
        with patch_module_args({"root": str(top), **arguments}), pytest.raises(SystemExit):
            sudo_defaults.main()
        return json.loads(capsys.readouterr().out)

    assert run(defaults=["use_pty"])["left_alone"] == ["/etc/sudoers"]
    (top / "etc/sudoers").write_text("#includedir /etc/sudoers.d\n")
    assert run(defaults=["use_pty"], _ansible_check_mode=True)["changed"] is True
    assert run(defaults=["use_pty"])["changed"] is True
    assert run(defaults=["use_pty"])["changed"] is False
    assert run(defaults=["use pty"])["msg"].startswith("defaults: 'use pty' is no setting of sudoers(5)")
    assert run(defaults=[])["changes"] == [
        {"path": "/etc/sudoers.d/zz-hallmark", "key": "file", "before": "present", "after": "absent"}
    ]
