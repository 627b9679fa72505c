# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks as EC2 has them and moto does not: an instance gets its image's disks, snapshots take time, KMS."""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_block_store import Snapshot
from moto.ec2.models.instances import Instance
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ec2.utils import random_snapshot_id
from moto.kms.models import kms_backends

from emulators.aws.world import World

DEFAULT_KEY = "alias/aws/ebs"


class TimedSnapshot(Snapshot):
    """A snapshot whose progress grows with time."""

    world: World
    begun = 0.0
    takes = 0.0
    status_message: str | None = None

    @property
    def progress(self) -> str:
        """See Snapshot."""
        if self.status == "completed":
            return "100%"
        share = (self.world.now() - self.begun) / self.takes if self.takes else 0.99
        return f"{min(99, int(share * 100))}%"


def begin_snapshot(world: World, snapshot: Snapshot, takes: float, failing: str | None) -> TimedSnapshot:
    """Let a snapshot take its time. What is due then happens with its image, for those that belong to one."""
    snapshot.__class__ = TimedSnapshot
    timed: Any = snapshot
    timed.world, timed.begun, timed.takes = world, world.now(), takes
    timed.status = "pending"

    def finish() -> None:
        timed.status = "error" if failing else "completed"
        timed.status_message = failing

    if snapshot.from_ami is None:
        world.later(takes, finish)
    return timed


def key_arn(account: str, region: str, key: str | None) -> str | None:
    """The ARN of a key by id, ARN or alias, of the default key when none is given; None for one that is not there."""
    backend = kms_backends[account][region]
    key = key or DEFAULT_KEY
    if key.startswith("arn:") and key.split(":")[3] != region:
        return None
    try:
        return backend.describe_key(key).arn
    except (KeyError, AttributeError):  # an unknown alias becomes None inside moto
        return None


def is_default_key(account: str, region: str, arn: str | None) -> bool:
    """Whether a key is the one that the account has for EBS without having made it."""
    return arn is not None and arn == key_arn(account, region, None)


def copied_snapshot(backend: Any, source: Snapshot, **fields: Any) -> Snapshot:
    """A copy of a snapshot, perhaps from another region, in a backend."""
    volume = copy.copy(source.volume)
    volume.id = "vol-ffffffff"  # what EC2 shows for the volume of a copy
    snapshot = Snapshot(backend, random_snapshot_id(), volume, **fields)
    backend.snapshots[snapshot.id] = snapshot
    return snapshot


