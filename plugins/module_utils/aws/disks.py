# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options about disks to the block device mappings of the API."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

TYPES = ("gp3", "gp2", "io1", "io2", "st1", "sc1", "standard")
#: IOPS that each type may have, and how many per GiB (EBS user guide, "Amazon EBS volume types").
IOPS = {"gp3": (3000, 80000, 500), "io1": (100, 64000, 50), "io2": (100, 256000, 1000)}
#: Types that EC2 does not make without being told their IOPS (EbsBlockDevice, EC2 API reference).
WITH_IOPS = ("io1", "io2")
THROUGHPUT = (125, 2000)
DEVICE = re.compile(r"^(/dev/(sd[a-z]|xvd[a-z]{1,2}|hd[a-z])[0-9]{0,2}|xvd[a-z]{1,2})$")
VIRTUAL = re.compile(r"^ephemeral(1?[0-9]|2[0-3])$")
#: Suboptions of a disk, of the builder as of the image.
DISK: dict[str, dict[str, Any]] = {
    "size": {"type": "int"},
    "type": {"type": "str", "choices": list(TYPES)},
    "iops": {"type": "int"},
    "throughput": {"type": "int"},
}
DATA_DISK: dict[str, dict[str, Any]] = {
    "device_name": {"type": "str", "required": True},
    **DISK,
    "virtual_name": {"type": "str"},
    "snapshot_id": {"type": "str"},
    "encrypted": {"type": "bool"},
    "kms_key_id": {"type": "str", "no_log": False},
}


def builder_mappings(params: dict[str, Any], image: dict[str, Any]) -> list[dict[str, Any]]:
    """The disks of a temporary machine.

    Every disk goes with its machine, whatever the source image says of it: none may be left behind.

    :param params: root_disk, data_disks, no_devices, encrypted, kms_key_id.
    :param image: the source image.
    :raises HallmarkError: on what EBS would refuse.
    """
    root = image.get("RootDeviceName") or "/dev/sda1"
    kms = params["kms_key_id"]
    if kms and params["encrypted"] is False:
        raise HallmarkError(f"kms_key_id: {kms} with encrypted false", "encrypted: true")
    encrypted = True if kms else params["encrypted"]
    known: dict[str, dict[str, Any]] = {}
    for mapping in image.get("BlockDeviceMappings", []):
        if "Ebs" in mapping:
            size = mapping["Ebs"].get("VolumeSize")
            values = {"VolumeSize": size} if size else {}
            known[mapping["DeviceName"]] = {"DeleteOnTermination": True, **values, **_cipher(encrypted, kms)}
    known.setdefault(root, {"DeleteOnTermination": True, **_cipher(encrypted, kms)})
    known[root].update(ebs("root_disk", params["root_disk"] or {}, _size_of(image, root)))
    stores: list[dict[str, Any]] = []
    for disk in params["data_disks"]:
        key = f"data_disks: {disk['device_name']}"
        device = check_device("data_disks: device_name", disk["device_name"])
        if device == root or (device in known and not _is_from(image, device)):
            raise HallmarkError(f"{key}: the device is there already", "another device name")
        if disk["virtual_name"]:
            stores.append(instance_store(key, device, disk))
            known.pop(device, None)
            continue
        if not disk["size"] and not disk["snapshot_id"] and device not in known:
            raise HallmarkError(f"{key}: size: missing", "a number of GiB, or a snapshot_id")
        own = _cipher(encrypted if disk["encrypted"] is None else disk["encrypted"], disk["kms_key_id"] or kms)
        known[device] = {"DeleteOnTermination": True, **own, **ebs(key, disk, _size_of(image, device))}
    mappings = [{"DeviceName": device, "Ebs": values} for device, values in known.items()] + stores
    for device in params["no_devices"]:
        check_device("no_devices", device)
        if device == root:
            raise HallmarkError(f"no_devices: {device} is the root disk", "another device")
        mappings = [item for item in mappings if item["DeviceName"] != device] + [
            {"DeviceName": device, "NoDevice": ""}
        ]
    return mappings


