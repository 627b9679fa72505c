# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in the machine: what it prints, and that secrets of its steps stay secret."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.hallmark.images.plugins.modules import harden

SECRET = "grub.pbkdf2.sha512.10000.AB"


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs the module; its exit status, its result, and what it wrote to the system's log."""

    def run(steps, **options):
        logged = []
        monkeypatch.setattr(AnsibleModule, "log", lambda _self, text, **_more: logged.append(text))
        with patch_module_args({"steps": steps} | options), pytest.raises(SystemExit) as ended:
            harden.main()
        return ended.value.code, json.loads(capsys.readouterr().out), "".join(logged)

    return run


def boot(top, **options):
    return {"kernel_command_line": {"arguments": [], "password_hash": SECRET, "root": str(top)} | options}


def test_prints_what_was_done(tmp_path, run):
    code, result, _log = run([{"needed_packages": {"root": str(tmp_path)}}])
    assert (code, result["changed"], result["waiting"]) == (0, False, [])
    assert [item["module"] for item in result["results"]] == ["needed_packages"]


def test_check_mode_changes_nothing(tmp_path, run):
    files = [{"path": "/a", "content": "x", "owner": "0", "group": "0"}]
    _code, result, _log = run([{"config_files": {"files": files, "root": str(tmp_path)}}], _ansible_check_mode=True)
    assert [change["path"] for change in result["changes"]] == ["/a"]
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_one_line_and_says_what_was_done_before(tmp_path, run):
    (tmp_path / "folder").mkdir()
    files = [{"path": "/folder", "state": "absent"}]
    steps = [{"needed_packages": {"root": str(tmp_path)}}, {"config_files": {"files": files, "root": str(tmp_path)}}]
    code, result, _log = run(steps)
    assert (code, result["failed"]) == (1, True)
    assert result["msg"].startswith("config_files: /folder: is a directory")
    assert [item["module"] for item in result["results"]] == ["needed_packages"]


def test_secrets_are_not_returned(tmp_path, run):
    _code, result, _log = run([boot(tmp_path)], secrets=[SECRET])
    assert result["invocation"]["module_args"]["steps"][0]["kernel_command_line"]["root"] == str(tmp_path)
    assert SECRET not in json.dumps(result)


@pytest.mark.parametrize("first", [[{"needed_packages": {"no_such": 1}}], []])
def test_secrets_of_steps_that_were_not_checked_are_not_returned(tmp_path, run, first):
    _code, result, _log = run([*first, boot(tmp_path) | ({} if first else {"when": False})], secrets=[SECRET])
    assert SECRET not in json.dumps(result)


def test_secrets_are_not_in_the_systems_log(tmp_path, run):
    assert SECRET not in run([boot(tmp_path)], secrets=[SECRET])[2]
