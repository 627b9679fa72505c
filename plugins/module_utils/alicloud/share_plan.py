# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether images can be shared as the source and the account will have them encrypted; asked before anything is made.

What the definition itself encrypts is refused without any question (sharing.check). Besides, disks made of encrypted
snapshots are encrypted with the snapshots' key, and an account may have every new disk and copy of a region encrypted
(ECS user guide, "Account-level EBS default encryption"). No image that is encrypted with the service key can be shared.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.sharing import (
    SERVICE_KEY,
    check_disks,
    check_key,
)
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.snapshots import keys_of
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.source import source_image

AS_SOURCE = "as the source is"
BY_DEFAULT = "by the account's default"


def check_plan(connection: Connection, params: dict[str, Any], kept: list[Connection], planning: bool) -> None:
    """Refuse shares that cannot work.

    :param connection: the build's region.
    :param params: the options of alicloud_image.
    :param kept: the regions in which images are published.
    :param planning: whether the source image is still to be launched, and so says how its disks are encrypted.
    :raises HallmarkError: when an image could not be shared.
    """
    if not params["launch_users"]:
        return
    image = source_image(connection, params["source"]) if planning and params["source"] else {}
    given, keys = params["kms_key_id"], _keys_at_home(connection, params, image)
    several = not params["system_disk_only"] and bool(params["data_disks"] or len(_mappings(image)) > 1)
    if connection in kept:
        for key, why in keys.items():
            check_key(connection.region, True, key if key == given else _unless_service(connection, key), why)
            check_disks(connection.region, True, several, why)
    regions = {there.region: there for there in kept}
    for copy in params["copies"]:
        there, named = regions[copy["region"]], copy["kms_key_id"]
        default = "" if named else _default_key(there)
        if named or default or keys:
            why = BY_DEFAULT if default else "" if named else next(iter(keys.values()))
            check_key(there.region, True, named or (default and _unless_service(there, default)), why)
            check_disks(there.region, True, several, why)


def _keys_at_home(connection: Connection, params: dict[str, Any], image: dict[str, Any]) -> dict[str, str]:
    """The KMS keys that the image's disks are encrypted with, and why; empty when they are not.

    :param image: the source image; empty where it does not matter any more.
    """
    if params["kms_key_id"]:
        return {params["kms_key_id"]: ""}
    keys = dict.fromkeys(keys_of(connection, image), AS_SOURCE)
    default = "" if keys else _default_key(connection)
    return {default: BY_DEFAULT} if default else keys


def _mappings(image: dict[str, Any]) -> list[dict[str, Any]]:
    return (image.get("DiskDeviceMappings") or {}).get("DiskDeviceMapping") or []


def _default_key(connection: Connection) -> str:
    """The key that a region's new disks and copies are encrypted with by themselves; empty when they are not."""
    on = _told(connection, "DescribeDiskEncryptionByDefaultStatus").get("Encrypted")
    return str(_told(connection, "DescribeDiskDefaultKMSKeyId").get("KMSKeyId") or SERVICE_KEY) if on else ""


def _unless_service(connection: Connection, key: str) -> str:
    """A key; empty when it is the one that ECS keeps, by whatever name."""
    service = _told(connection, "DescribeKey", product="Kms", KeyId=SERVICE_KEY).get("KeyMetadata") or {}
    return "" if key.endswith(SERVICE_KEY) or key in (service.get("KeyId"), service.get("Arn")) else key


def _told(connection: Connection, action: str, **parameters: Any) -> dict[str, Any]:
    """What a call answers; empty where the region does not know it, or has no such thing.

    :raises ApiError: when it is not allowed, or gives no answer.
    """
    try:
        return connection.call("default encryption", action, **parameters)
    except ApiError as error:
        if error.denied or not error.code:
            raise
        return {}