def image_mappings(disks: list[dict[str, Any]], no_devices: list[str]) -> list[dict[str, Any]]:
    """What the image records of disks where that differs from the machine's own.

    :raises HallmarkError: on what EBS would refuse.
    """
    mappings = []
    for disk in disks:
        device = check_device("disks: device_name", disk["device_name"])
        if disk.get("virtual_name"):
            mappings.append(instance_store(f"disks: {device}", device, disk))
            continue
        values = ebs(f"disks: {device}", disk, 0)
        keep = disk.get("delete_on_termination")
        cipher = _cipher(disk.get("encrypted"), None)
        mappings.append({"DeviceName": device, "Ebs": {"DeleteOnTermination": keep is not False, **cipher, **values}})
    return mappings + [{"DeviceName": check_device("no_devices", device), "NoDevice": ""} for device in no_devices]


def instance_store(key: str, device: str, disk: dict[str, Any]) -> dict[str, Any]:
    """The mapping of an instance store volume.

    :raises HallmarkError: when it has no such name, or is told what only an EBS disk can be.
    """
    name = disk["virtual_name"]
    if not VIRTUAL.match(name):
        raise HallmarkError(f"{key}: virtual_name: {name!r}", "ephemeral0 to ephemeral23")
    of_ebs = [option for option in (*DISK, "snapshot_id", "encrypted", "kms_key_id") if disk.get(option)]
    if of_ebs:
        raise HallmarkError(f"{key}: {of_ebs[0]}: with virtual_name", "one of them: its instance type tells the rest")
    return {"DeviceName": device, "VirtualName": name}


def ebs(key: str, disk: dict[str, Any], least: int) -> dict[str, Any]:
    """Size, type and speed of one disk as the API takes them.

    :param key: the option, for messages.
    :param least: GiB of what it is made from.
    :raises HallmarkError: on what EBS would refuse.
    """
    size, kind = disk.get("size"), disk.get("type")
    values: dict[str, Any] = {}
    if size is not None:
        if not max(1, least) <= size <= 65536:
            raise HallmarkError(f"{key}: size: {size}", f"a number of GiB from {max(1, least)} to 65536")
        values["VolumeSize"] = size
    if kind:
        values["VolumeType"] = kind
    if disk.get("snapshot_id"):
        values["SnapshotId"] = disk["snapshot_id"]
    iops, throughput = disk.get("iops"), disk.get("throughput")
    if kind in WITH_IOPS and iops is None:
        raise HallmarkError(f"{key}: iops: missing", f"a number from {IOPS[kind][0]} to {IOPS[kind][1]} for {kind}")
    if iops is not None:
        if kind not in IOPS:
            raise HallmarkError(f"{key}: iops: {iops} with type {kind or '(missing)'}", f"type {', '.join(IOPS)}")
        low, high, ratio = IOPS[kind]
        if not low <= iops <= high:
            raise HallmarkError(f"{key}: iops: {iops}", f"a number from {low} to {high} for {kind}")
        if size and iops > max(low, ratio * size):
            raise HallmarkError(
                f"{key}: iops: {iops}", f"at most {ratio} for each GiB, so {ratio * size} for {size} GiB"
            )
        values["Iops"] = iops
    if throughput is not None:
        if kind != "gp3":
            raise HallmarkError(f"{key}: throughput: {throughput} with type {kind or '(missing)'}", "type gp3")
        if not THROUGHPUT[0] <= throughput <= THROUGHPUT[1]:
            raise HallmarkError(f"{key}: throughput: {throughput}", f"MiB/s from {THROUGHPUT[0]} to {THROUGHPUT[1]}")
        values["Throughput"] = throughput
    return values


def check_device(key: str, name: str) -> str:
    """A device name that EC2 takes.

    :raises HallmarkError: for any other.
    """
    if not DEVICE.match(name):
        raise HallmarkError(f"{key}: {name!r}", "a device name of EC2, as /dev/sdf or /dev/xvdb")
    return name


def _cipher(encrypted: bool | None, kms: str | None) -> dict[str, Any]:
    """The part of a mapping about encryption; empty leaves it to the snapshot and the account's default."""
    if kms:
        return {"Encrypted": True, "KmsKeyId": kms}
    return {"Encrypted": True} if encrypted else {}


def _is_from(image: dict[str, Any], device: str) -> bool:
    return any(mapping["DeviceName"] == device for mapping in image.get("BlockDeviceMappings", []))


def _size_of(image: dict[str, Any], device: str) -> int:
    for mapping in image.get("BlockDeviceMappings", []):
        if mapping["DeviceName"] == device:
            return int(mapping.get("Ebs", {}).get("VolumeSize") or 0)
    return 0
