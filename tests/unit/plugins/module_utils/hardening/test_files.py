# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import files
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import (
    HardeningError,
    Tree,
    octal,
    set_block,
)


@pytest.fixture
def top(tmp_path):
    (tmp_path / "etc").mkdir()
    me, mine = os.getuid(), os.getgid()
    (tmp_path / "etc/passwd").write_text(f"root:x:{me}:{mine}::/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text(f"root:x:{mine}:\n")
    return tmp_path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_writes_a_new_file_with_its_mode_and_says_so(top):
    tree = Tree(str(top))
    assert tree.write("/etc/a.d/b.conf", "x\n", 0o440, "root", "root") is True
    assert (top / "etc/a.d/b.conf").read_text() == "x\n"
    assert mode(top / "etc/a.d/b.conf") == 0o440
    assert tree.changes == [{"path": "/etc/a.d/b.conf", "key": "content", "before": "absent", "after": "written"}]
    assert tree.diffs[0]["before"] == ""
    assert tree.diffs[0]["after"] == "x\n"


def test_second_write_changes_nothing(top):
    Tree(str(top)).write("/etc/b", "x\n", 0o440, "root", "root")
    tree = Tree(str(top))
    before = (top / "etc/b").stat()
    assert tree.write("/etc/b", "x\n", 0o440, "root", "root") is False
    assert tree.result() == {"changed": False, "changes": [], "diff": []}
    assert (top / "etc/b").stat() == before


def test_check_mode_reports_the_same_and_touches_nothing(top):
    (top / "etc/b").write_text("old\n")
    real, dry = Tree(str(top)), Tree(str(top), check_mode=True)
    for act in (
        lambda tree: tree.write("/etc/b", "new\n", 0o400),
        lambda tree: tree.write("/etc/c", "new\n"),
        lambda tree: tree.directory("/etc/d", 0o700),
        lambda tree: tree.link("/etc/l", "b"),
    ):
        act(dry)
    assert sorted(os.listdir(top / "etc")) == ["b", "group", "passwd"]
    assert (top / "etc/b").read_text() == "old\n"
    for act in (
        lambda tree: tree.write("/etc/b", "new\n", 0o400),
        lambda tree: tree.write("/etc/c", "new\n"),
        lambda tree: tree.directory("/etc/d", 0o700),
        lambda tree: tree.link("/etc/l", "b"),
    ):
        act(real)
    assert dry.result() == real.result()
    assert real.result()["changed"] is True


def test_kept_attributes_of_an_existing_file(top):
    path = top / "etc/b"
    path.write_text("old\n")
    path.chmod(0o640)
    Tree(str(top)).write("/etc/b", "new\n")
    assert (path.read_text(), mode(path)) == ("new\n", 0o640)


def test_attributes_alone_are_repaired_in_place(top):
    path = top / "etc/b"
    path.write_text("x\n")
    path.chmod(0o666)
    inode = path.stat().st_ino
    tree = Tree(str(top))
    assert tree.write("/etc/b", "x\n", 0o644) is True
    assert (mode(path), path.stat().st_ino) == (0o644, inode)
    assert [change["key"] for change in tree.changes] == ["attributes"]


def test_links_are_followed_inside_the_tree_only(top):
    (top / "etc/real").write_text("x\n")
    (top / "etc/absolute").symlink_to("/etc/real")
    (top / "etc/climber").symlink_to("../../../../etc/real")
    for name in ("absolute", "climber"):
        assert Tree(str(top)).real(f"/etc/{name}") == str(top / "etc/real")
    Tree(str(top)).write("/etc/absolute", "y\n")
    assert (top / "etc/absolute").is_symlink()
    assert (top / "etc/real").read_text() == "y\n"


def test_endless_links_are_one_clear_error(top):
    (top / "etc/loop").symlink_to("loop")
    with pytest.raises(HardeningError, match="/etc/loop: too many symbolic links"):
        Tree(str(top)).real("/etc/loop")


def test_a_failed_write_leaves_the_old_file_and_no_other(top, monkeypatch):
    (top / "etc/b").write_text("old\n")

    def no_space(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        Tree(str(top)).write("/etc/b", "new\n")
    assert sorted(os.listdir(top / "etc")) == ["b", "group", "passwd"]
    assert (top / "etc/b").read_text() == "old\n"


def test_bytes_that_are_no_text_survive(top):
    (top / "etc/b").write_bytes(b"\xff old\n")
    tree = Tree(str(top))
    tree.write("/etc/b", tree.read("/etc/b").replace("old", "new"))
    assert (top / "etc/b").read_bytes() == b"\xff new\n"


def test_names_of_owners_are_the_trees_own(top):
    assert Tree(str(top)).id_of("daemon", "passwd") == 1
    assert Tree(str(top)).id_of("77", "group") == 77
    with pytest.raises(HardeningError, match="nobody-here: no such name in /etc/passwd of the target"):
        Tree(str(top)).id_of("nobody-here", "passwd")


def test_remove_takes_files_and_links_never_directories(top):
    (top / "etc/b").write_text("x\n")
    (top / "etc/l").symlink_to("nowhere")
    (top / "etc/d").mkdir()
    tree = Tree(str(top))
    assert [tree.remove(f"/etc/{name}") for name in ("b", "l", "none")] == [True, True, False]
    with pytest.raises(HardeningError, match="/etc/d: is a directory"):
        tree.remove("/etc/d")


def test_a_file_in_the_place_of_a_directory_or_link_is_an_error(top):
    (top / "etc/b").write_text("x\n")
    with pytest.raises(HardeningError, match="not a directory"):
        Tree(str(top)).directory("/etc/b")
    with pytest.raises(HardeningError, match="not a link"):
        Tree(str(top)).link("/etc/b", "c")


def test_a_root_that_is_no_directory_is_an_error(top):
    with pytest.raises(HardeningError, match=r"root: .* is not a directory"):
        Tree(str(top / "none"))


@pytest.mark.parametrize(("text", "value"), [("0440", 0o440), ("644", 0o644), ("1777", 0o1777)])
def test_octal(text, value):
    assert octal(text, "mode") == value


@pytest.mark.parametrize("text", ["", "8", "0800", "u+x", "288x", "00644"])
def test_octal_refuses(text):
    with pytest.raises(HardeningError, match=r"mode: .* write three or four octal digits"):
        octal(text, "mode")


def test_block_is_added_replaced_and_taken_away():
    text = "a\nb\n"
    once = set_block(text, "us", "one")
    assert once == "a\nb\n# BEGIN us\none\n# END us\n"
    assert set_block(once, "us", "one") == once
    moved = once + "later\n"
    assert set_block(moved, "us", "two\nthree") == "a\nb\n# BEGIN us\ntwo\nthree\n# END us\nlater\n"
    assert set_block(once, "us", "") == text
    assert set_block("no newline at the end", "us", "") == "no newline at the end"


def test_block_without_its_end_is_an_error():
    with pytest.raises(HardeningError, match="has no end line"):
        set_block("# BEGIN us\nx\n", "us", "y")
