# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which other accounts may use an image."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Options of alicloud_image that open an image to others, or close it.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "launch_users": {"type": "list", "elements": "str", "default": []},
    "unshare_users": {"type": "list", "elements": "str", "default": []},
}
ACCOUNT = re.compile(r"^[1-9]\d{4,19}$")
AT_ONCE = 10  # accounts that one call of ModifyImageSharePermission takes
AT_MOST = 50  # accounts that an image can be shared with
#: Alias of the key that Alibaba Cloud keeps for disks itself.
SERVICE_KEY = "alias/acs/ecs"


def check(params: dict[str, Any]) -> None:
    """Refuse what cannot be shared with, and a share that cannot work for the way disks and copies are encrypted.

    :raises HallmarkError: naming option and value.
    """
    for key in ARGUMENT_SPEC:
        for value in params[key]:
            if not ACCOUNT.match(value):
                raise HallmarkError(f"{key}: {value!r}", "the id of an account, mostly of 16 digits")
        if len(set(params[key])) > AT_MOST:
            raise HallmarkError(f"{key}: {len(set(params[key]))} accounts", f"at most {AT_MOST}")
    both = sorted(set(params["launch_users"]) & set(params["unshare_users"]))
    if both:
        raise HallmarkError(f"unshare_users: {both[0]} is among launch_users too", "each account in one of them")
    if not params["launch_users"]:
        return
    encrypted = bool(params["encrypted"] or params["kms_key_id"])
    disks = [] if params["system_disk_only"] else params["data_disks"]
    several = bool(disks)
    home = params["region"] or "the build's region"
    check_key(home, encrypted, params["kms_key_id"])
    check_disks(home, encrypted or any(disk.get("encrypted") or disk.get("kms_key_id") for disk in disks), several)
    for copy in params["copies"]:
        cipher = encrypted or copy["encrypted"] or bool(copy["kms_key_id"])
        check_key(copy["region"], cipher, copy["kms_key_id"])
        check_disks(copy["region"], cipher, several)


def check_key(region: str, encrypted: bool, key: str | None, why: str = "") -> None:
    """Refuse to share an image of a region that is encrypted with the service key.

    :param key: with which it is encrypted; none for the service key.
    :param why: what has it encrypted, other than the definition.
    :raises HallmarkError: when it is.
    """
    if encrypted and (not key or key.endswith(SERVICE_KEY)):
        reason = f" ({why})" if why else ""
        raise HallmarkError(
            f"launch_users: the image in {region} is encrypted{reason} with the service key, which no other account "
            "may use",
            "kms_key_id with a key of your own",
        )


def check_disks(region: str, encrypted: bool, several: bool, why: str = "") -> None:
    """Refuse to share an image of a region that is encrypted and has data disks.

    :param why: as that of check_key.
    :raises HallmarkError: when it is and has.
    """
    reason = f" ({why})" if why else ""
    if encrypted and several:
        raise HallmarkError(
            f"launch_users: the image in {region} is encrypted{reason} and has data disks, and such a one cannot be "
            "shared",
            "system_disk_only: true, or no encryption",
        )


def accounts(connection: Connection, image: str) -> set[str]:
    """Those that may use an image besides its owner."""
    found = connection.pages(
        f"shares of image {image}", "DescribeImageSharePermission", ("Accounts", "Account"), ImageId=image
    )
    return {str(account["AliyunId"]) for account in found}


def changes(connection: Connection, image: str, params: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The accounts that an image must still be opened to, and closed to."""
    if not params["launch_users"] and not params["unshare_users"]:
        return [], []
    present = accounts(connection, image)
    return sorted(set(params["launch_users"]) - present), sorted(set(params["unshare_users"]) & present)


def share(connection: Connection, image: str, params: dict[str, Any]) -> None:
    """Open an image to others, and close it to those who may not use it any more."""
    new, old = changes(connection, image, params)
    _modify(connection, image, "AddAccount", new)
    _modify(connection, image, "RemoveAccount", old)


def close(connection: Connection, image: str) -> None:
    """Close an image to everybody else; one that is shared cannot be removed."""
    _modify(connection, image, "RemoveAccount", sorted(accounts(connection, image)))


def _modify(connection: Connection, image: str, how: str, users: list[str]) -> None:
    for start in range(0, len(users), AT_ONCE):
        some = {how: users[start : start + AT_ONCE]}
        connection.call(f"share image {image}", "ModifyImageSharePermission", ImageId=image, **some)
