# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import modprobe
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from support.image_tree import name_root

FILES = Path(__file__).parent / "files"
SYSTEMS = sorted(path.parent.name for path in FILES.glob("*/os-release"))
PATH = "/etc/modprobe.d/dev-sec.conf"
CLOUD = "kernel/fs/udf/udf.ko: kernel/drivers/cdrom/cdrom.ko\nkernel/net/sctp/sctp.ko:\n"
GENERAL = CLOUD + "kernel/drivers/usb/storage/usb-storage.ko.xz: kernel/drivers/scsi/scsi_mod.ko.xz\n"


def options(**others):
    return {
        "path": PATH,
        "mode": "0644",
        "modules": ["cramfs", "udf", "vfat", "squashfs", "usb-storage"],
        "allow": [],
        "keep_vfat": "auto",
        "install_command": "/bin/true",
        "blacklist": True,
        "unload": True,
        "rebuild_initramfs": "auto",
        **others,
    }


@pytest.fixture
def top(tmp_path):
    (tmp_path / "etc/modprobe.d").mkdir(parents=True)
    name_root(tmp_path)
    (tmp_path / "etc/fstab").write_text("# /dev/sr0 /cd udf ro 0 0\nUUID=1 / ext4 defaults 0 1\n")
    return tmp_path


def kernel(top, version="6.1.0", modules=CLOUD, image="initrd.img-{}"):
    """A kernel with an initramfs that is older than everything."""
    folder = top / "lib/modules" / version
    folder.mkdir(parents=True)
    (folder / "modules.dep").write_text(modules)
    (top / "boot").mkdir(exist_ok=True)
    path = top / "boot" / image.format(version)
    path.write_text("image")
    os.utime(path, (1, 1))
    return path


def put(top, run=None, check=False, **others):
    tree = Tree(str(top), check)
    return tree, modprobe.set_all(tree, options(**others), run)


def test_a_list_in_one_call_and_nothing_the_second_time(top):
    tree, report = put(top)
    assert report["blocked"] == ["cramfs", "udf", "vfat", "squashfs", "usb_storage"]
    text = (top / PATH[1:]).read_text()
    assert "install usb-storage /bin/true\nblacklist usb-storage\n" in text
    change = {"path": PATH, "key": "udf", "before": None, "after": "install /bin/true; blacklist"}
    assert change in tree.changes
    again, _report = put(top)
    assert again.changes == []


def test_check_mode_writes_nothing(top):
    tree, _report = put(top, check=True)
    assert len(tree.changes) == 5
    assert not (top / PATH[1:]).exists()


def test_a_shorter_list_and_other_words(top):
    put(top)
    tree, _report = put(top, modules=["cramfs"], install_command="/bin/false", blacklist=False)
    assert (top / PATH[1:]).read_text().splitlines()[1:] == ["install cramfs /bin/false"]
    assert {item["key"]: item["after"] for item in tree.changes}["udf"] is None


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("mark", [*modprobe.EFI_MARKS[1:], "fstab"])
def test_vfat_stays_wherever_uefi_is_possible(top, system, mark):
    shutil.copy(FILES / system / "os-release", top / "etc/os-release")
    if mark == "fstab":
        with open(top / "etc/fstab", "a") as file:
            file.write("UUID=2 /boot/efi vfat umask=0077,nofail 0 0\n")
    else:
        (top / mark[1:]).mkdir(parents=True)
    _tree, report = put(top)
    assert "vfat" in report["exempt"]
    assert "vfat" not in report["blocked"]
    _tree, report = put(top, keep_vfat="false")
    assert "vfat" in report["blocked"]


def test_exemptions(top):
    (top / "usr/lib/snapd").mkdir(parents=True)
    (top / "etc/fstab").write_text("/dev/sr0 /cd udf,iso9660 ro 0 0\n")
    _tree, report = put(top, allow=["usb_storage"], keep_vfat="true")
    assert report["exempt"] == {
        "vfat": "keep_vfat",
        "squashfs": "snapd: /usr/lib/snapd exists",
        "udf": "in use: /etc/fstab",
        "usb_storage": "allow",
    }
    assert report["blocked"] == ["cramfs"]


