# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
from types import SimpleNamespace

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.permission_sweep import FILE, apply
from support.image_tree import name_root

OPTIONS = {
    "leave": [],
    "programs": ["/usr/bin"],
    "world_writable": "fix",
    "unowned": "report",
    "skip": [],
    "logs": "/var/log",
    "log_mode_max": "0640",
    "homes": True,
    "su": "root_only",
    "su_group": "sugroup",
    "boot_modes": ["z /boot/x 0600 root root - -"],
}


@pytest.fixture
def top(tmp_path):
    for path in ("etc/pam.d", "usr/bin", "usr/lib/tmpfiles.d", "var/log"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text("ID=debian\n")
    name_root(tmp_path)
    (tmp_path / "etc/pam.d/su").write_text("auth sufficient pam_rootok.so\n")
    for path, mode in (("etc/shadow", 0o644), ("usr/bin/a", 0o775), ("var/log/a", 0o644), ("etc/open", 0o666)):
        (tmp_path / path).write_text("")
        (tmp_path / path).chmod(mode)
    return tmp_path


def item(path, **given):
    """One file as the module's argument specification completes it."""
    return {name: option.get("default") for name, option in FILE.items()} | {"path": path} | given


def sweep(tree, options):
    return apply(SimpleNamespace(tree=tree, params=options, surveys=None))


def modes(top):
    return [stat.S_IMODE((top / name).stat().st_mode) for name in ("etc/shadow", "usr/bin/a", "var/log/a", "etc/open")]


def test_everything_in_one_call_and_once(top):
    options = OPTIONS | {"files": [item("/etc/shadow", mode="0640")]}
    dry = Tree(str(top), check_mode=True)
    sweep(dry, options)
    assert modes(top) == [0o644, 0o775, 0o644, 0o666]
    tree = Tree(str(top))
    report = sweep(tree, options)
    assert dry.changes == tree.changes
    assert modes(top) == [0o640, 0o755, 0o640, 0o664]
    assert (top / "etc/tmpfiles.d/hallmark-permissions.conf").exists()
    assert "group=sugroup" in (top / "etc/pam.d/su").read_text()
    assert report["found"]["world_writable_files"]["paths"] == ["/etc/open"]
    assert (report["family"], report["failures"], report["odd_dot_files"]) == ("debian", [], [])
    again = Tree(str(top))
    sweep(again, options)
    assert again.changes == []


def test_everything_can_be_left_out(top):
    off = {"programs": [], "world_writable": "ignore", "unowned": "ignore", "logs": None, "homes": False}
    tree = Tree(str(top))
    sweep(tree, OPTIONS | off | {"files": [], "su": "vendor", "boot_modes": []})
    assert tree.changes == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"log_mode_max": "0690"}, "log_mode_max: '0690' is not a mode"),
        ({"files": [item("/etc/shadow", owner="nobody-here")]}, "nobody-here: no such name in /etc/passwd"),
    ],
)
def test_bad_input_is_one_clear_line(top, wrong, message):
    with pytest.raises(HardeningError, match=message):
        sweep(Tree(str(top)), OPTIONS | {"files": []} | wrong)
