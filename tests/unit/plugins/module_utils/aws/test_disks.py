# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.aws import disks
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

IMAGE = {
    "ImageId": "ami-1",
    "RootDeviceName": "/dev/xvda",
    "BlockDeviceMappings": [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "DeleteOnTermination": False, "SnapshotId": "snap-1"}},
        {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
    ],
}
EMPTY = dict.fromkeys(("size", "type", "iops", "throughput", "virtual_name", "snapshot_id", "encrypted", "kms_key_id"))


def options(**changes):
    return {
        "encrypted": None, "kms_key_id": None, "root_disk": None, "data_disks": [], "no_devices": [], **changes,
    }  # fmt: skip


def test_no_disk_outlives_its_machine_whatever_the_image_says():
    (root,) = disks.builder_mappings(options(), IMAGE)
    assert root == {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "DeleteOnTermination": True}}


def test_all_of_it():
    data = {**EMPTY, "device_name": "/dev/sdf", "size": 20, "type": "io2", "iops": 4000}
    root = {"size": 12, "type": "gp3", "iops": 6000, "throughput": 250}
    mappings = disks.builder_mappings(
        options(kms_key_id="alias/images", root_disk=root, data_disks=[data], no_devices=["/dev/sdb"]), IMAGE
    )
    secret = {"Encrypted": True, "KmsKeyId": "alias/images", "DeleteOnTermination": True}
    assert mappings == [
        {
            "DeviceName": "/dev/xvda",
            "Ebs": {**secret, "VolumeSize": 12, "VolumeType": "gp3", "Iops": 6000, "Throughput": 250},
        },
        {"DeviceName": "/dev/sdf", "Ebs": {**secret, "VolumeSize": 20, "VolumeType": "io2", "Iops": 4000}},
        {"DeviceName": "/dev/sdb", "NoDevice": ""},
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"root_disk": {"size": 7}}, r"root_disk: size: 7: a number of GiB from 8 to 65536"),
        ({"root_disk": {"type": "gp2", "iops": 3000}}, r"root_disk: iops: 3000 with type gp2: type gp3, io1, io2"),
        ({"root_disk": {"type": "io1"}}, r"root_disk: iops: missing: a number from 100 to 64000 for io1"),
        ({"root_disk": {"type": "io2", "size": 20}}, r"root_disk: iops: missing: a number from 100 to 256000 for io2"),
        ({"root_disk": {"type": "gp3", "iops": 100}}, r"iops: 100: a number from 3000 to 80000 for gp3"),
        ({"root_disk": {"type": "io1", "size": 10, "iops": 600}}, r"at most 50 for each GiB, so 500 for 10 GiB"),
        ({"root_disk": {"throughput": 300}}, r"throughput: 300 with type \(missing\): type gp3"),
        ({"root_disk": {"type": "gp3", "throughput": 1}}, r"throughput: 1: MiB/s from 125 to 2000"),
        ({"data_disks": [{**EMPTY, "device_name": "/dev/sdf"}]}, r"data_disks: /dev/sdf: size: missing"),
        ({"data_disks": [{**EMPTY, "device_name": "sdf", "size": 1}]}, r"device_name: 'sdf': a device name of EC2"),
        ({"data_disks": [{**EMPTY, "device_name": "/dev/xvda", "size": 9}]}, r"/dev/xvda: the device is there already"),
        ({"data_disks": [{**EMPTY, "device_name": "/dev/sdc", "virtual_name": "disk0"}]}, r"virtual_name: 'disk0'"),
        (
            {"data_disks": [{**EMPTY, "device_name": "/dev/sdc", "virtual_name": "ephemeral0", "size": 9}]},
            r"/dev/sdc: size: with virtual_name",
        ),
        ({"no_devices": ["/dev/xvda"]}, r"no_devices: /dev/xvda is the root disk"),
        ({"kms_key_id": "k", "encrypted": False}, r"kms_key_id: k with encrypted false"),
    ],
)
def test_what_ebs_would_refuse_is_told_before(changes, message):
    with pytest.raises(HallmarkError, match=message):
        disks.builder_mappings(options(**changes), IMAGE)


def test_an_image_may_have_disks_that_the_machine_has_not():
    disk = {**EMPTY, "device_name": "/dev/sdg", "snapshot_id": "snap-1", "encrypted": True, "size": 4}
    wanted = {"DeleteOnTermination": True, "Encrypted": True, "SnapshotId": "snap-1", "VolumeSize": 4}
    assert disks.image_mappings([disk], []) == [{"DeviceName": "/dev/sdg", "Ebs": wanted}]


def test_an_instance_store_is_no_disk_of_ebs():
    store = {**EMPTY, "device_name": "/dev/sdc", "virtual_name": "ephemeral1"}
    wanted = {"DeviceName": "/dev/sdc", "VirtualName": "ephemeral1"}
    assert disks.builder_mappings(options(data_disks=[store]), IMAGE)[1:] == [wanted]
    assert disks.image_mappings([store], []) == [wanted]


def test_disks_of_an_image_end_with_its_machines_unless_told():
    kept = {**EMPTY, "device_name": "/dev/sdf", "type": "gp3", "delete_on_termination": False}
    assert disks.image_mappings([kept, {**EMPTY, "device_name": "/dev/sdg"}], ["/dev/sdh"]) == [
        {"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": False, "VolumeType": "gp3"}},
        {"DeviceName": "/dev/sdg", "Ebs": {"DeleteOnTermination": True}},
        {"DeviceName": "/dev/sdh", "NoDevice": ""},
    ]
