# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks that a launch makes."""

from __future__ import annotations

from typing import Any

from emulators.alicloud.api import Request
from emulators.alicloud.errors import ApiError, bad, missing
from emulators.alicloud.kms import check_key, key_of
from emulators.alicloud.names import check_description, check_name
from emulators.alicloud.offers import CATEGORIES, LEVELS
from emulators.alicloud.things import Image, Snapshot


def system_disk(request: Request, image: Image) -> dict[str, Any]:
    """The system disk that a launch asks for, as the fields of a Disk."""
    given = {
        name.removeprefix("SystemDisk."): request[name] for name in request.values if name.startswith("SystemDisk.")
    }
    size = given.get("Size", max(40, image.size))
    if not 20 <= size <= 2048:
        message = "The specified parameter SystemDisk.Size is not valid."
        raise ApiError(400, "InvalidSystemDiskSize.ValueNotSupported", message)
    if size < image.size:
        message = "The specified parameter SystemDisk.Size is less than the image size."
        raise ApiError(404, "InvalidSystemDiskSize.LessThanImageSize", message)
    source = next(device for device in image.devices if device["Type"] == "system")
    return disk_fields(request, given, "SystemDisk", source) | {
        "type": "system",
        "size": size,
        "device": "/dev/xvda",
        "snapshot": source["SnapshotId"],
    }


def disk_fields(request: Request, given: dict[str, Any], name: str, source: dict[str, Any]) -> dict[str, Any]:
    """What system and data disks have in common.

    :param source: the image's disk that it begins with; what is encrypted stays so.
    """
    category = given.get("Category", "cloud_essd")
    if category not in CATEGORIES:
        code = f"Invalid{name}Category.ValueNotSupported"
        raise ApiError(400, code, f'The specified parameter "{name}.Category" is not valid.')
    level = given.get("PerformanceLevel", "PL1" if category == "cloud_essd" else "")
    if level and (level not in LEVELS or category != "cloud_essd"):
        raise bad(f"{name}.PerformanceLevel")
    default = request.world.encrypted_by_default.get(request.region, "")
    if default and given.get("Encrypted") is False:
        message = "Enabling disk default encryption prevents the creation of non-encrypted disks."
        raise ApiError(403, "InvalidEncrypted.NotMatchDiskDefaultEncryption", message)
    encrypted = bool(given.get("Encrypted") or given.get("KMSKeyId") or source.get("Encrypted") or default)
    check_key(request.world, request.region, given.get("KMSKeyId"))
    check_name(f"{name}.DiskName", given.get("DiskName", ""), "DiskName")
    check_description(f"{name}.Description", given.get("Description", ""), "DiskDescription")
    return {
        "category": category,
        "level": level,
        "encrypted": encrypted,
        "key": given.get("KMSKeyId") or source.get("KMSKeyId") or (encrypted and key_of(request, request.region)) or "",
        "name": given.get("DiskName", ""),
        "description": given.get("Description", ""),
        "with_instance": given.get("DeleteWithInstance", True),
    }


def data_disks(request: Request, image: Image) -> list[dict[str, Any]]:
    """The data disks that a launch makes: those of the image, changed or joined by those that were asked for."""
    sources = {device["Device"]: device for device in image.devices if device["Type"] == "data"}
    given = [dict(row) for row in request.get("DataDisk", [])]
    if len(given) > 16:
        message = "The total number of specified disk in an instance exceeds."
        raise ApiError(400, "InstanceDiskNumber.LimitExceed", message)
    names = iter(f"/dev/xvd{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")
    taken = {row["Device"] for row in given if "Device" in row}
    for row in given:
        row.setdefault("Device", next(name for name in names if name not in taken))
        if sum(other.get("Device") == row["Device"] for other in given) > 1:
            raise ApiError(403, "InvalidDevice.InUse", "The specified device has been occupied.")
    rows = [{"Device": device} for device in sources if device not in {row["Device"] for row in given}] + given
    found = []
    for row in sorted(rows, key=lambda row: str(row["Device"])):
        source = sources.get(row["Device"], {})
        snapshot = row.get("SnapshotId") or source.get("SnapshotId", "")
        least = 1
        if row.get("SnapshotId"):
            kept = request.find(Snapshot, row["SnapshotId"])
            if kept.state != "accomplished":
                raise ApiError(403, "InvalidSnapshotId.NotReady", "The specified snapshot has not completed yet.")
            source, least = {"Encrypted": kept.encrypted, "KMSKeyId": kept.key, "Size": kept.size}, kept.size
        size = row.get("Size", source.get("Size"))
        if size is None:
            raise missing("DataDisk.N.Size")
        if not least <= size <= 32768:
            message = "The specified DataDisk.N.Size beyond the permitted range."
            raise ApiError(400, "InvalidDataDiskSize.ValueNotSupported", message)
        if size < source.get("Size", 0):
            raise ApiError(403, "InvalidDiskSize.TooSmall", "Specified disk size is less than the size of snapshot")
        fields = disk_fields(request, row, "DataDisk", source)
        found.append(fields | {"size": size, "device": row["Device"], "snapshot": snapshot})
    return found
