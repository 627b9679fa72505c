# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import walk as module
from ansible_collections.hallmark.images.plugins.module_utils.hardening.walk import fences, walk


@pytest.fixture
def top(tmp_path):
    tree = tmp_path / "tree"
    for path in ("usr/bin", "var/lib/docker/overlay2", "home/a/.local/share/containers/storage", "proc"):
        (tree / path).mkdir(parents=True)
    for path in ("usr/bin/a", "var/lib/docker/overlay2/x", "home/a/.local/share/containers/storage/y", "proc/z"):
        (tree / path).write_text("")
    (tree / "bin").symlink_to("usr/bin")
    os.link(tree / "usr/bin/a", tree / "usr/bin/b")
    return tree


def seen(top, barrier, **given):
    return sorted(os.path.relpath(path, top) for path, _info in walk(str(top), barrier, **given))


def table(tmp_path, text):
    path = tmp_path / "mountinfo"
    path.write_text(text)
    return str(path)


def test_everything_once_and_nothing_followed(top):
    found = seen(top, fences(str(top), table_file="/none"))
    assert [path for path in found if path in ("usr/bin/a", "usr/bin/b")] in (["usr/bin/a"], ["usr/bin/b"])
    assert "bin" not in found
    assert "bin" in seen(top, fences(str(top), table_file="/none"), links=True)


def test_containers_are_not_entered(top):
    found = seen(top, fences(str(top), table_file="/none"))
    assert not {"var/lib/docker", "home/a/.local/share/containers"} & set(found)
    assert "var/lib" in found


def test_in_an_image_tree_no_mount_is_entered(top, tmp_path):
    text = f"30 20 0:5 / {top}/proc rw - proc proc rw\n31 20 8:2 / {top}/home rw - ext4 /dev/sdb rw\n"
    found = seen(top, fences(str(top), table_file=table(tmp_path, text)))
    assert [path for path in found if path.startswith(("proc", "home"))] == []
    assert "usr/bin" in found


def test_on_a_running_system_local_file_systems_are_entered_once(tmp_path):
    text = """\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:4 / /proc rw - proc proc rw
3 1 8:2 / /home rw - xfs /dev/sda2 rw
4 1 8:2 /a /srv/a rw - xfs /dev/sda2 rw
5 1 8:1 /var /export rw - ext4 /dev/sda1 rw
6 1 0:9 / /mnt/net rw - nfs4 server:/ rw
7 1 0:10 / /var/lib/x/merged rw - overlay overlay rw
8 1 0:11 /@ /data rw - btrfs /dev/sdb rw
9 1 0:11 /@sub /more rw - btrfs /dev/sdb rw
10 1 0:12 / /hidden rw - ext4 /dev/sdc rw
11 1 0:13 / /hidden rw - tmpfs tmpfs rw
"""
    barrier = fences("/", table_file=table(tmp_path, text))
    assert barrier.opened == {"/", "/home", "/data", "/more"}
    for path in ("/proc", "/srv/a", "/export", "/mnt/net", "/var/lib/x/merged", "/hidden", "/var/lib/docker"):
        assert not barrier.is_open(path)
    assert barrier.is_open("/home")
    assert barrier.may_cross("/home")
    assert barrier.may_cross("/data/subvolume")  # there is a btrfs


def test_without_a_mount_table_the_walk_stays_on_its_device(top, monkeypatch):
    barrier = fences("/", table_file="/none")
    assert not barrier.may_cross("/home")
    real = os.lstat(top)
    monkeypatch.setattr(module.os, "lstat", lambda path: os.stat_result([real[0], real[1], real[2] + 1, *real[3:10]]))
    assert seen(top, barrier) == []


def test_the_root_of_a_container_is_walked(tmp_path):
    assert fences("/", table_file=table(tmp_path, "1 0 0:5 / / rw - overlay overlay rw\n")).opened == {"/"}


def test_what_vanishes_is_no_error(top):
    found = []
    for path, _info in walk(str(top), fences(str(top), table_file="/none")):
        found.append(path)
        if path.endswith("/usr"):
            for name in ("a", "b"):
                (top / "usr/bin" / name).unlink()
            (top / "usr/bin").rmdir()
    assert str(top / "usr/bin/a") not in found
    assert list(walk(str(top / "none"), fences(str(top)))) == []
