# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import data_disk_program as program

EXT4 = {"name": "data", "path": "/data", "filesystem": "ext4", "label": "data", "position": 1}
LOGS = {"name": "logs", "path": "/logs", "filesystem": "ext4", "label": "logs", "position": 2}


class Sysfs:
    """A made-up /sys."""

    def __init__(self, top):
        self.top = top
        for folder in ("block", "dev/block"):
            (top / folder).mkdir(parents=True)

    def disk(self, place, number, size="100", **files):
        """A disk at a place below devices; its last part is the kernel's name."""
        folder = self.top / "devices" / place
        (folder / "device").mkdir(parents=True)
        for name, text in {"size": size, "ro": "0", "removable": "0", **files}.items():
            (folder / name.replace("__", "/")).write_text(f"{text}\n")
        (self.top / "block" / folder.name).symlink_to(folder)
        (self.top / "dev/block" / number).symlink_to(folder)
        return folder

    def part(self, disk, number, name):
        (disk / name).mkdir()
        (disk / name / "partition").write_text("1\n")
        (disk / name / "dev").write_text(f"{number}\n")
        (self.top / "dev/block" / number).symlink_to(disk / name)

    def mapped(self, number, name, *slaves):
        """A device of LVM or RAID upon others."""
        folder = self.top / "devices/virtual/block" / name
        (folder / "slaves").mkdir(parents=True)
        for slave in slaves:
            (folder / "slaves" / slave.name).symlink_to(slave)
        (self.top / "dev/block" / number).symlink_to(folder)


@pytest.fixture
def sysfs(tmp_path):
    return Sysfs(tmp_path / "sys")


def test_disks_come_in_the_order_of_their_places(sysfs):
    sysfs.disk("pci0000:00/0000:00:0a.0/virtio4/block/vdb", "254:16")
    sysfs.disk("pci0000:00/0000:00:05.0/virtio9/block/vdc", "254:32")
    sysfs.disk("pci0000:00/0000:00:02.0/host2/target2:0:10/2:0:10:0/block/sda", "8:0")
    sysfs.disk("pci0000:00/0000:00:02.0/host2/target2:0:9/2:0:9:0/block/sdb", "8:16")
    assert program.whole_disks(str(sysfs.top)) == ["sdb", "sda", "vdc", "vdb"]


def test_what_is_no_disk_that_can_be_written_does_not_count(sysfs):
    sysfs.disk("a/block/vda", "254:0")
    sysfs.disk("b/block/vdb", "254:16", ro="1")
    sysfs.disk("c/block/sr0", "11:0", removable="1")
    sysfs.disk("d/block/sdb", "8:16", size="0")
    sysfs.disk("e/block/nvme0c0n1", "259:9", hidden="1")
    (sysfs.top / "block/loop0").mkdir()
    assert program.whole_disks(str(sysfs.top)) == ["vda"]


def test_the_system_is_found_below_partitions_lvm_and_raid(sysfs):
    first = sysfs.disk("a/block/vda", "254:0")
    sysfs.part(first, "254:1", "vda1")
    second = sysfs.disk("b/block/vdb", "254:16")
    sysfs.part(second, "254:17", "vdb1")
    sysfs.disk("c/block/vdc", "254:32")
    sysfs.mapped("253:0", "dm-0", second / "vdb1")
    table = (
        "22 1 254:1 / /boot rw shared:1 - ext4 /dev/vda1 rw\n"
        "23 1 253:0 / / rw,relatime - xfs /dev/mapper/root rw\n"
        "24 1 254:32 / /data rw - ext4 /dev/vdc rw\n"
        "25 1 0:20 / /run rw - tmpfs tmpfs rw\n"
    )
    assert program.system_disks(table, str(sysfs.top)) == {"vda", "vdb"}


