# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of KMS, as far as disks and images need them."""

from __future__ import annotations

from emulators.alicloud.accounts import ACCOUNT
from emulators.alicloud.api import Reply, Request, action
from emulators.alicloud.errors import ApiError
from emulators.alicloud.world import World


def check_key(world: World, region: str, key: str | None) -> None:
    """Refuse a key that the region does not have."""
    if key and world.keys.get(key) != region:
        raise ApiError(404, "InvalidParameter.KMSKeyId.NotFound", "The specified KMSKeyId does not exist.")


@action("kms", "DescribeKey", "KeyId!", "key/{KeyId}")
def describe_key(request: Request) -> Reply:
    if request.world.keys.get(request["KeyId"]) != request.region:
        raise ApiError(404, "Forbidden.KeyNotFound", "The specified Key is not found.")
    key = request["KeyId"]
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
