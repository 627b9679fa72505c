# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import mounts
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from support.image_tree import name_root
from support.role_vars import role_value

FILES = Path(__file__).parent / "files"
SYSTEMS = sorted(path.parent.name for path in FILES.glob("*/os-release"))
PATHS = role_value("mount_options", "__mount_options_paths")
FSTAB = """\
# a comment /dev/shm x
UUID=1  /          ext4  rw,discard,errors=remount-ro  0 1
UUID=2  /boot/efi  vfat  umask=0077                    0 0
"""
VENDOR = "[Unit]\nDescription=x\n[Mount]\nWhat=tmpfs\nOptions=mode=1777,strictatime,nosuid,nodev,size=50%%\n"
DROP_IN = "etc/systemd/system/tmp.mount.d/zz-hallmark.conf"
WANT = "etc/systemd/system/local-fs.target.wants/tmp.mount"


@pytest.fixture
def top(tmp_path):
    for folder in ("etc/systemd/system", "usr/lib/systemd/system", "usr/share/systemd"):
        (tmp_path / folder).mkdir(parents=True)
    name_root(tmp_path)
    (tmp_path / "etc/fstab").write_text(FSTAB)
    return tmp_path


def ship(top, place):
    (top / place / "tmp.mount").write_text(VENDOR)


def put(top, check=False, **others):
    tree = Tree(str(top), check)
    options = {"paths": PATHS, "tmp": True, "tmp_size": "", "var_tmp": False, **others}
    return tree, mounts.set_all(tree, options)


@pytest.mark.parametrize("system", SYSTEMS)
def test_one_call_and_nothing_the_second_time(top, system):
    """Debian and Ubuntu ship the unit beside those systemd reads, Debian 13 and the RPM family among them."""
    shutil.copy(FILES / system / "os-release", top / "etc/os-release")
    aside = system.startswith(("debian11", "debian12", "ubuntu"))
    ship(top, "usr/share/systemd" if aside else "usr/lib/systemd/system")
    foretold, _plan = put(top, check=True)
    assert (top / "etc/fstab").read_text() == FSTAB
    tree, plan = put(top)
    assert tree.changes == foretold.changes
    assert (top / "etc/fstab").read_text() == FSTAB + (
        "devtmpfs /dev devtmpfs noauto,nosuid,noexec,x-hallmark 0 0\n"
        "tmpfs /dev/shm tmpfs noauto,nosuid,nodev,noexec,x-hallmark 0 0\n"
    )
    unit = "/etc/systemd/system/tmp.mount" if aside else "/usr/lib/systemd/system/tmp.mount"
    assert os.readlink(top / WANT) == unit
    assert "\n[Mount]\nOptions=mode=1777,strictatime,nosuid,nodev,size=50%%,noexec\n" in (top / DROP_IN).read_text()
    assert plan["starts"] == ["/tmp"]
    again, _plan = put(top)
    assert again.changes == []


def test_a_unit_that_the_vendor_wants_already_needs_no_link(top):
    ship(top, "usr/lib/systemd/system")
    (top / "usr/lib/systemd/system/local-fs.target.wants").mkdir()
    (top / "usr/lib/systemd/system/local-fs.target.wants/tmp.mount").symlink_to("../tmp.mount")
    put(top)
    assert not (top / WANT).is_symlink()
    assert (top / DROP_IN).exists()


def test_a_mask_is_taken_off_and_a_system_without_the_unit_gets_one(top):
    ship(top, "usr/lib/systemd/system")
    (top / "etc/systemd/system/tmp.mount").symlink_to("/dev/null")
    put(top)
    assert not (top / "etc/systemd/system/tmp.mount").is_symlink()
    (top / "usr/lib/systemd/system/tmp.mount").unlink()
    (top / WANT).unlink()
    put(top)
    assert "Where=/tmp" in (top / "etc/systemd/system/tmp.mount").read_text()
    assert os.readlink(top / WANT) == "/etc/systemd/system/tmp.mount"


def test_without_tmp_a_unit_that_is_there_gets_the_flags_and_no_other_is_enabled(top):
    ship(top, "usr/share/systemd")
    _tree, plan = put(top, tmp=False)
    assert plan["starts"] == []
    assert not (top / "etc/systemd/system/tmp.mount").is_symlink()
    assert not (top / DROP_IN).exists()
    ship(top, "usr/lib/systemd/system")
    put(top, tmp=False)
    assert ",noexec\n" in (top / DROP_IN).read_text()
    assert not (top / WANT).is_symlink()


def test_other_drop_ins_and_another_size_count(top):
    ship(top, "usr/lib/systemd/system")
    folder = top / "etc/systemd/system/tmp.mount.d"
    folder.mkdir()
    (folder / "override.conf").write_text("[Mount]\nOptions=mode=1777,exec,size=1G\n")
    put(top)
    assert "Options=mode=1777,size=1G,nodev,nosuid,noexec\n" in (top / DROP_IN).read_text()
    put(top, tmp_size="25%")
    assert "Options=mode=1777,nodev,nosuid,noexec,size=25%%\n" in (top / DROP_IN).read_text()


