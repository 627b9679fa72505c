# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.config_files import FILE, put_all
from support.image_tree import name_root


@pytest.fixture
def top(tmp_path):
    name_root(tmp_path)
    return tmp_path


def item(path, **given):
    """One file as the module's argument specification completes it."""
    return {name: option.get("default") for name, option in FILE.items()} | {"path": path} | given


FILES = [
    item("/etc/a.d", state="directory", mode="0700"),
    item("/etc/a.d/b.conf", content="x\n", mode="0440"),
    item("/etc/a.d/c.conf", content="y\n", systemd_reload=True),
    item("/etc/a.d/link", state="link", target="b.conf"),
    item("/etc/old.conf", state="absent"),
]


def test_a_list_of_files_in_one_call(top):
    (top / "etc/old.conf").write_text("old\n")
    tree = Tree(str(top))
    assert put_all(tree, FILES) == ([], True)
    assert len(tree.changes) == 5
    assert stat.S_IMODE((top / "etc/a.d").stat().st_mode) == 0o700
    assert stat.S_IMODE((top / "etc/a.d/b.conf").stat().st_mode) == 0o440
    assert stat.S_IMODE((top / "etc/a.d/c.conf").stat().st_mode) == 0o644
    assert os.readlink(top / "etc/a.d/link") == "b.conf"
    assert not (top / "etc/old.conf").exists()
    again = Tree(str(top))
    assert put_all(again, FILES) == ([], False)
    assert again.changes == []


def test_systemd_reads_again_only_for_files_that_ask_for_it(top):
    put_all(Tree(str(top)), FILES)
    (top / "etc/a.d/b.conf").unlink()
    assert put_all(Tree(str(top)), FILES) == ([], False)
    (top / "etc/a.d/c.conf").unlink()
    assert put_all(Tree(str(top)), FILES) == ([], True)


def test_a_file_whose_program_is_not_there_is_left_alone(top):
    wanted = [item("/etc/systemd/system.conf.d/x.conf", content="x\n", needs="/usr/lib/systemd")]
    assert put_all(Tree(str(top)), wanted) == (["/etc/systemd/system.conf.d/x.conf"], False)
    (top / "usr/lib/systemd").mkdir(parents=True)
    assert put_all(Tree(str(top)), wanted) == ([], False)
    assert (top / "etc/systemd/system.conf.d/x.conf").exists()


@pytest.mark.parametrize(("text", "stays"), [("# Managed by role x\ny\n", False), ("y\n", True)])
def test_only_our_own_file_is_removed(top, text, stays):
    (top / "etc/a").write_text(text)
    put_all(Tree(str(top)), [item("/etc/a", state="absent", ours="by role x")])
    assert (top / "etc/a").exists() is stays
    tree = Tree(str(top))
    assert put_all(tree, [item("/etc/none", state="absent", ours="by role x")]) == ([], False)
    assert tree.changes == []


@pytest.mark.parametrize("folder", ["lib/systemd/system", "usr/lib/systemd/system"])
def test_units_of_a_system_that_is_not_merged_into_usr(top, folder):
    wanted = [
        item("/etc/x.wants/a.service", state="link", target="/usr/lib/systemd/system/a.service", needs="/lib/systemd"),
        item("/etc/b.d/x.conf", content="x\n", needs="/usr/lib/systemd/system/a.service"),
        item("/etc/c.d/x.conf", content="x\n", needs="/usr/lib/systemd/system/c.service"),
    ]
    (top / folder).mkdir(parents=True)
    (top / folder / "a.service").touch()
    assert put_all(Tree(str(top)), wanted, RECORD) == (["/etc/c.d/x.conf"], False)
    assert os.readlink(top / "etc/x.wants/a.service") == f"/{folder}/a.service"
    again = Tree(str(top))
    assert put_all(again, wanted, RECORD) == (["/etc/c.d/x.conf"], False)
    assert again.changes == []
    # What is in the record goes when it is not wanted any more.
    put_all(Tree(str(top)), [], RECORD)
    assert not (top / "etc/x.wants/a.service").is_symlink()


RECORD = "/var/lib/x.links"


def mask(name):
    return item(f"/etc/{name}", state="link", target="/dev/null", systemd_reload=True)


def test_links_that_are_not_wanted_any_more_go_if_they_were_made_here(top):
    os.symlink("/dev/null", top / "etc/before")
    wanted = [mask("a"), mask("b"), mask("c"), mask("before")]
    dry = Tree(str(top), check_mode=True)
    put_all(dry, wanted, RECORD)
    real = Tree(str(top))
    put_all(real, wanted, RECORD)
    assert dry.result() == real.result()
    assert "before" not in (top / RECORD[1:]).read_text()
    again = Tree(str(top))
    assert put_all(again, wanted, RECORD) == ([], False)
    assert again.changes == []

    (top / "etc/b").unlink()
    os.symlink("/elsewhere", top / "etc/b")  # somebody else's now
    assert put_all(Tree(str(top)), [mask("c")], RECORD) == ([], True)
    assert sorted(path.name for path in (top / "etc").iterdir() if path.is_symlink()) == ["b", "before", "c"]
    assert (top / RECORD[1:]).read_text().splitlines()[1:] == ["/etc/c -> /dev/null"]

    assert put_all(Tree(str(top)), [], RECORD) == ([], True)
    assert not (top / "etc/c").is_symlink()
    assert not (top / RECORD[1:]).exists()
    last = Tree(str(top))
    put_all(last, [], RECORD)
    assert last.changes == []


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (item("/etc/a", content="x", mode="288"), "files: /etc/a: mode: '288' is not a mode"),
        (item("/etc/a", content="x", owner="nobody-here"), "nobody-here: no such name in /etc/passwd"),
        (item("/etc", state="absent"), "/etc: is a directory"),
    ],
)
def test_bad_input_is_one_clear_line(top, wanted, message):
    with pytest.raises(HardeningError, match=message):
        put_all(Tree(str(top)), [wanted])
