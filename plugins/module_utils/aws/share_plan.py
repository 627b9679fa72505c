# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether images can be shared as they will be encrypted, and as the account allows; asked before anything is made."""

from __future__ import annotations

from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import quotas
from ansible_collections.hallmark.images.plugins.module_utils.aws.capture import snapshots_of
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.aws.sharing import shared
from ansible_collections.hallmark.images.plugins.module_utils.aws.source import source_image
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

ENCRYPTED_BY_AWS = ("alias/aws/ebs", "aws/ebs")
#: What Block Public Access keeps from being public: the option, the call that tells, and the key of its answer.
PUBLIC = (
    ("launch_groups", "get_image_block_public_access_state", "ImageBlockPublicAccessState"),
    ("snapshot_groups", "get_snapshot_block_public_access_state", "State"),
)


def check_plan(connection: Connection, params: dict[str, Any], kept: list[Connection], planning: bool) -> None:
    """Refuse shares that cannot work.

    :param params: the options of aws_image.
    :param kept: the regions in which images are published.
    :param planning: whether the source image is still to be launched, and so says how its disks are encrypted.
    :raises HallmarkError: when others could not use what is shared with them, or it must not be shared.
    """
    if not shared(params):
        return
    keys = _keys_at_home(connection, params, planning)
    if connection in kept:
        for key in keys:
            check_key(params, f"in {connection.region}", True, _unless_amazons(connection, key))
    regions = {there.region: there for there in kept}
    for copy in params["copies"]:
        there = regions[copy["region"]]
        encrypted = copy["encrypted"] or copy["kms_key_id"] or keys or _by_default(there)
        if encrypted:
            key = copy["kms_key_id"] or _default_key(there)
            check_key(params, f"in {copy['region']}", True, _unless_amazons(there, key))
    for there in kept:
        _check_public(there, params)
        if planning and params["launch_groups"]:
            quotas.check_public_image(there)


def check_key(params: dict[str, Any], where: str, encrypted: bool, key: str | None) -> None:
    """Refuse a share that cannot work for the way the snapshots are encrypted.

    :param where: which image, for the message.
    :param key: the KMS key; None or Amazon's own alias stands for Amazon's key, which no other account may use.
    :raises HallmarkError: when others could not use what is shared with them.
    """
    options = shared(params)
    if not encrypted or not options:
        return
    public = [name for name in options if name.endswith("_groups")]
    if public:
        raise HallmarkError(f"{public[0]}: all, and the image {where} is encrypted", "an image without encryption")
    if not key or key.endswith(ENCRYPTED_BY_AWS):
        raise HallmarkError(
            f"{options[0]}: the image {where} is encrypted with Amazon's own key, which no other account may use",
            "kms_key_id with a key of your own whose policy lets them use it",
        )


def _keys_at_home(connection: Connection, params: dict[str, Any], planning: bool) -> set[str | None]:
    """The KMS keys of all encrypted disks of the machine; None for Amazon's own; empty when no disk is encrypted."""
    given = params["kms_key_id"]
    everywhere = bool(params["encrypted"] or given) or _by_default(connection)
    keys: set[str | None] = {given or _default_key(connection)} if everywhere else set()
    left_out = params["no_devices"]
    data_disks = [disk for disk in params["data_disks"] if disk.get("device_name") not in left_out]
    if planning and params["source"] and not given:
        # Not what the machine gets instead, nor what the image does not get.
        others = {disk.get("device_name") for disk in data_disks if disk.get("kms_key_id") or disk.get("snapshot_id")}
        keys |= _keys_of_source(connection, params["source"], {*left_out, *others})
    for disk in data_disks:
        keys |= _keys_of_disk(connection, disk, disk.get("kms_key_id") or given)
    for disk in params["disks"]:  # the image names such a snapshot as it is
        keys |= _keys_of_disk(connection, disk, None if disk.get("snapshot_id") else given)
    return keys


def _keys_of_disk(connection: Connection, disk: dict[str, Any], named: str | None) -> set[str | None]:
    """The keys of one disk among the options.

    :param named: the key that it is given; None where there is none.
    """
    if named and (disk.get("encrypted") or disk.get("kms_key_id")):
        return {named}
    snapshot = disk.get("snapshot_id")
    keys = _keys_of_snapshots(connection, [snapshot]) if snapshot and not named else set()
    return keys or ({_default_key(connection)} if disk.get("encrypted") else set())


def _keys_of_source(connection: Connection, source: dict[str, Any], without: set[str | None]) -> set[str | None]:
    """The keys of disks made from the source image's encrypted snapshots.

    :param without: devices that do not count.
    """
    mappings = source_image(connection, source).get("BlockDeviceMappings", [])
    encrypted = [item for item in mappings if item.get("Ebs", {}).get("Encrypted")]
    counted = [item for item in encrypted if item.get("DeviceName") not in without]
    return _keys_of_snapshots(connection, snapshots_of({"BlockDeviceMappings": counted}), encrypted=True)


def _keys_of_snapshots(connection: Connection, snapshots: list[str], encrypted: bool = False) -> set[str | None]:
    """The keys that disks made from snapshots get where none is named; empty when no snapshot is encrypted.

    One's own snapshot gives its volumes the key it has, another account's the default key ("Default encryption
    outcomes", EBS user guide). What may not be read is not checked.

    :param encrypted: whether they are known to be, as those of an image that may be launched without their being seen.
    """
    if not snapshots:
        return set()
    wanted = [{"Name": "snapshot-id", "Values": snapshots}]
    try:
        own = connection.pages("encryption", "describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=wanted)
        others = sorted({*snapshots} - {item["SnapshotId"] for item in own})
        seen = []
        if others and not encrypted:
            seen = connection.call("encryption", "describe_snapshots", SnapshotIds=others)["Snapshots"]
    except ApiError:
        return set()
    keys: set[str | None] = {item.get("KmsKeyId") for item in own if item.get("Encrypted")}
    is_default = (encrypted and others) or any(item.get("Encrypted") for item in seen)
    return keys | {_default_key(connection)} if is_default else keys


def _by_default(connection: Connection) -> bool:
    """Whether the account encrypts every new volume and copy of a region. What may not be read is not checked: the
    share itself will tell."""
    try:
        return connection.call("encryption", "get_ebs_encryption_by_default")["EbsEncryptionByDefault"]
    except ApiError:
        return False


def _default_key(connection: Connection) -> str | None:
    """The key that is used in a region where none is named."""
    try:
        return connection.call("encryption", "get_ebs_default_kms_key_id")["KmsKeyId"]
    except ApiError:
        return None


def _unless_amazons(connection: Connection, key: str | None) -> str | None:
    """A key by whatever name it is given; None when AWS manages it: then its policy is Amazon's, too."""
    if not key or key.endswith(ENCRYPTED_BY_AWS):
        return None
    try:
        known = connection.call("kms_key_id", "describe_key", service="kms", KeyId=key)["KeyMetadata"]
    except ApiError:  # another account's key, or one that may not be looked at
        return key
    return None if known.get("KeyManager") == "AWS" else key


def _check_public(connection: Connection, params: dict[str, Any]) -> None:
    """Refuse to make public what Block Public Access keeps from it.

    :raises HallmarkError: naming option and region.
    """
    for option, operation, key in PUBLIC:
        if not params[option]:
            continue
        try:
            state = connection.call("Block Public Access", operation).get(key, "")
        except ApiError:  # as with encryption
            continue
        if str(state).startswith("block-"):
            raise HallmarkError(
                f"{option}: all, and Block Public Access in {connection.region} is {state}",
                f"leave {option} out, or switch it off there",
            )
