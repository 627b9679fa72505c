# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that make an image: of a machine, of a snapshot, and of an image in another region."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.endpoints import check_region
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.names import check_description
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Names of images and of image families (API reference, CreateImage).
NAME = re.compile(r"^(?!acs:|aliyun|https?://)[A-Za-z][A-Za-z0-9.:_-]{1,127}$")
RIGHT_NAME = "2 to 128 of letters, digits and .:_-, with a letter first and without acs: or aliyun in front"

#: Options of alicloud_image that say what an image becomes and where it is copied to.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "description": {"type": "str", "default": ""},
    "version": {"type": "str"},
    "boot_mode": {"type": "str", "choices": ["BIOS", "UEFI", "UEFI-Preferred"]},
    "imds_v2": {"type": "bool", "default": True},
    "resource_group_id": {"type": "str"},
    "copies": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "region": {"type": "str", "required": True},
            "name": {"type": "str"},
            "encrypted": {"type": "bool", "default": False},
            "kms_key_id": {"type": "str", "no_log": False},
        },
    },
}


def check(params: dict[str, Any]) -> None:
    """Refuse names, descriptions and regions that the API would refuse after hours.

    :raises HallmarkError: naming option and value.
    """
    check_name("name", params["name"])
    check_description("description", params["description"] or None)
    for copy in params["copies"]:
        check_region("copies: region", copy["region"])
        if copy["name"] is not None:
            check_name("copies: name", copy["name"])


def check_name(key: str, name: str) -> None:
    """Refuse what is no name of an image or a family.

    :param key: the option, for the message.
    :raises HallmarkError: when it is none.
    """
    if not NAME.match(name):
        raise HallmarkError(f"{key}: {name!r}", RIGHT_NAME)


def from_machine(
    connection: Connection, params: dict[str, Any], name: str, source: dict[str, str], token: str, labels: Any
) -> str:
    """Make an image.

    :param source: what of: InstanceId, or SnapshotId of a system disk.
    :returns: its id.
    """
    answer = connection.call(
        f"capture image {name}",
        "CreateImage",
        ImageName=name,
        ClientToken=token,
        Tag=labels,
        **source,
        **_described("Description", params),
        **_given(ImageVersion=params["version"], BootMode=params["boot_mode"]),
        **_given(ResourceGroupId=params["resource_group_id"]),
        **({"Features": {"ImdsSupport": "v2"}} if params["imds_v2"] else {}),
    )
    return answer["ImageId"]


def to_region(
    connection: Connection,
    params: dict[str, Any],
    copy: dict[str, Any],
    image: str,
    name: str,
    token: str,
    labels: Any,
) -> str:
    """Start to copy an image.

    :param connection: account and region that it is copied from.
    :param copy: one of the option copies.
    :param image: the id of what is copied.
    :param name: what the copy is called.
    :returns: the id of the copy.
    """
    encrypted = copy["encrypted"] or bool(copy["kms_key_id"])
    answer = connection.call(
        f"copy image {name} to {copy['region']}",
        "CopyImage",
        ImageId=image,
        DestinationRegionId=copy["region"],
        DestinationImageName=name,
        ClientToken=token,
        Tag=labels,
        **_described("DestinationDescription", params),
        **({"Encrypted": True} if encrypted else {}),
        **_given(KMSKeyId=copy["kms_key_id"], ResourceGroupId=params["resource_group_id"]),
    )
    return answer["ImageId"]


def _described(key: str, params: dict[str, Any]) -> dict[str, str]:
    return {key: params["description"]} if params["description"] else {}


def _given(**parameters: str | None) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value}
