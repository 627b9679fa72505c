# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import home_sweep
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.home_sweep import (
    homes,
    near_top,
    shared_mounts,
    sweep,
)

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1::/usr/sbin:/usr/sbin/nologin
bin:x:2:2::/bin:/usr/sbin/nologin
man:x:6:12::/var/cache/man:/usr/sbin/nologin
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
network:x:998:998:::/usr/sbin/nologin
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:/bin/bash
robert:x:1001:1001::/home/bob/:/bin/bash
+nis::::::
broken line
"""


@pytest.fixture
def top(tmp_path):
    for folder in (
        "etc/ssh",
        "root",
        "usr/sbin",
        "usr/bin",
        "var/cache/man",
        "home/alice",
        "home/bob",
        "proc/1",
        "srv",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("/usr/bin")  # absolute, so it would leave the tree
    (tmp_path / "etc/passwd").write_text(PASSWD)
    return tmp_path


def options(**others):
    return {
        "names": [".rhosts", ".shosts", ".rlogin", ".netrc", ".forward"],
        "netrc_allow_users": [],
        "top_names": [".rhosts", ".netrc"],
        "max_depth": 3,
        "files": ["/etc/hosts.equiv", "/etc/ssh/shosts.equiv"],
        "action": "remove",
        **others,
    }


def touch(top, *paths):
    for path in paths:
        (top / path).write_text("secret\n")


def paths(items):
    return [item["path"] for item in items]


def test_every_home_is_visited_once_with_all_its_users(top):
    found = homes(Tree(str(top)))
    assert found[str(top / "home/bob")] == ("/home/bob", ["bob", "robert"])
    assert found[str(top / "usr/bin")] == ("/bin", ["bin"])  # through a link, inside the tree
    assert found[str(top)] == ("/", ["network"])  # an empty home is the top
    assert len(found) == 8


def test_removes_what_lets_somebody_in_and_nothing_else(top):
    gone = ["etc/hosts.equiv", "etc/ssh/shosts.equiv", "root/.rhosts", "root/.forward", "var/cache/man/.netrc"]
    gone += ["home/bob/.shosts", "usr/bin/.rlogin", ".rhosts", "srv/.NetRC", "home/.rhosts"]
    kept = ["root/.bashrc", "home/bob/rhosts", "home/bob/.rhosts.old", "srv/.forward", "home/alice/.RLOGIN"]
    touch(top, *gone, *kept)
    tree = Tree(str(top))
    report = sweep(tree, options(), "")
    assert [path for path in gone if (top / path).exists()] == []
    assert [path for path in kept if not (top / path).exists()] == []
    assert sorted(paths(tree.changes)) == sorted(f"/{path.replace('usr/bin', 'bin')}" for path in gone)
    assert {"path": "/home/bob/.shosts", "users": ["bob", "robert"]} in report["found"]
    assert report["left_alone"] == []
    again = Tree(str(top))
    assert sweep(again, options(), "") == {"found": [], "left_alone": []}
    assert again.result() == {"changed": False, "changes": [], "diff": []}


def test_contents_are_never_shown(top):
    touch(top, "root/.netrc")
    tree = Tree(str(top))
    sweep(tree, options(), "")
    assert tree.diffs
    assert "secret" not in str(tree.result())


def test_check_mode_foretells_and_touches_nothing(top):
    touch(top, "root/.netrc", "etc/hosts.equiv", "srv/.RHOSTS")
    dry, real = Tree(str(top), check_mode=True), Tree(str(top))
    told = sweep(dry, options(), "")
    assert (top / "root/.netrc").exists()
    assert sweep(real, options(), "") == told
    assert real.result() == dry.result()
    assert real.result()["changed"]


def test_report_names_without_changing(top):
    touch(top, "root/.netrc", "home/bob/.rhosts")
    tree = Tree(str(top))
    report = sweep(tree, options(action="report"), "")
    assert paths(report["found"]) == ["/root/.netrc", "/home/bob/.rhosts"]
    assert tree.result()["changed"] is False
    assert (top / "root/.netrc").exists()


def test_allowed_users_keep_their_netrc_only(top):
    touch(top, "home/bob/.netrc", "home/bob/.rhosts", "home/alice/.netrc", "home/bob/.NETRC")
    sweep(Tree(str(top)), options(netrc_allow_users=["robert"]), "")
    assert os.listdir(top / "home/bob") == [".netrc"]
    assert os.listdir(top / "home/alice") == []


def test_a_link_is_removed_and_not_what_it_names(top):
    touch(top, "etc/shadow")
    (top / "home/bob/.rhosts").symlink_to(top / "etc/shadow")
    (top / "home/bob/.netrc").symlink_to("/dev/zero")
    os.mkfifo(top / "root/.shosts")  # nobody writes: opening it would hang for ever
    tree = Tree(str(top))
    sweep(tree, options(), "")
    assert (top / "etc/shadow").read_text() == "secret\n"
    assert os.listdir(top / "home/bob") == os.listdir(top / "root") == []
    assert {item["before"] for item in tree.changes} == {"link", "special file"}


def test_a_home_of_a_linked_folder_is_found_inside_the_tree(top):
    (top / "data/alice").mkdir(parents=True)
    (top / "home/alice").rmdir()
    (top / "home/alice").symlink_to("/data/alice")
    touch(top, "data/alice/.forward")
    tree = Tree(str(top))
    sweep(tree, options(), "")
    assert paths(tree.changes) == ["/home/alice/.forward"]
    assert not (top / "data/alice/.forward").exists()


def test_a_directory_is_left_with_a_reason(top):
    (top / "root/.rlogin").mkdir()
    report = sweep(Tree(str(top)), options(), "")
    assert report == {
        "found": [],
        "left_alone": [{"path": "/root/.rlogin", "reason": "a directory, which is never removed"}],
    }


def test_homes_that_other_machines_share_are_left(top):
    touch(top, "home/bob/.rhosts", "home/alice/.rhosts")
    mounts = f"server:/bob {top}/home/bob nfs4 rw 0 0\nproc {top}/proc proc rw 0 0\n"
    report = sweep(Tree(str(top)), options(), mounts)
    assert (top / "home/bob/.rhosts").exists()
    assert not (top / "home/alice/.rhosts").exists()
    reason = "on a file system that other machines share"
    assert report["left_alone"] == [{"path": "/home/bob", "reason": reason}]


@pytest.mark.parametrize(
    ("line", "shared"),
    [
        ("a:/b /home nfs rw 0 0", ["/home"]),
        ("a:/b /home/my\\040files fuse.sshfs rw 0 0", ["/home/my files"]),
        ("host0 / 9p rw 0 0", []),  # the whole machine is on it
        ("/dev/vda1 /home ext4 rw 0 0", []),
        ("auto /home autofs rw 0 0\n/dev/vdb /home ext4 rw 0 0", []),  # the second one is seen
        ("auto /home autofs rw 0 0", ["/home"]),
        ("short", []),
    ],
)
def test_mounts(line, shared):
    assert shared_mounts(line + "\n", "/") == shared


def test_mounts_outside_an_image_tree_are_nothing_to_it():
    table = "a:/b /home nfs rw 0 0\na:/c /mnt/image/home nfs rw 0 0\na:/d /mnt/image nfs rw 0 0\n"
    assert shared_mounts(table, "/mnt/image") == ["/mnt/image/home"]


def test_how_deep_is_near_the_top(top):
    touch(top, "var/.rhosts", "var/cache/.rhosts", "var/cache/man/.rhosts", "proc/1/.rhosts")
    (top / "loop").symlink_to("/")
    assert near_top(str(top), [".rhosts"], 3, []) == [
        (str(top / "var"), ".rhosts"),
        (str(top / "var/cache"), ".rhosts"),
    ]
    assert near_top(str(top), [".RHOSTS"], 2, []) == [(str(top / "var"), ".rhosts")]
    assert near_top(str(top), [".rhosts"], 0, []) == []
    assert near_top(str(top), [".rhosts"], 3, [str(top / "var")]) == []


def test_what_cannot_be_removed_is_said_clearly(top, monkeypatch):
    touch(top, "root/.rhosts")

    def refuse(*_args, **_named):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(home_sweep.os, "unlink", refuse)
    with pytest.raises(HardeningError, match=r"^/root/.rhosts: cannot be removed \(Operation not permitted\); see"):
        sweep(Tree(str(top)), options(), "")


def test_a_home_that_not_even_root_may_open_is_left(top, monkeypatch):
    real = os.open

    def refuse(path, *args, **named):
        if str(path).endswith("/home/bob"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **named)

    monkeypatch.setattr(home_sweep.os, "open", refuse)
    report = sweep(Tree(str(top)), options(), "")
    assert report["left_alone"] == [{"path": "/home/bob", "reason": "Permission denied"}]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"names": ["passwd"]}, "names: 'passwd' is not the name of a hidden file"),
        ({"names": [".."]}, r"names: '\.\.' is not"),
        ({"names": ["../.rhosts"]}, r"names: '\.\./\.rhosts' is not"),
        ({"top_names": [""]}, "top_names: '' is not"),
        ({"files": ["hosts.equiv"]}, "files: 'hosts.equiv' is not the absolute path"),
        ({"files": ["/etc/"]}, "files: '/etc/' is not"),
        ({"files": ["/etc/.."]}, r"files: '/etc/\.\.' is not"),
        ({"max_depth": -1}, "max_depth: -1 is no depth"),
    ],
)
def test_bad_input_is_one_clear_line(top, given, message):
    with pytest.raises(HardeningError, match=message):
        sweep(Tree(str(top)), options(**given), "")


def test_a_tree_without_accounts_is_no_error(tmp_path):
    assert sweep(Tree(str(tmp_path)), options(), "") == {"found": [], "left_alone": []}
