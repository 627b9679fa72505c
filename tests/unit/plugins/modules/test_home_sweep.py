# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.hallmark.images.plugins.modules import home_sweep


def run(capsys, **arguments):
    """What the module prints for these arguments, which are completed by its own defaults."""
    with patch_module_args(arguments), pytest.raises(SystemExit):
        home_sweep.main()
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def top(tmp_path):
    for folder in ("etc/ssh", "root"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    for name in ("etc/hosts.equiv", "etc/shosts.equiv", "etc/ssh/shosts.equiv", "root/.netrc", "root/.forward"):
        (tmp_path / name).touch()
    return tmp_path


def test_its_defaults_find_everything(top, capsys):
    done = run(capsys, root=str(top))
    assert (done["changed"], len(done["changes"]), len(done["found"])) == (True, 5, 5)
    assert os.listdir(top / "root") == []
    assert run(capsys, root=str(top))["changed"] is False


def test_check_mode_and_report_change_nothing(top, capsys):
    dry = run(capsys, root=str(top), _ansible_check_mode=True)
    assert (dry["changed"], len(dry["changes"])) == (True, 5)
    told = run(capsys, root=str(top), action="report")
    assert (told["changed"], told["changes"], told["found"]) == (False, [], dry["found"])
    assert sorted(os.listdir(top / "root")) == [".forward", ".netrc"]


def test_bad_input_is_one_clear_line(top, capsys):
    failed = run(capsys, root=str(top), names=["passwd"])
    assert failed["msg"].startswith("names: 'passwd' is not the name of a hidden file")
    assert run(capsys, root=str(top / "none"))["msg"].startswith("root: ")