@pytest.mark.parametrize("image", ["initrd.img-{}", "initramfs-{}.img", "initrd-{}"])
@pytest.mark.parametrize(
    ("modules", "rebuild", "old"),
    [
        (CLOUD, "auto", False),
        (GENERAL, "auto", True),
        (CLOUD, "always", True),
        (GENERAL, "never", False),
    ],
)
def test_images_that_could_hold_a_blocked_driver_are_old(top, image, modules, rebuild, old):
    path = kernel(top, modules=modules, image=image)
    _tree, report = put(top, rebuild_initramfs=rebuild)
    # In a tree below another root nothing is made anew: a chroot would run the tree's programs.
    assert (report["initramfs"] == "old") == old
    os.utime(path, None)
    _tree, report = put(top, rebuild_initramfs=rebuild)
    assert report["initramfs"] in ("fine", "left alone")


def test_a_driver_that_is_not_blocked_makes_no_image_old(top):
    kernel(top, modules=GENERAL)
    _tree, report = put(top, modules=["udf", "sctp"])
    assert report["initramfs"] == "fine"


def test_images_are_made_anew_once(top, monkeypatch):
    path = kernel(top, modules=GENERAL)
    kernel(top, "6.2.0", GENERAL)
    (top / "usr/sbin").mkdir(parents=True)
    (top / "usr/sbin/update-initramfs").write_text("")
    tree = Tree(str(top))
    names = ["usb-storage"]
    tree.write(PATH, "x\n")
    commands = []
    monkeypatch.setattr(tree, "root", "/")
    monkeypatch.setattr(tree, "real", lambda path: f"{top}{path}")
    assert modprobe._update_images(tree, options(), names, True, commands.append) == "made anew"
    assert commands == [["update-initramfs", "-u", "-k", "all"]]
    assert [item["key"] for item in tree.changes if item["path"].startswith("/boot/")] == ["initramfs", "initramfs"]
    for image in path.parent.iterdir():
        os.utime(image, None)
    assert modprobe._update_images(tree, options(), names, False, commands.append) == "fine"


def test_dracut_is_told_to_copy_the_list(top):
    (top / "usr/lib/dracut").mkdir(parents=True)
    (top / "usr/bin").mkdir()
    (top / "usr/bin/dracut").write_text("")
    put(top)
    assert f'install_items+=" {PATH} "\n' in (top / modprobe.DRACUT_CONF[1:]).read_text()
    assert modprobe.updater(Tree(str(top))) == ["dracut", "--force", "--regenerate-all"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": "/etc/modules.conf"}, r"path: /etc/modules.conf is read by no modprobe"),
        ({"path": "/etc/modprobe.d/list"}, r"choose a name /etc/modprobe.d/\*.conf"),
        ({"modules": ["a b"]}, "modules: 'a b' is no name of a kernel module"),
        ({"modules": [""]}, "modules: '' is no name"),
        ({"allow": ["x\ninstall y /bin/sh"]}, "allow: .* is no name"),
        ({"mode": "288"}, "mode: '288' is not a mode"),
    ],
)
def test_bad_input_is_one_clear_line(top, wrong, message):
    with pytest.raises(HardeningError, match=message):
        put(top, **wrong)


class Kernel:
    """A running kernel with modules and who uses whom."""

    def __init__(self, users):
        self.users = users

    def read(self):
        return "".join(f"{name} 16384 {count} - Live 0x0\n" for name, count in self.users.items())

    def remove(self, names):
        for name in names:
            del self.users[name]
        if "btusb" in names:
            self.users["bluetooth"] -= 1


def test_unused_modules_are_unloaded_from_above():
    running = Kernel({"btusb": 0, "bluetooth": 1, "sctp": 4, "ext4": 1, "usb_storage": 0})
    gone, left = modprobe.unload(["bluetooth", "btusb", "sctp", "usb-storage", "udf"], running.read, running.remove)
    assert (gone, left) == (["bluetooth", "btusb", "usb_storage"], ["sctp"])
    assert set(running.users) == {"sctp", "ext4"}


def test_a_module_that_does_not_go_ends_the_rounds():
    running = Kernel({"floppy": 0})
    assert modprobe.unload(["floppy"], running.read, lambda names: None) == ([], ["floppy"])


def test_rules_are_read_back():
    text = "# x\ninstall usb-storage /bin/true\nblacklist usb_storage\nblacklist b\nalias a b\noptions c d=1\n"
    assert modprobe.blocked_by(text) == {"usb_storage": "install /bin/true; blacklist", "b": "blacklist"}