def test_serial_numbers_of_virtio_nvme_and_scsi(sysfs):
    sysfs.disk("a/block/vda", "254:0", serial="data")
    sysfs.disk("b/block/nvme0n1", "259:0", device__serial="vol0123456789abcdef0  ")
    scsi = sysfs.disk("c/block/sda", "8:0")
    (scsi / "device/vpd_pg80").write_bytes(b"\x00\x80\x00\x08  abc123")
    found = [program.serials(name, str(sysfs.top)) for name in ("vda", "nvme0n1", "sda")]
    assert found == [{"data"}, {"vol0123456789abcdef0"}, {"abc123"}]


@pytest.mark.parametrize("name", ["/dev/sdf", "sdf", "/dev/xvdf", "xvdf"])
def test_an_ebs_volume_tells_its_device_name(name):
    identity = bytearray(4096)
    identity[24:64] = b"Amazon Elastic Block Store".ljust(40)
    identity[3072:3104] = name.encode().ljust(32)
    assert program.ebs_of_identity(bytes(identity)) == program.plain_ebs("/dev/sdf") == "sdf"
    identity[3072:3104] = name.encode().ljust(32, b"\0")
    assert program.ebs_of_identity(bytes(identity)) == "sdf"


def test_other_nvme_disks_have_no_device_name():
    identity = bytearray(4096)
    identity[24:64] = b"Amazon EC2 NVMe Instance Storage".ljust(40)
    identity[3072:3104] = b"ephemeral0:sdb".ljust(32)
    assert program.ebs_of_identity(bytes(identity)) == ""
    assert (program.ebs_name("xvdf"), program.ebs_name("vdb")) == ("sdf", "")


@pytest.mark.parametrize(
    ("seen", "blank", "message"),
    [
        ({"PTTYPE": "gpt"}, False, r"holds a partition table \(gpt\) instead of ext4\. Nothing was changed"),
        ({"PTTYPE": "dos", "TYPE": "ext4"}, False, "holds a partition table"),
        ({"TYPE": "xfs"}, False, "holds content of type xfs instead of ext4"),
        ({"TYPE": "LVM2_member"}, True, "holds content of type LVM2_member"),
        ({"USAGE": "raid"}, True, "holds data of an unknown kind"),
        ({}, False, "holds data of an unknown kind"),
    ],
)
def test_what_is_not_empty_is_never_formatted(seen, blank, message):
    with pytest.raises(program.DiskError, match=message):
        program.judge(EXT4, seen, blank)


def test_empty_disks_are_formatted_and_others_of_the_type_are_kept():
    assert program.judge(EXT4, {}, True) is True
    assert program.judge(EXT4, {"TYPE": "ext4", "LABEL": "other"}, False) is False


def test_a_disk_is_blank_only_with_zeros_at_both_ends(tmp_path):
    disk = tmp_path / "disk"
    with open(disk, "wb") as file:
        file.truncate(8 << 20)
    assert program.is_blank(str(disk))
    for place in (1 << 19, (8 << 20) - 1):
        with open(disk, "r+b") as file:
            file.seek(place)
            file.write(b"\1")
        assert not program.is_blank(str(disk))
        with open(disk, "r+b") as file:
            file.seek(place)
            file.write(b"\0")
    assert program.is_blank(str(disk))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"vdb": "", "vdc": ""}, ("vdb", "vdc")),  # first boot
        ({"vdb": "data", "vdc": ""}, ("vdb", "vdc")),  # the first is formatted already
        ({"vdb": "logs", "vdc": "data"}, ("vdc", "vdb")),  # attached the other way round
        ({"vdb": "logs"}, ("", "vdb")),  # the first is missing: the second does not move up
        ({"vdb": ""}, ("vdb", "")),
        ({}, ("", "")),
        ({"vdb": "somebody's", "vdc": ""}, ("vdb", "vdc")),
    ],
)
def test_a_place_counts_until_there_is_a_label(labels, expected):
    assert tuple(program.choose(disk, labels, [EXT4, LOGS]) for disk in (EXT4, LOGS)) == expected


def test_a_label_that_is_there_twice_names_no_disk():
    with pytest.raises(program.DiskError, match="the label data is on more than one disk: vdb, vdc"):
        program.choose(EXT4, {"vdb": "data", "vdc": "data"}, [EXT4])
