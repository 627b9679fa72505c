# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registering an image once more, of the same snapshots, under another name."""

from __future__ import annotations

from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import tags
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection

#: What RegisterImage takes over of an image, under the same key.
KEPT = ("Description", "Architecture", "RootDeviceName", "VirtualizationType", "EnaSupport", "SriovNetSupport")
KEPT += ("BootMode", "TpmSupport", "ImdsSupport")
KEPT_OF_DISK = ("VolumeSize", "VolumeType", "Iops", "Throughput", "DeleteOnTermination")
#: Of a snapshot RegisterImage takes no word on encryption; it is what it is.
KEPT_OF_EMPTY_DISK = (*KEPT_OF_DISK, "Encrypted", "KmsKeyId")


def request_of(connection: Connection, image: dict[str, Any], name: str) -> dict[str, Any]:
    """The arguments of RegisterImage for an image as DescribeImages shows it, under another name.

    Its tags are the same, but for the moment at which it expires: under this name it is there to stay.
    """
    labels = {key: value for key, value in tags.as_dict(image.get("Tags")).items() if not key.startswith("aws:")}
    labels.pop(tags.EXPIRES, None)
    if labels.get("Name") == image.get("Name"):
        labels["Name"] = name
    request = {key: image[key] for key in KEPT if image.get(key) not in (None, "")}
    request["Name"] = name
    request["BlockDeviceMappings"] = [_disk(mapping) for mapping in image.get("BlockDeviceMappings", [])]
    request["TagSpecifications"] = tags.specifications(labels, "image")
    if str(image.get("BootMode", "")).startswith("uefi"):
        data = _uefi_data(connection, image["ImageId"])
        request |= {"UefiData": data} if data else {}
    return request


def _disk(mapping: dict[str, Any]) -> dict[str, Any]:
    disk = {"DeviceName": mapping["DeviceName"]}
    if "Ebs" not in mapping:
        return {**disk, "VirtualName": mapping["VirtualName"]}
    ebs = mapping["Ebs"]
    keys = ("SnapshotId", *KEPT_OF_DISK) if ebs.get("SnapshotId") else KEPT_OF_EMPTY_DISK
    return {**disk, "Ebs": {key: ebs[key] for key in keys if ebs.get(key) is not None}}


def _uefi_data(connection: Connection, image: str) -> str:
    """The variables of the firmware that are in an image, above all the keys of Secure Boot."""
    what = f"image {image}: UEFI variables"
    answer = connection.call(what, "describe_image_attribute", ImageId=image, Attribute="uefiData")
    return (answer.get("UefiData") or {}).get("Value") or ""
