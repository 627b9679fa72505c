# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options about disks to the parameters of RunInstances. All disks end with their machine."""

from __future__ import annotations

from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import names
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: GiB that a disk of each category may have, as a system disk and as a data disk (ECS API reference, RunInstances).
CATEGORIES = {
    "cloud_essd": (32768, (1, 65536)),
    "cloud_auto": (2048, (1, 65536)),
    "cloud_essd_entry": (2048, (10, 32768)),
    "cloud_ssd": (500, (20, 32768)),
    "cloud_efficiency": (500, (20, 32768)),
    "cloud": (500, (5, 2000)),
}
#: The least GiB of each performance level of cloud_essd (ECS user guide, "ESSDs").
LEVELS = {"PL0": 1, "PL1": 20, "PL2": 461, "PL3": 1261}
MOST_DISKS = 16
#: Suboptions of the system disk, and of data disks.
DISK: dict[str, dict[str, Any]] = {
    "size": {"type": "int"},
    "category": {"type": "str", "choices": list(CATEGORIES), "default": "cloud_essd"},
    "performance_level": {"type": "str", "choices": list(LEVELS)},
    "name": {"type": "str"},
    "description": {"type": "str"},
}
DATA_DISK: dict[str, dict[str, Any]] = {
    "device_name": {"type": "str"},
    **DISK,
    "snapshot_id": {"type": "str"},
    "encrypted": {"type": "bool"},
    "kms_key_id": {"type": "str", "no_log": False},
}


def system_category(params: dict[str, Any]) -> str:
    """The category of the system disk.

    :param params: root_disk.
    """
    return str((params["root_disk"] or {}).get("category") or DISK["category"]["default"])


def system_disk(params: dict[str, Any], image: dict[str, Any]) -> dict[str, Any]:
    """The parameter ``SystemDisk``.

    :param params: root_disk, encrypted, kms_key_id.
    :param image: the source image.
    :raises HallmarkError: on what ECS would refuse.
    """
    disk = params["root_disk"] or {**dict.fromkeys(DISK), "category": system_category(params)}
    least = max(20, int(image.get("Size") or 0))
    return {**_disk("root_disk", disk, least, CATEGORIES[disk["category"]][0]), **_cipher(params, params)}


def data_disks(params: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameter ``DataDisk``.

    :param params: data_disks, encrypted, kms_key_id.
    :raises HallmarkError: on what ECS would refuse.
    """
    if len(params["data_disks"]) > MOST_DISKS:
        raise HallmarkError(f"data_disks: {len(params['data_disks'])}", f"at most {MOST_DISKS}")
    found, devices = [], set()
    for number, disk in enumerate(params["data_disks"], 1):
        device = disk["device_name"]
        key = f"data_disks: {device or number}"
        if device is not None and (not device.startswith(("/dev/xvd", "/dev/vd")) or device in devices):
            raise HallmarkError(f"{key}: device_name", "each device once, as /dev/xvdb")
        devices.add(device)
        if not disk["size"] and not disk["snapshot_id"]:
            raise HallmarkError(f"{key}: size: missing", "a number of GiB, or a snapshot_id")
        more = {"Device": device, "SnapshotId": disk["snapshot_id"], "DeleteWithInstance": True}
        found.append({**_disk(key, disk, *CATEGORIES[disk["category"]][1]), **_cipher(disk, params), **more})
    return [{key: value for key, value in disk.items() if value is not None} for disk in found]


def _disk(key: str, disk: dict[str, Any], least: int, most: int) -> dict[str, Any]:
    category, size, level = disk["category"], disk["size"], disk["performance_level"]
    if level and category != "cloud_essd":
        raise HallmarkError(f"{key}: performance_level: {level} with category {category}", "category cloud_essd")
    least = max(least, LEVELS[level] if level else 0)
    if size is not None and not least <= size <= most:
        raise HallmarkError(f"{key}: size: {size}", f"a number of GiB from {least} to {most}")
    names.check_name(f"{key}: name", disk["name"])
    names.check_description(f"{key}: description", disk["description"])
    values = {"Category": category, "Size": size, "PerformanceLevel": level}
    values |= {"DiskName": disk["name"], "Description": disk["description"]}
    return {name: value for name, value in values.items() if value is not None}


def _cipher(disk: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """The part about encryption; empty leaves it to snapshots and the account's default.

    :raises HallmarkError: when a key is given for what is not to be encrypted.
    """
    kms = disk["kms_key_id"] or params["kms_key_id"]
    encrypted = disk["encrypted"] if disk["encrypted"] is not None else params["encrypted"]
    if disk["kms_key_id"] and encrypted is False:
        raise HallmarkError(f"kms_key_id: {disk['kms_key_id']} with encrypted false", "encrypted: true")
    if encrypted is False:
        return {}
    if kms:
        return {"Encrypted": True, "KMSKeyId": kms}
    return {"Encrypted": True} if encrypted else {}
