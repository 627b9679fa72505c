# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which image a build starts from."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import tags
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

IMAGE_ID = re.compile(r"^ami-[0-9a-f]{8,17}$")
SEARCH = ("name", "filters", "owners", "most_recent")


def source_image(connection: Connection, source: dict[str, Any] | None) -> dict[str, Any]:
    """The image that the option ``source`` speaks of, as DescribeImages describes it.

    :raises HallmarkError: when there is none, more than one, or one that cannot be built on.
    """
    source = {key: value for key, value in (source or {}).items() if value not in (None, [], {}, False)}
    if not source:
        raise HallmarkError("source: missing", "id, ssm_parameter, or name and owners")
    if source.get("id") and source.get("ssm_parameter"):
        raise HallmarkError("source: id and ssm_parameter", "only one of them")
    wanted = source.get("id") or (
        _from_parameter(connection, source["ssm_parameter"]) if "ssm_parameter" in source else ""
    )
    if wanted and not IMAGE_ID.match(wanted):
        raise HallmarkError(f"source: id: {wanted!r}", "an image id, as ami-0123456789abcdef0")
    if not wanted and not source.get("owners"):
        # An image found by its name alone may be anybody's.
        raise HallmarkError("source: owners: missing", "account ids, self, amazon or aws-marketplace")
    filters = [{"Name": name, "Values": _values(value)} for name, value in source.get("filters", {}).items()]
    if source.get("name"):
        filters.append({"Name": "name", "Values": [source["name"]]})
    if not wanted:
        filters.append({"Name": "state", "Values": ["available"]})
    arguments: dict[str, Any] = {"Filters": filters} if filters else {}
    if wanted:
        arguments["ImageIds"] = [wanted]
    if source.get("owners"):
        arguments["Owners"] = source["owners"]
    if source.get("include_deprecated"):
        arguments["IncludeDeprecated"] = True
    found = connection.call("source image", "describe_images", **arguments).get("Images", [])
    if not found:
        raise HallmarkError(f"source: no image in {connection.region} matches {_shown(source)}")
    if len(found) > 1 and not source.get("most_recent"):
        raise HallmarkError(
            f"source: {len(found)} images match {_shown(source)}", "most_recent: true, or a narrower search"
        )
    return _usable(max(found, key=lambda image: str(image.get("CreationDate", ""))))


def summary(image: dict[str, Any]) -> dict[str, Any]:
    """What is returned of a source image."""
    return {
        "id": image["ImageId"],
        "name": image.get("Name", ""),
        "owner": image.get("OwnerId", ""),
        "owner_alias": image.get("ImageOwnerAlias", ""),
        "creation_date": str(image.get("CreationDate", "")),
        "architecture": image.get("Architecture", ""),
        "boot_mode": image.get("BootMode", ""),
        "root_device": image.get("RootDeviceName", ""),
        "tags": tags.as_dict(image.get("Tags")),
    }


def _usable(image: dict[str, Any]) -> dict[str, Any]:
    name = f"source: {image['ImageId']}"
    if image.get("State", "available") != "available":
        raise HallmarkError(f"{name} is {image['State']}", "an image that is available")
    # The state of what backs it is told as ebs or instance-store; images from elsewhere than AWS may not tell.
    if image.get("RootDeviceType") == "instance-store":
        raise HallmarkError(f"{name} has an instance store as root", "an image with an EBS root")
    return image


def _from_parameter(connection: Connection, name: str) -> str:
    """The image id that a parameter of Systems Manager holds."""
    answer = connection.call(f"source: ssm_parameter: {name}", "get_parameter", service="ssm", Name=name)
    return str(answer["Parameter"]["Value"]).strip()


def _values(value: Any) -> list[str]:
    return [str(item) for item in (value if isinstance(value, list) else [value])]


def _shown(source: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in source.items() if key != "most_recent")
