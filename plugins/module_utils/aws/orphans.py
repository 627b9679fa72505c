# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has expired, found by its tags alone: from any computer with the credentials, no ledger needed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import tags
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.profile import PATH, PREFIX, Profile, Role
from ansible_collections.hallmark.images.plugins.module_utils.build.expired import Found, report
from ansible_collections.hallmark.images.plugins.module_utils.build.labels import has_expired
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import insist

#: How each kind of thing is listed and removed, in the order of removal: boto3's call, the key of its answer, the key
#: of an id, the call that removes it, and that call's argument.
KINDS = {
    "machine": ("describe_instances", "Reservations", "InstanceId", "terminate_instances", "InstanceIds"),
    "capture": ("describe_images", "Images", "ImageId", "deregister_image", "ImageId"),
    "snapshot": ("describe_snapshots", "Snapshots", "SnapshotId", "delete_snapshot", "SnapshotId"),
    "volume": ("describe_volumes", "Volumes", "VolumeId", "delete_volume", "VolumeId"),
    "firewall": ("describe_security_groups", "SecurityGroups", "GroupId", "delete_security_group", "GroupId"),
    "key": ("describe_key_pairs", "KeyPairs", "KeyName", "delete_key_pair", "KeyName"),
}
OWN = {"capture": {"Owners": ["self"]}, "snapshot": {"OwnerIds": ["self"]}}


def remove_expired(connection: Connection, check_mode: bool, now: datetime | None = None) -> list[dict[str, Any]]:
    """Remove everything of one region that carries an expiry tag whose moment has passed.

    A published image carries none, so it is never among it.

    :returns: one dict per build, in the form of ``reap``.
    """
    moment = now or datetime.now(UTC)
    found: Found = {}
    for kind in KINDS:
        for identifier, labels in _listed(connection, kind):
            if has_expired(labels, moment):
                thing = (f"{kind}/{identifier} ({connection.region})", _remover(connection, kind, identifier))
                found.setdefault(labels[tags.BUILD], []).append(thing)
    return report(found, check_mode)


def remove_expired_of_iam(
    connection: Connection, check_mode: bool, now: datetime | None = None
) -> list[dict[str, Any]]:
    """The same for what belongs to the whole account: instance profiles and roles that builds made.

    :raises ApiError: above all when they may not be listed.
    """
    moment = now or datetime.now(UTC)
    found: Found = {}
    for kind, operation, key, name in (
        (Profile, "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
        (Role, "list_roles", "Roles", "RoleName"),
    ):
        for item in connection.pages(f"list {kind.kind}s", operation, key, service="iam", PathPrefix=PATH):
            if not item[name].startswith(PREFIX):
                continue
            thing = kind("", connection, item[name])
            labels = tags.as_dict(thing.describe().get("Tags"))  # a list does not tell them
            if has_expired(labels, moment):
                removal = functools.partial(thing.delete, thing.iam_name, "")
                found.setdefault(labels[tags.BUILD], []).append((f"{kind.kind}/{thing.iam_name}", removal))
    return report(found, check_mode)


def _listed(connection: Connection, kind: str) -> list[tuple[str, dict[str, str]]]:
    """Id and tags of all things of a kind that carry an expiry tag and are not gone already."""
    operation, key, identity, dummy, dummy = KINDS[kind]
    filters = [{"Name": "tag-key", "Values": [tags.EXPIRES]}]
    if kind == "volume":
        filters.append({"Name": "status", "Values": ["available"]})  # one in use goes with its machine
    answer = (
        connection.call(f"list {kind}s", operation, Filters=filters)[key]
        if kind == "key"
        else connection.pages(f"list {kind}s", operation, key, Filters=filters, **OWN.get(kind, {}))
    )
    things = [item for group in answer for item in group["Instances"]] if kind == "machine" else answer
    gone = [item for item in things if kind == "machine" and item["State"]["Name"] == "terminated"]
    return [(item[identity], tags.as_dict(item.get("Tags"))) for item in things if item not in gone]


def _remover(connection: Connection, kind: str, identifier: str) -> Callable[[], Any]:
    dummy, dummy, dummy, operation, argument = KINDS[kind]
    value = [identifier] if argument.endswith("s") else identifier
    return functools.partial(insist, connection, f"{kind} {identifier}", operation, **{argument: value})
