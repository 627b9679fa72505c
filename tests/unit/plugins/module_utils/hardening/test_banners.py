# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.hallmark.images.plugins.module_utils.hardening.banners import (
    escapes,
    names_of_system,
    set_all,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.modules import login_banners
from support.image_tree import name_root
from support.role_vars import ROOT, role_value

FILES = ["/etc/issue", "/etc/issue.net"]
MOTD = "/etc/motd"
TEXT = "Authorized users only."
RELEASE = 'NAME="Example OS"\nID=exos\n'


@pytest.fixture
def top(tmp_path):
    name_root(tmp_path)
    (tmp_path / "etc/issue").write_text("Debian GNU/Linux 12 \\n \\l\n")
    return tmp_path


def apply(top, check_mode=False):
    tree = Tree(str(top), check_mode)
    set_all(tree, TEXT, FILES, [MOTD])
    return tree


def test_banners_are_written_and_stay(top):
    dry = apply(top, check_mode=True)
    assert not (top / "etc/issue.net").exists()
    assert apply(top).result() == dry.result()
    assert [(top / path[1:]).read_text() for path in FILES] == [f"{TEXT}\n"] * 2
    assert not (top / "etc/motd").exists()
    assert apply(top).changes == []


@pytest.mark.parametrize(
    ("motd", "kept"),
    [
        ("Built, hardened and checked by hallmark.images. Access is logged.\n", True),
        ("", True),
        (r" \m/ Kernel panic!", True),
        ("The programs included with the Debian GNU/Linux system are free software;\n", False),
        ("Welcome to Ubuntu 24.04\n", False),
        ("Red  Hat Enterprise\n", False),
        ("An Example OS machine\n", False),
        ("exos-1\n", False),
        ("exosphere\n", True),
    ],
)
def test_a_message_that_names_no_system_is_kept(top, motd, kept):
    (top / "etc/os-release").write_text(RELEASE)
    (top / "etc/motd").write_text(motd)
    (top / "etc/motd").chmod(0o664)
    apply(top)
    assert (top / "etc/motd").read_text() == (motd if kept else f"{TEXT}\n")
    assert (top / "etc/motd").stat().st_mode & 0o777 == 0o644
    assert apply(top).changes == []


def test_the_message_of_the_repositorys_own_definition_is_kept(top):
    own = (ROOT / "images/qemu/linux/debian-12/files/motd").read_text()
    (top / "etc/motd").write_text(own)
    apply(top)
    assert (top / "etc/motd").read_text() == own


def test_a_vendors_file_behind_a_link_is_not_written(top):
    (top / "usr/lib").mkdir(parents=True)
    (top / "usr/lib/issue").write_text("\\S\nKernel \\r on an \\m\n")
    (top / "etc/issue").unlink()
    (top / "etc/issue").symlink_to("../usr/lib/issue")
    assert apply(top, check_mode=True).changes
    apply(top)
    assert not (top / "etc/issue").is_symlink()
    assert (top / "usr/lib/issue").read_text().startswith("\\S")
    assert (top / "etc/issue").read_text() == f"{TEXT}\n"
    assert apply(top).changes == []


@pytest.mark.parametrize("text", ["A Debian machine", "Kernel \\r", "\\S", " \n"])
def test_a_warning_that_tells_something_is_refused(top, text):
    with pytest.raises(HardeningError, match=r"^text: tells .*; write a warning that does not name the system"):
        set_all(Tree(str(top)), text, FILES, [])


def test_the_roles_own_warning():
    text = role_value("banner", "banner_text")
    assert names_of_system(text) == escapes(text) == []
    assert role_value("banner", "__banner_keep") == [MOTD]
    assert role_value("banner", "__banner_keep", banner_motd=False) == []


def test_the_module_itself(top, capsys):
    def run(**arguments):
        with patch_module_args({"root": str(top), **arguments}), pytest.raises(SystemExit):
            login_banners.main()
        return json.loads(capsys.readouterr().out)

    assert run(text=TEXT, _ansible_check_mode=True)["changed"] is True
    assert [item["path"] for item in run(text=TEXT)["changes"]] == FILES
    assert run(text=TEXT)["changed"] is False
    assert run(text="Linux")["msg"].startswith("text: tells linux")