class Disks(EC2BaseResponse):
    """The actions on volumes and snapshots that differ from moto's, and the block devices of a launch."""

    world: World

    def _parse_block_device_mapping(self) -> list[dict[str, Any]]:
        """The devices of the launch: those of the image, changed and added to by those of the request."""
        image = self.ec2_backend.amis.get(self._get_param("ImageId"))
        devices = {device["DeviceName"]: device for device in (image.block_device_mappings if image else ())}
        merged = merge_devices(devices, self._get_param("BlockDeviceMappings", []))
        found = []
        for name, device in merged.items():
            ebs = {"SnapshotId": None, "VolumeSize": None, "VolumeType": None, "KmsKeyId": None} | device.get("Ebs", {})
            if "Ebs" not in device:
                continue  # an instance store: no volume
            ebs.setdefault("DeleteOnTermination", True)
            ebs["Encrypted"] = ebs.get("Encrypted", False) or self.ec2_backend.ebs_encryption_by_default
            snapshot = self.ec2_backend.snapshots.get(ebs["SnapshotId"])
            if ebs["SnapshotId"] and snapshot is None:
                raise EC2ClientError("InvalidSnapshot.NotFound", f"The snapshot '{ebs['SnapshotId']}' does not exist.")
            if snapshot and ebs["VolumeSize"] and int(ebs["VolumeSize"]) < snapshot.volume_size:
                raise EC2ClientError(
                    "InvalidBlockDeviceMapping",
                    f"Volume of size {ebs['VolumeSize']}GB is smaller than snapshot '{ebs['SnapshotId']}', expect size "
                    f">= {snapshot.volume_size}GB",
                )
            if snapshot and snapshot.encrypted and not ebs["KmsKeyId"]:
                ebs["KmsKeyId"], ebs["Encrypted"] = snapshot.kms_key_id, True
            if ebs["Encrypted"]:
                ebs["KmsKeyId"] = key_arn(self.current_account, self.region, ebs["KmsKeyId"])
            found.append({"DeviceName": name, "VirtualName": None, "NoDevice": None, "Ebs": ebs})
        self._devices = found
        return found

    def _finish_volumes(self, instance: Instance) -> None:
        """Put onto an instance's volumes what moto's launch drops."""
        wanted = {device["DeviceName"]: device["Ebs"] for device in getattr(self, "_devices", [])}
        for name, device in instance.get_block_device_mapping:
            volume = self.ec2_backend.volumes[device.volume_id]
            volume.attachment.delete_on_termination = device.delete_on_termination
            for field, attribute in (("Iops", "iops"), ("Throughput", "throughput")):
                if wanted.get(name, {}).get(field):
                    setattr(volume, attribute, int(wanted[name][field]))

    def describe_snapshots(self) -> ActionResult:
        answer: Any = super().describe_snapshots()
        owners = {self.current_account if owner == "self" else owner for owner in self._get_param("OwnerIds", [])}
        found = [one for one in answer.result["Snapshots"] if not owners or one.owner_id in owners]
        return ActionResult(page(self, "Snapshots", found))

    def create_snapshot(self) -> ActionResult:
        answer = super().create_snapshot()
        snapshot: Any = answer.result
        snapshot.kms_key_id = snapshot.volume.kms_key_id
        begin_snapshot(self.world, snapshot, self.world.delays.snapshot, self.world.failing())
        return answer

    def copy_snapshot(self) -> ActionResult:
        answer: Any = super().copy_snapshot()
        snapshot = self.ec2_backend.snapshots[answer.result["SnapshotId"]]
        if self._get_bool_param("Encrypted", False) or snapshot.encrypted:
            snapshot.encrypted = True
            snapshot.kms_key_id = key_arn(self.current_account, self.region, self._get_param("KmsKeyId"))
        begin_snapshot(self.world, snapshot, self.world.delays.copy, self.world.failing())
        return answer

    def modify_snapshot_attribute(self) -> ActionResult:
        snapshot = self.ec2_backend.snapshots.get(self._get_param("SnapshotId"))
        if snapshot and self._get_param("OperationType") == "add":
            refuse_sharing(self.current_account, self.region, [snapshot])
        return super().modify_snapshot_attribute()

    def get_ebs_default_kms_key_id(self) -> ActionResult:
        """EC2 names its own key by the alias."""
        own = self.ec2_backend.default_kms_key_id
        default = not own or is_default_key(self.current_account, self.region, own)
        return ActionResult({"KmsKeyId": DEFAULT_KEY if default else own})

    def get_snapshot_block_public_access_state(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult({"State": getattr(self.ec2_backend, "block_public_snapshots", "unblocked")})

    def enable_snapshot_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        self.ec2_backend.block_public_snapshots = self._get_param("State")
        return ActionResult({"State": self.ec2_backend.block_public_snapshots})

    def disable_snapshot_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        self.ec2_backend.block_public_snapshots = "unblocked"
        return ActionResult({"State": "unblocked"})


def page(response: EC2BaseResponse, name: str, things: list[Any]) -> dict[str, Any]:
    """The part of a list that MaxResults and NextToken ask for, as the answer `name`."""
    start = int(response._get_param("NextToken") or 0)
    end = start + int(response._get_param("MaxResults") or len(things))
    return {name: things[start:end], "NextToken": str(end) if end < len(things) else None}


def merge_devices(devices: dict[str, dict[str, Any]], changes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Block devices by name, with those of a request put over them."""
    merged = copy.deepcopy(devices)
    for change in changes:
        name = change["DeviceName"]
        if "NoDevice" in change:
            merged.pop(name, None)
            continue
        device = merged.setdefault(name, {"DeviceName": name})
        if "VirtualName" in change:
            device["VirtualName"] = change["VirtualName"]
        if "Ebs" in change:
            ebs = device.setdefault("Ebs", {})
            if change["Ebs"].get("VolumeType", ebs.get("VolumeType")) != ebs.get("VolumeType"):
                ebs.pop("Iops", None)  # what fits the one type need not fit the other
                ebs.pop("Throughput", None)
            ebs |= change["Ebs"]
    return merged


def refuse_sharing(account: str, region: str, snapshots: list[Snapshot]) -> None:
    """Refuse to share what is encrypted with the default key.

    The rule is documented by AWS; code and text of the error are from memory.
    """
    if any(snapshot.encrypted and is_default_key(account, region, snapshot.kms_key_id) for snapshot in snapshots):
        raise EC2ClientError("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
