# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which image a build starts from."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

IMAGE_ID = re.compile(r"^[a-z0-9][a-z0-9_.-]{3,127}$", re.IGNORECASE)
ALIASES = ("system", "self", "others", "marketplace")
ACCOUNT = re.compile(r"^\d{16}$")
#: Parameters of DescribeImages that a search may be narrowed by.
FILTERS = ("Architecture", "OSType", "ImageVersion", "ResourceGroupId", "IsSupportCloudinit", "IsSupportIoOptimized")
WAYS = ("id", "family", "name")


def source_image(connection: Connection, source: dict[str, Any] | None) -> dict[str, Any]:
    """The image that the option ``source`` speaks of, as DescribeImages describes it.

    :raises HallmarkError: when there is none, more than one, or one that cannot be built on.
    """
    source = {key: value for key, value in (source or {}).items() if value not in (None, [], {}, False)}
    ways = [way for way in WAYS if source.get(way)]
    if not ways and not source.get("filters"):
        raise HallmarkError("source: missing", "id, family, or name and owner")
    if len(ways) > 1:
        raise HallmarkError(f"source: {' and '.join(ways)}", "only one of them")
    if "family" in source:
        return _usable(_newest_of(connection, source["family"]))
    wanted: dict[str, Any] = {"Status": "Available,Deprecated" if source.get("include_deprecated") else "Available"}
    if source.get("id"):
        if not IMAGE_ID.match(source["id"]):
            raise HallmarkError(f"source: id: {source['id']!r}", "an image id, as m-bp67acfmxazb4ph****")
        wanted |= {"ImageId": source["id"], "Status": "Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated"}
    else:
        wanted |= _owner(source) | _filters(source.get("filters", {}))
        wanted |= {"ImageName": source["name"]} if source.get("name") else {}
    found = connection.pages("source image", "DescribeImages", ("Images", "Image"), **wanted)
    if not found:
        raise HallmarkError(f"source: no image in {connection.region} matches {_shown(source)}")
    if len(found) > 1 and not source.get("most_recent"):
        raise HallmarkError(
            f"source: {len(found)} images match {_shown(source)}", "most_recent: true, or a narrower search"
        )
    return _usable(max(found, key=lambda image: str(image.get("CreationTime", ""))))


def summary(image: dict[str, Any]) -> dict[str, Any]:
    """What is returned of a source image."""
    return {
        "id": image["ImageId"],
        "name": image.get("ImageName", ""),
        "owner": image.get("ImageOwnerAlias", ""),
        "creation_date": str(image.get("CreationTime", "")),
        "architecture": image.get("Architecture", ""),
        "boot_mode": image.get("BootMode", ""),
        "os": image.get("OSName", ""),
    }


def is_windows(image: dict[str, Any]) -> bool:
    """Whether an image is one of Windows."""
    return str(image.get("OSType", "")).lower() == "windows"


def _newest_of(connection: Connection, family: str) -> dict[str, Any]:
    what = f"source: family: {family}"
    image = connection.call(what, "DescribeImageFromFamily", ImageFamily=family).get("Image") or {}
    if not image.get("ImageId"):
        raise HallmarkError(f"{what}: no image in {connection.region} is of this family")
    return image


def _owner(source: dict[str, Any]) -> dict[str, str]:
    owner = str(source.get("owner") or "")
    if owner in ALIASES:
        return {"ImageOwnerAlias": owner}
    if ACCOUNT.match(owner):
        return {"ImageOwnerAlias": "others", "ImageOwnerId": owner}
    # An image found by its name alone may be anybody's.
    was = f"{owner!r}" if owner else "missing"
    raise HallmarkError(f"source: owner: {was}", f"{', '.join(ALIASES)} or an account id of 16 digits")


def _filters(filters: dict[str, Any]) -> dict[str, Any]:
    for name in filters:
        if name not in FILTERS:
            raise HallmarkError(f"source: filters: {name}", f"one of {', '.join(FILTERS)}")
    return dict(filters)


def _usable(image: dict[str, Any]) -> dict[str, Any]:
    if image.get("Status", "Available") not in ("Available", "Deprecated"):
        raise HallmarkError(f"source: {image['ImageId']} is {image['Status']}", "an image that is Available")
    return image


def _shown(source: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in source.items() if key != "most_recent")
