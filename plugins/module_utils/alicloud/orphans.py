# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has expired, found by its tags alone: from any computer with the credentials, no ledger needed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import capture, kinds, tags
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.expired import Found, report
from ansible_collections.hallmark.images.plugins.module_utils.build.labels import has_expired
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Busy

#: How many of a listing's filters an expiry tag takes: its name alone.
EXPIRY = [{"Key": tags.EXPIRES}]


def remove_expired(connection: Connection, check_mode: bool, now: datetime | None = None) -> list[dict[str, Any]]:
    """Remove everything of one region that carries an expiry tag whose moment has passed.

    A published image carries none, so it is never among it.

    :returns: one dict per build, in the form of ``reap``.
    """
    moment = now or datetime.now(UTC)
    found: Found = {}
    for name, kind, remove, filters in KINDS:
        for item in kind.listed(connection, Tag=EXPIRY, **filters):
            labels = tags.as_dict(item)
            if has_expired(labels, moment):
                identifier = item[kind.identity]
                thing = (f"{name}/{identifier} ({connection.region})", functools.partial(remove, connection, item))
                found.setdefault(labels[tags.BUILD], []).append(thing)
    return report(found, check_mode)


def _machine(connection: Connection, item: dict[str, Any]) -> None:
    kinds.MACHINE.removed(connection, item["InstanceId"])
    if kinds.MACHINE.look(connection, item["InstanceId"]):
        raise Busy(f"{item['InstanceId']} is being released")


def _image(connection: Connection, item: dict[str, Any]) -> None:
    """Its snapshots with it, of which those of an image on its way carry no tags."""
    capture.Capture("", connection, item.get("ImageName", "")).delete(item["ImageId"], "")


def _address(connection: Connection, item: dict[str, Any]) -> None:
    """Release an address; one that something still has is taken from it first."""
    identifier = item["AllocationId"]
    found = kinds.EIP.look(connection, identifier)
    if found.get("Status") == "InUse" and found.get("InstanceId"):
        connection.call(
            f"take {identifier} from {found['InstanceId']}",
            "UnassociateEipAddress",
            product="Vpc",
            AllocationId=identifier,
            InstanceId=found["InstanceId"],
            InstanceType=found.get("InstanceType") or "EcsInstance",
        )
    kinds.EIP.removed(connection, identifier)


def _other(kind: kinds.Kind) -> Callable[[Connection, dict[str, Any]], None]:
    return lambda connection, item: kind.removed(connection, item[kind.identity])


IMAGE = kinds.Kind(
    "Ecs", "DescribeImages", ("Images", "Image"), "ImageId", "DeleteImage", ({"ImageOwnerAlias": "self"}, {})
)
#: In the order of removal: name, kind, how one is removed, and further filters of the listing.
KINDS: tuple[tuple[str, kinds.Kind, Callable[[Connection, dict[str, Any]], None], dict[str, Any]], ...] = (
    ("machine", kinds.MACHINE, _machine, {}),
    ("capture", IMAGE, _image, {"Status": capture.EVERY_STATUS}),
    ("snapshot", kinds.SNAPSHOT, _other(kinds.SNAPSHOT), {}),
    ("volume", kinds.DISK, _other(kinds.DISK), {"Status": "Available"}),  # one in use goes with its machine
    ("address", kinds.EIP, _address, {}),
    ("firewall", kinds.FIREWALL, _other(kinds.FIREWALL), {}),
    ("vswitch", kinds.VSWITCH, _other(kinds.VSWITCH), {}),
    ("vpc", kinds.VPC, _other(kinds.VPC), {}),
    ("key", kinds.KEY, _other(kinds.KEY), {}),
)
