# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.sshd_settings import refuse
from ansible_collections.hallmark.images.plugins.modules import sshd_settings
from support.image_tree import name_root


class Task:
    """Takes the place of the step's task; `codes` are what sshd says of the new and of the present configuration."""

    def __init__(self, top, *codes):
        self.tree, self.codes, self.asked = Tree(str(top)), list(codes), []

    def run(self, command, data=None):
        self.asked.append((" ".join(command), data))
        return self.codes.pop(0), "", "line 1: Bad configuration option: Foo\n"


@pytest.fixture
def top(tmp_path, monkeypatch):
    for folder in ("usr/sbin", "etc/ssh", "proc/self"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/sbin/sshd").touch()
    (tmp_path / "etc/ssh/sshd_config").write_text("Port 22\n")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return tmp_path


def test_sshd_judges_the_settings_before_they_are_written(top):
    task = Task(top, 0)
    refuse(task, {"Banner": "none"})
    assert task.asked == [("/usr/sbin/sshd -t -f /dev/stdin", "Banner none\nPort 22\n")]


def test_settings_that_sshd_rejects_are_refused(top):
    with pytest.raises(HardeningError, match=r"^settings: sshd rejects them, nothing was changed: line 1: Bad .* Foo$"):
        refuse(Task(top, 255, 0), {"Foo": "x"})


def test_what_sshd_rejects_without_them_too_is_not_their_fault(top):
    refuse(Task(top, 255, 255), {"Banner": "none"})


def test_without_the_program_nothing_is_asked(top):
    (top / "usr/sbin/sshd").unlink()
    task = Task(top)
    refuse(task, {"Banner": "none"})
    assert task.asked == []


@pytest.mark.parametrize(
    ("connection", "login", "value", "refused"),
    [
        ("192.0.2.1 1 192.0.2.2 22", "0", "no", True),
        ("192.0.2.1 1 192.0.2.2 22", "0", "prohibit-password", False),
        ("192.0.2.1 1 192.0.2.2 22", "1000", "no", False),  # became root by su or doas
        ("192.0.2.1 1 192.0.2.2 22", None, "no", False),
        (None, "0", "no", False),  # at the console
    ],
)
def test_the_login_of_ansible_itself_is_not_closed(top, monkeypatch, connection, login, value, refused):
    if connection:
        monkeypatch.setenv("SSH_CONNECTION", connection)
    if login:
        (top / "proc/self/loginuid").write_text(login)
    if refused:
        with pytest.raises(HardeningError, match="log in as a user that becomes root by sudo"):
            refuse(Task(top, 0), {"PermitRootLogin": value})
    else:
        refuse(Task(top, 0), {"PermitRootLogin": value})


def test_the_module_leaves_out_what_sshd_does_not_know(top, capsys):
    name_root(top)
    (top / "usr/sbin/sshd").write_bytes(b"permitrootlogin\0aes256-ctr\0")

    def run(**arguments):
        with patch_module_args({"root": str(top), **arguments}), pytest.raises(SystemExit):
            sshd_settings.main()
        return json.loads(capsys.readouterr().out)

    given = {
        "settings": {"PermitRootLogin": "no", "DebianBanner": "no"},
        "optional": ["DebianBanner"],
        "algorithms": {"Ciphers": ["rot13", "aes256-ctr"]},
    }
    assert run(**given)["left_out"] == ["DebianBanner", "Ciphers: rot13"]
    lines = (top / "etc/ssh/sshd_config").read_text().split("\n")
    assert lines[1:3] == ["PermitRootLogin no", "Ciphers aes256-ctr"]
    assert run(**given)["changed"] is False
    assert run(settings={"DebianBanner": "no"})["msg"].startswith("settings: DebianBanner is no keyword")
    assert run(**given, state="absent")["changed"] is True
    assert (top / "etc/ssh/sshd_config").read_text() == "Port 22\n"
