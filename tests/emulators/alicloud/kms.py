# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of KMS, as far as disks and images need them, and which one ECS takes where none is named."""

from __future__ import annotations

from emulators.alicloud.accounts import ACCOUNT
from emulators.alicloud.api import Reply, Request, action
from emulators.alicloud.errors import ApiError
from emulators.alicloud.world import World

#: The key that ECS keeps in each region by itself, as its users call it.
SERVICE_ALIAS = "alias/acs/ecs"


def service_key(region: str) -> str:
    """The id of the key that ECS keeps in a region."""
    return f"key-of-ecs-in-{region}"


def key_of(request: Request, region: str) -> str:
    """The key of what is encrypted in a region without a key that was named."""
    return request.world.encrypted_by_default.get(region) or service_key(region)


def check_key(world: World, region: str, key: str | None) -> None:
    """Refuse a key that the region does not have."""
    if key and world.keys.get(key) != region and key not in (SERVICE_ALIAS, service_key(region)):
        raise ApiError(404, "InvalidParameter.KMSKeyId.NotFound", "The specified KMSKeyId does not exist.")


@action("ecs", "DescribeDiskEncryptionByDefaultStatus", "RegionId", "diskencryptiondefaultconfig/*")
def describe_disk_encryption_by_default_status(request: Request) -> Reply:
    return {"Encrypted": request.region in request.world.encrypted_by_default}


@action("ecs", "DescribeDiskDefaultKMSKeyId", "RegionId", "diskencryptiondefaultconfig/*")
def describe_disk_default_kms_key_id(request: Request) -> Reply:
    return {"KMSKeyId": key_of(request, request.region)}


@action("kms", "DescribeKey", "KeyId!", "key/{KeyId}")
def describe_key(request: Request) -> Reply:
    key = service_key(request.region) if request["KeyId"] == SERVICE_ALIAS else request["KeyId"]
    if key != service_key(request.region) and request.world.keys.get(key) != request.region:
        raise ApiError(404, "Forbidden.KeyNotFound", "The specified Key is not found.")
    return {
        "KeyMetadata": {
            "KeyId": key,
            "KeyState": "Enabled",
            "KeyUsage": "ENCRYPT/DECRYPT",
            "Origin": "Aliyun_KMS",
            "Creator": ACCOUNT,
            "Arn": f"acs:kms:{request.region}:{ACCOUNT}:key/{key}",
        }
    }
