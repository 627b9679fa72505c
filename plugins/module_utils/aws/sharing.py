# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may use an image, until when, and what protects it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Options of aws_image that open an image to others.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "launch_users": {"type": "list", "elements": "str", "default": []},
    "launch_groups": {"type": "list", "elements": "str", "choices": ["all"], "default": []},
    "launch_organizations": {"type": "list", "elements": "str", "default": []},
    "launch_organizational_units": {"type": "list", "elements": "str", "default": []},
    "snapshot_users": {"type": "list", "elements": "str", "default": []},
    "snapshot_groups": {"type": "list", "elements": "str", "choices": ["all"], "default": []},
    "deprecate_at": {"type": "str"},
    "deregistration_protection": {"type": "str", "choices": ["no", "yes", "with-cooldown"], "default": "no"},
    "imds_v2": {"type": "bool", "default": True},
}
ACCOUNT = re.compile(r"^\d{12}$")
ORGANIZATION = re.compile(r"^arn:aws[a-z-]*:organizations::\d{12}:organization/o-[a-z0-9]{10,32}$")
UNIT = re.compile(r"^arn:aws[a-z-]*:organizations::\d{12}:ou/o-[a-z0-9]{10,32}/ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$")
RELATIVE = re.compile(r"^\+(\d{1,4})([dwy])$")
DAYS = {"d": 1, "w": 7, "y": 365}
TEN_YEARS = 3650  # days; the furthest that EC2 takes


def check(params: dict[str, Any], now: datetime | None = None) -> None:
    """Refuse what cannot be shared with, and a moment that cannot be.

    :raises HallmarkError: naming option and value.
    """
    for key in ("launch_users", "snapshot_users"):
        _check_all(key, params[key], ACCOUNT, "an account id of 12 digits")
    _check_all("launch_organizations", params["launch_organizations"], ORGANIZATION, "the ARN of an organization")
    _check_all("launch_organizational_units", params["launch_organizational_units"], UNIT, "the ARN of a unit")
    if params["deprecate_at"]:
        moment(params["deprecate_at"], now)


def shared(params: dict[str, Any]) -> list[str]:
    """The options by which others get at the image or its snapshots."""
    names = [name for name in ARGUMENT_SPEC if name.startswith(("launch_", "snapshot_"))]
    return [name for name in names if params[name]]


def moment(text: str, now: datetime | None = None) -> datetime:
    """When an image is deprecated: ``+90d``, ``+12w``, ``+2y``, or a date and time.

    :raises HallmarkError: when it is neither, has passed, or is further away than EC2 takes.
    """
    present = now or datetime.now(UTC)
    match = RELATIVE.match(text)
    right = "as +90d, +12w, +2y, or a date and time such as 2027-12-31T00:00:00Z"
    if match:
        at = present + timedelta(days=int(match[1]) * DAYS[match[2]])
    else:
        try:
            at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            raise HallmarkError(f"deprecate_at: {text!r}", right) from None
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
    if not present < at <= present + timedelta(days=TEN_YEARS):
        raise HallmarkError(f"deprecate_at: {text}", "a moment within the next ten years")
    return at.replace(second=0, microsecond=0)  # EC2 rounds to the minute


def require_imds_v2(connection: Connection, image: str) -> None:
    """Let machines of the image have IMDSv2 only, unless they are launched otherwise on purpose."""
    connection.call(f"image {image}: IMDSv2", "modify_image_attribute", ImageId=image, ImdsSupport={"Value": "v2.0"})


def describe(connection: Connection, image: str, params: dict[str, Any]) -> None:
    """Say what an image asks of its machines, and until when it should be found."""
    if params["imds_v2"]:  # the captured image has it already, unless its capture was cut short
        require_imds_v2(connection, image)
    deprecate(connection, image, params)


def deprecate(connection: Connection, image: str, params: dict[str, Any]) -> None:
    """Say when an image should no longer be found, where that is wanted."""
    if params["deprecate_at"]:
        at = moment(params["deprecate_at"])
        connection.call(f"image {image}: deprecation", "enable_image_deprecation", ImageId=image, DeprecateAt=at)


def protect(connection: Connection, image: str, params: dict[str, Any]) -> None:
    """Protect an image against deregistration, where that is wanted."""
    if params["deregistration_protection"] != "no":
        connection.call(
            f"image {image}: deregistration protection",
            "enable_image_deregistration_protection",
            ImageId=image,
            WithCooldown=params["deregistration_protection"] == "with-cooldown",
        )


def unprotect(connection: Connection, image: str) -> None:
    """Take protection away so that the image can be removed; one that has none is left as it is."""
    try:
        connection.call(f"image {image}: protection", "disable_image_deregistration_protection", ImageId=image)
    except ApiError as error:
        if not error.gone:
            raise


def open_to(connection: Connection, image: str, snapshots: list[str], params: dict[str, Any]) -> None:
    """Give others their permissions: first on the snapshots, last of all on the image."""
    users, groups = params["snapshot_users"], params["snapshot_groups"]
    for snapshot in snapshots if users or groups else []:
        connection.call(
            f"share snapshot {snapshot}",
            "modify_snapshot_attribute",
            SnapshotId=snapshot,
            Attribute="createVolumePermission",
            OperationType="add",
            **({"UserIds": users} if users else {}),
            **({"GroupNames": groups} if groups else {}),
        )
    launch = _permissions(
        ("UserId", params["launch_users"]),
        ("Group", params["launch_groups"]),
        ("OrganizationArn", params["launch_organizations"]),
        ("OrganizationalUnitArn", params["launch_organizational_units"]),
    )
    if launch:
        what = f"share image {image}"
        connection.call(what, "modify_image_attribute", ImageId=image, LaunchPermission={"Add": launch})


def _permissions(*kinds: tuple[str, list[str]]) -> list[dict[str, str]]:
    return [{kind: value} for kind, values in kinds for value in values]


def _check_all(key: str, values: list[str], pattern: re.Pattern[str], right: str) -> None:
    for value in values:
        if not pattern.match(value):
            raise HallmarkError(f"{key}: {value!r}", right)
