# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import fstab
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

TEXT = """\
# <source> <place> <type>
UUID=1 / ext4 rw,discard,errors=remount-ro 0 1
UUID=2 /boot/efi vfat umask=0077,nofail 0 0
tmpfs  /dev/shm/  tmpfs  defaults,exec,size=1g
server:/a\\040b /mnt/a\\040b nfs ro
"""
SHM = ["rw", "nosuid", "nodev", "noexec"]


def test_a_line_is_added_when_it_may_be():
    assert fstab.set_line(TEXT, "/run", SHM, "tmpfs", "tmpfs") == TEXT + "tmpfs /run tmpfs rw,nosuid,nodev,noexec 0 0\n"
    assert fstab.set_line(TEXT, "/run", SHM) == TEXT


def test_a_line_keeps_what_others_wrote():
    new = fstab.set_line(TEXT, "/dev/shm", SHM, "shm", "ramfs")
    assert "tmpfs /dev/shm/ tmpfs defaults,size=1g,rw,nosuid,nodev,noexec 0 0\n" in new
    assert [line for line in new.splitlines() if line not in TEXT.splitlines()] == [new.splitlines()[3]]
    assert fstab.set_line(new, "/dev/shm", SHM) == new


def test_a_line_that_has_all_keeps_its_blanks():
    assert fstab.set_line(TEXT, "/dev/shm", ["size=1g"]) == TEXT


@pytest.mark.parametrize(
    ("have", "want", "merged"),
    [
        (["ro"], ["rw"], ["rw"]),
        (["hidepid=1", "gid=5"], ["hidepid=2"], ["gid=5", "hidepid=2"]),
        (["noexec", "exec"], ["noexec"], ["noexec"]),
        (["defaults"], ["nodev"], ["defaults", "nodev"]),
        (["noatime"], ["relatime"], ["relatime"]),
    ],
)
def test_of_opposites_the_wanted_one_stays(have, want, merged):
    assert fstab.merge_options(have, want) == merged


def test_mount_points_with_blanks_are_found():
    assert fstab.entry(TEXT, "/mnt/a b")[2] == "nfs"
    assert fstab.options_of(TEXT, "/mnt/a b") == ["ro"]
    assert fstab.options_of(TEXT, "/none") == []


def test_many_lines_are_one_change_of_the_file(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text(TEXT)
    (tmp_path / "etc/passwd").write_text("")
    lines = [("/run", ["rw"], "tmpfs", "tmpfs"), ("/run", ["noexec"], "tmpfs", "tmpfs"), ("/dev/shm", SHM, "", "")]
    tree = Tree(str(tmp_path))
    assert fstab.put(tree, lines) is True
    assert len(tree.diffs) == 1
    assert [(item["key"], item["before"], item["after"]) for item in tree.changes] == [
        ("/run", "no line", "rw,noexec"),
        ("/dev/shm", "defaults,exec,size=1g", "defaults,size=1g,rw,nosuid,nodev,noexec"),
    ]
    assert fstab.put(Tree(str(tmp_path)), lines) is False


def test_an_option_that_would_break_the_line_is_refused(tmp_path):
    with pytest.raises(HardeningError, match="/run: 'no dev' is no mount option"):
        fstab.put(Tree(str(tmp_path)), [("/run", ["no dev"], "tmpfs", "tmpfs")])


TABLE = """\
22 27 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:1 - proc proc rw,gid=994,hidepid=invisible
25 24 0:23 / /dev/shm rw,nosuid,nodev - tmpfs tmpfs rw,size=1k
26 24 8:1 /a /mnt/a\\040b ro,relatime - ext4 /dev/sda1 rw
no mount at all
"""


def test_the_mount_table_is_understood():
    table = fstab.mounts(TABLE)
    assert [(mount.path, mount.fstype, mount.device, mount.inner) for mount in table] == [
        ("/proc", "proc", "0:21", "/"),
        ("/dev/shm", "tmpfs", "0:23", "/"),
        ("/mnt/a b", "ext4", "8:1", "/a"),
    ]
    assert fstab.mounted("/none", table) is None
    assert fstab.lacking(fstab.mounted("/dev/shm", table), ["rw", "nosuid", "noexec", "size=2k"]) == ["noexec"]
    assert fstab.lacking(fstab.mounted("/proc", table), ["hidepid=2", "gid=994"]) == []
    assert fstab.lacking(fstab.mounted("/proc", table), ["hidepid=1", "gid=5"]) == ["hidepid=1", "gid=5"]
    assert fstab.lacking(fstab.mounted("/mnt/a b", table), ["rw"]) == ["rw"]