def test_a_line_for_tmp_in_fstab_beats_the_unit(top):
    ship(top, "usr/lib/systemd/system")
    (top / "etc/fstab").write_text("LABEL=tmp /tmp xfs defaults 0 0\n")
    put(top)
    assert "LABEL=tmp /tmp xfs defaults,nodev,nosuid,noexec 0 0\n" in (top / "etc/fstab").read_text()
    assert not (top / DROP_IN).exists()
    assert not (top / WANT).is_symlink()


def test_units_of_other_mount_points(top):
    place = top / "etc/systemd/system/var-log.mount"
    place.write_text("[Mount]\nWhere=/var/log\nOptions=defaults,suid\n")
    put(top)
    text = (top / "etc/systemd/system/var-log.mount.d/zz-hallmark.conf").read_text()
    assert "Options=defaults,nodev,nosuid,noexec\n" in text
    place.unlink()
    put(top)
    assert not (top / "etc/systemd/system/var-log.mount.d/zz-hallmark.conf").exists()


def test_var_tmp_is_mounted_onto_itself_and_back(top):
    line = "/var/tmp /var/tmp none bind,nodev,nosuid,noexec,x-hallmark 0 0\n"
    _tree, plan = put(top, var_tmp=True)
    assert line in (top / "etc/fstab").read_text()
    assert plan["starts"] == ["/tmp", "/var/tmp"]
    assert put(top, var_tmp=True)[0].changes == []
    put(top)
    assert line not in (top / "etc/fstab").read_text()


def test_a_system_without_systemd_gets_fstab_only(top):
    shutil.rmtree(top / "usr/lib/systemd")
    _tree, plan = put(top)
    assert plan["starts"] == []
    assert os.listdir(top / "etc/systemd/system") == []


@pytest.mark.parametrize(
    ("line", "fresh"),
    [
        ("UUID=3\t/home\text4\tdefaults\t0\t2", "UUID=3\t/home\text4\tdefaults,nodev,nosuid\t0\t2"),
        ("UUID=3 /home/ ext4 rw,suid 0 2", "UUID=3 /home/ ext4 rw,nodev,nosuid 0 2"),
        ("UUID=3 /home ext4", "UUID=3 /home ext4 nodev,nosuid"),
        ("UUID=3 /boot ext4 /boot 0 2", "UUID=3 /boot ext4 /boot,nodev,nosuid,noexec 0 2"),
        ("UUID=3 /home ext4 nosuid,nodev 0 2", None),
        ("#UUID=3 /home ext4 defaults 0 2", None),
        ("UUID=4 none swap sw 0 0", None),
        ("UUID=4 /srv ext4 defaults 0 2 # /home", None),
        ("tmpfs /dev/shm tmpfs size=1G 0 0", "tmpfs /dev/shm tmpfs size=1G,nodev,nosuid,noexec 0 0"),
        ("devtmpfs /dev devtmpfs rw,exec 0 0", "devtmpfs /dev devtmpfs rw,nosuid,noexec,noauto 0 0"),
        ("proc /proc proc defaults,hidepid=2 0 0", None),
    ],
)
def test_lines_of_others_keep_all_but_the_flags(line, fresh):
    text, changes = mounts.edit_fstab(f"{line}\n", PATHS, False)
    assert text.splitlines()[0] == (fresh or line)
    assert len([item for item in changes if item[1] is not None]) == (fresh is not None)
    assert text.count("/dev/shm") == 1


def test_what_another_role_adds_to_a_line_of_ours_stays():
    text, _changes = mounts.edit_fstab(FSTAB, PATHS, True)
    text = text.replace("noauto,nosuid,noexec,x-hallmark", "noauto,nosuid,noexec,x-hallmark,rw,relatime")
    assert mounts.edit_fstab(text, PATHS, True) == (text, [])
    fresh, changes = mounts.edit_fstab(text.replace("noauto,nosuid,noexec", "noauto,nosuid"), PATHS, True)
    assert "devtmpfs /dev devtmpfs noauto,nosuid,x-hallmark,rw,relatime,noexec 0 0\n" in fresh
    assert [item[0] for item in changes] == ["/dev"]


def test_a_line_of_ours_goes_when_it_is_not_wanted():
    text, _changes = mounts.edit_fstab(FSTAB, PATHS, False)
    without = {path: flags for path, flags in PATHS.items() if path != "/dev"}
    fresh, changes = mounts.edit_fstab(text, without, False)
    assert "/dev devtmpfs" not in fresh
    assert changes == [("/dev", "noauto,nosuid,noexec,x-hallmark", "removed")]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"paths": {"/x": "noexec"}}, "paths: /x: 'noexec' is no list of nodev, nosuid, noexec"),
        ({"paths": {"/x": ["ro"]}}, "paths: /x: .* is no list of"),
        ({"paths": {"/": ["noexec"]}}, "paths: '/' is no mount point"),
        ({"paths": {"x": ["noexec"]}}, "paths: 'x' is no mount point"),
        ({"paths": {"/a b": ["noexec"]}}, "paths: '/a b' is no mount point"),
        ({"tmp_size": "big"}, "tmp_size: 'big' is no size"),
    ],
)
def test_bad_input_is_one_clear_line(top, wrong, message):
    with pytest.raises(HardeningError, match=message):
        put(top, **wrong)


def test_names_of_units():
    assert [mounts.unit_name(path) for path in ("/tmp", "/var/log/audit", "/srv/a-b")] == [
        "tmp.mount",
        "var-log-audit.mount",
        "srv-a\\x2db.mount",
    ]
