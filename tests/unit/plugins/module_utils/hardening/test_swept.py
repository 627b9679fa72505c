# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep for the checks, run by the shell over a tree of our own instead of the whole system."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.swept import SWEEP, TOPS, Swept

ID = 54321  # of nobody and no group here
NET_RAW = "0100000200200000000000000000000000000000"
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away and sets file capabilities")


def put(path: Path, mode: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    path.chmod(mode)
    return path


def sweep(top: Path) -> Swept:
    assert "find / $tops" in SWEEP
    script = SWEEP.replace("find / $tops", f"find '{top}'")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return Swept(done.stdout)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A tree with nothing wrong in it."""
    put(tmp_path / "bin/true", 0o755)
    put(tmp_path / "etc/shadow", 0o600)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    return tmp_path


def test_nothing_noteworthy(top: Path) -> None:
    found = sweep(top)
    assert found.is_swept
    assert (found.set_id, found.writable_files, found.odd_folders, found.unowned, found.capable) == ([], [], [], [], {})


def test_where_there_are_no_programs_nothing_was_swept(tmp_path: Path) -> None:
    assert not sweep(tmp_path).is_swept


def test_each_kind_is_found_by_its_name(top: Path) -> None:
    program, quiet = put(top / "opt/a: b", 0o4755), put(top / "opt/quiet", 0o2644)
    os.link(program, top / "opt/twin")
    folder = top / "srv/drop box"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    put(folder / "both", 0o4757)
    found = sweep(top)
    inodes = {file.path: file.inode for file in found.set_id}
    assert set(inodes) == {str(path) for path in (program, quiet, top / "opt/twin", folder / "both")}
    assert inodes[str(program)] == inodes[str(top / "opt/twin")] != inodes[str(quiet)]
    assert found.writable_files == [str(folder / "both")]
    assert found.odd_folders == [str(folder)]


def test_containers_of_users_are_left_out(top: Path) -> None:
    put(top / "home/bob/.local/share/containers/storage/su", 0o4777)
    assert (sweep(top).set_id, sweep(top).writable_files) == ([], [])


@needs_root
def test_what_has_no_owner_or_no_group(top: Path) -> None:
    os.chown(put(top / "srv/a", 0o600), ID, 0)
    os.chown(put(top / "srv/b", 0o755), 0, ID)
    os.symlink("/nowhere", top / "srv/c")
    os.lchown(top / "srv/c", ID, ID)
    assert sorted(sweep(top).unowned) == [str(top / "srv" / name) for name in "abc"]


@needs_root
def test_sticky_folders_belong_to_the_system(top: Path) -> None:
    os.chown(top / "tmp", ID, 0)
    (top / "tmp").chmod(0o1777)
    assert sweep(top).odd_folders == [str(top / "tmp")]


@needs_root
def test_file_capabilities(top: Path) -> None:
    ping = put(top / "bin/ping: 6", 0o755)
    os.setxattr(ping, "security.capability", bytes.fromhex(NET_RAW))
    assert sweep(top).capable == {str(ping): NET_RAW}


@pytest.mark.parametrize(
    ("table", "tops"),
    [
        ("8:2 / /home xfs\n8:2 / /again xfs", ["/home"]),
        ("8:2 /a /srv/a xfs\n8:2 / /home xfs\n8:2 /b /srv/b xfs", ["/home"]),
        ("8:2 /a /srv/a xfs\n8:2 /ab /srv/ab xfs", ["/srv/a", "/srv/ab"]),
        ("8:1 /var /export ext4\n8:1 / /other ext4", []),
        ("0:9 / /net nfs4\n0:10 / /run tmpfs\n0:4 / /proc proc", []),
        ("8:3 / /hidden ext4\n0:11 / /hidden tmpfs", []),
        ("8:3 / /hidden ext4\n0:11 / /hidden tmpfs\n8:3 /x /x ext4", ["/x"]),
        (
            "0:7 /@ /data btrfs\n0:7 /@sub /more btrfs\n0:7 /@ /twice btrfs\n0:7 / /all btrfs",
            ["/data", "/more", "/all"],
        ),
    ],
    ids=[
        "twice",
        "first in part",
        "in parts only",
        "of the root",
        "not local",
        "hidden",
        "hidden at one place",
        "btrfs",
    ],
)
def test_each_file_system_is_entered_where_most_of_it_shows(table: str, tops: list[str]) -> None:
    text = "1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
    for number, line in enumerate(table.split("\n"), 2):
        device, inner, at, fstype = line.split(" ")
        text += f"{number} 1 {device} {inner} {at} rw shared:7 master:1 - {fstype} /dev/x rw\n"
    done = subprocess.run(["awk", TOPS], input=text, capture_output=True, text=True, check=True)
    assert done.stdout.split() == tops
