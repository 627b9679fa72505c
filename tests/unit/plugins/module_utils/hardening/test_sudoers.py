# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sudoers import (
    check_entry,
    drop_in,
    set_all,
    settings,
    statements,
)
from support.image_tree import name_root
from support.role_vars import role_value

PATH = "/etc/sudoers.d/zz-hallmark"
DEBIAN = "Defaults\tenv_reset\nroot\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"


@pytest.fixture
def top(tmp_path):
    (tmp_path / "etc/sudoers.d").mkdir(parents=True)
    (tmp_path / "etc/sudoers").write_text(DEBIAN)
    name_root(tmp_path)
    return tmp_path


def test_the_roles_drop_in(top):
    entries = role_value("sudo", "__sudo_defaults")
    dry = Tree(str(top), True)
    set_all(dry, entries, PATH)
    assert not (top / PATH[1:]).exists()
    tree = Tree(str(top))
    assert set_all(tree, entries, PATH) == []
    assert tree.result() == dry.result()
    assert (top / PATH[1:]).read_text().split("\n")[1:] == [
        "Defaults\tuse_pty",
        'Defaults\tlogfile="/var/log/sudo.log"',
        "Defaults\ttimestamp_timeout=15",
        "Defaults\tpasswd_timeout=1",
        "",
    ]
    assert stat.S_IMODE((top / PATH[1:]).stat().st_mode) == 0o440
    again = Tree(str(top))
    set_all(again, entries, PATH)
    assert again.changes == []
    assert (top / "etc/sudoers").read_text() == DEBIAN


def test_switches_of_the_role(top):
    off = {"sudo_use_pty": False, "sudo_log_file": "", "sudo_timestamp_timeout": -1, "sudo_passwd_timeout": 0}
    assert role_value("sudo", "__sudo_defaults", **off) == []
    assert role_value("sudo", "__sudo_rotation", **off)["state"] == "absent"
    assert role_value("sudo", "__sudo_rotation", sudo_log_rotate=False)["state"] == "absent"
    assert role_value("sudo", "__sudo_rotation")["content"].startswith("/var/log/sudo.log {\n    weekly\n")
    more = {"sudo_authenticate": True, "sudo_extra_defaults": ["noexec", "umask=0077"]}
    assert role_value("sudo", "__sudo_defaults", **off, **more) == ["authenticate", "noexec", "umask=0077"]
    (top / PATH[1:]).write_text("Defaults use_pty\n")
    set_all(Tree(str(top)), [], PATH)
    assert not (top / PATH[1:]).exists()


def test_without_sudo_nothing_is_done(top):
    (top / "etc/sudoers").unlink()
    tree = Tree(str(top))
    assert set_all(tree, ["use_pty"], PATH) == ["/etc/sudoers"]
    assert tree.changes == []


def test_a_folder_that_sudo_does_not_read_is_an_error(top):
    (top / "etc/sudoers").write_text("root ALL=(ALL) ALL\n# @includedir /etc/sudoers.d\n")
    with pytest.raises(
        HardeningError, match=r"^/etc/sudoers: does not include /etc/sudoers.d; add the line '#includedir"
    ):
        set_all(Tree(str(top)), ["use_pty"], PATH)


@pytest.mark.parametrize("name", ["zz-hallmark.conf", "hallmark~"])
def test_a_name_that_sudo_does_not_read_is_an_error(top, name):
    with pytest.raises(HardeningError, match="path: sudo reads no file of the name"):
        set_all(Tree(str(top)), ["use_pty"], f"/etc/sudoers.d/{name}")


@pytest.mark.parametrize(
    "entry",
    [
        "use_pty",
        "!visiblepw",
        "timestamp_timeout=-1",
        "umask=0077",
        'secure_path="/sbin:/bin"',
        'badpass="No, no!"',
        "env_keep+=LANG",
        'env_keep+="LANG LC_ALL"',
        "logfile=/var/log/sudo.log",
    ],
)
def test_settings_that_cannot_break_sudo(entry):
    assert check_entry(f" {entry} ") == entry
    assert drop_in([entry]).endswith(f"\nDefaults\t{entry}\n")


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "!",
        "use_pty\nme ALL=(ALL) NOPASSWD: ALL",
        "use_pty, noexec",
        "Use Pty",
        "umask=",
        "umask=00 77",
        'logfile="/var',
        'logfile=/var"',
        'a="x"y"',
        'a="x\\"',
        'a="x\ny"',
        "a=b\\",
        "!a=b",
        "a=b,c",
        "a=#b",
        "=b",
        '"a"',
    ],
)
def test_anything_else_is_one_clear_line(entry):
    with pytest.raises(HardeningError, match=r"^defaults: .* is no setting of sudoers\(5\); write one such as use_pty"):
        check_entry(entry)


def test_statements_in_the_order_of_sudo():
    texts = {
        "/etc/sudoers": "# Defaults a\nDefaults b \\\n  , c # more\n"
        "#includedir /etc/sudoers.d\n@include last\n#12 ALL=ALL\n",
        "/etc/sudoers.d/20-b": "Defaults e\n",
        "/etc/sudoers.d/10-a": "Defaults d\n@include /etc/sudoers\n",
        "/etc/sudoers.d/x.conf": "Defaults x\n",
        "/etc/sudoers.d/old~": "Defaults y\n",
        "/etc/last": 'Defaults badpass="no # 1"\n',
    }
    assert statements(texts) == [
        ("/etc/sudoers", "Defaults b    , c"),
        ("/etc/sudoers.d/10-a", "Defaults d"),
        ("/etc/sudoers.d/20-b", "Defaults e"),
        ("/etc/last", 'Defaults badpass="no # 1"'),
        ("/etc/sudoers", "#12 ALL=ALL"),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Defaults use_pty", ("", [("use_pty", "yes")])),
        ("Defaults\t!use_pty, umask = 0077", ("", [("use_pty", "no"), ("umask", "0077")])),
        ('Defaults badpass="a, b", noexec', ("", [("badpass", "a, b"), ("noexec", "yes")])),
        ('Defaults env_keep += "A B"', ("", [("env_keep", "A B")])),
        ("Defaults:ann !authenticate", (":ann", [("authenticate", "no")])),
        ("Defaults!/bin/su !use_pty", ("!/bin/su", [("use_pty", "no")])),
        ("DefaultsX y", None),
        ("%sudo ALL=(ALL:ALL) ALL", None),
    ],
)
def test_settings_of_a_line(line, expected):
    assert settings(line) == expected
