# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as EC2 has them and moto does not: their disks, tags, encryption, time, deprecation and protection."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami
from moto.ec2.models.elastic_block_store import Snapshot
from moto.ec2.models.instances import Instance
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ec2.utils import random_ami_id

from emulators.aws.disks import begin_snapshot, copied_snapshot, key_arn, merge_devices, page, refuse_sharing
from emulators.aws.image_settings import ImageSettings, deprecated, known_image
from emulators.aws.instances import run_token
from emulators.aws.world import World
from emulators.machines import Machine

#: What EC2 allows in the name of an image.
NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")


class Image(Ami):
    """An image with the block devices it was made with.

    :ivar devices: DeviceName → the device as DescribeImages shows it; those with a snapshot have `Ebs`.
    """

    def __init__(self, backend: Any, **fields: Any) -> None:
        super().__init__(backend, random_ami_id(), **fields)
        backend.snapshots.pop(self.ebs_snapshot.id)  # moto makes one for every image, of 15 GB
        self.devices: dict[str, dict[str, Any]] = {}
        self.snapshots: list[Snapshot] = []
        self.root_device_type = "ebs"
        self.hypervisor = "xen"
        self.ena_support = True
        self.state_reason: dict[str, str] | None = None
        self.deprecation_time: str | None = None
        self.deregistration_protection = "disabled"
        self.imds_support: str | None = None
        self.source_image_id: str | None = None
        self.source_image_region: str | None = None
        self.uefi_data: str | None = None

    @property
    def block_device_mappings(self) -> list[dict[str, Any]]:
        """See Ami."""
        return list(self.devices.values())

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:
        """See Ami; with the filters that moto lacks."""
        own = {
            "root-device-type": self.root_device_type,
            "root-device-name": self.root_device_name,
            "hypervisor": self.hypervisor,
            "image-type": self.image_type,
            "description": self.description,
            "ena-support": "true",
            "boot-mode": self.boot_mode,
            "imds-support": self.imds_support,
            "creation-date": f"{self.creation_date:%Y-%m-%dT%H:%M:%S.000Z}",
            "block-device-mapping.snapshot-id": [snapshot.id for snapshot in self.snapshots],
        }
        return own[filter_name] if filter_name in own else super().get_filter_value(filter_name, method_name)


def tags_for(response: EC2BaseResponse, kind: str) -> dict[str, str]:
    """The tags of a request's TagSpecifications for one type of resource."""
    found: dict[str, str] = {}
    for part in response._get_param("TagSpecifications", []):
        if part.get("ResourceType") not in ("image", "snapshot"):
            message = f"'{part.get('ResourceType')}' is not a valid taggable resource type for this operation."
            raise EC2ClientError("InvalidParameterValue", message)
        if part["ResourceType"] == kind:
            found |= {tag["Key"]: tag.get("Value", "") for tag in part.get("Tags", [])}
    return found


class Images(ImageSettings):
    """The actions on images that differ from moto's."""

    world: World

    def create_image(self) -> ActionResult:
        backend, name = self.ec2_backend, self._get_param("Name")
        instance: Instance = backend.get_instance(self._get_param("InstanceId"))
        if instance.state not in ("running", "stopping", "stopped"):  # the code is from memory
            message = f"Instance is not in state 'running' or 'stopped' but '{instance.state}'"
            raise EC2ClientError("IncorrectState", message)
        self._check_name(name)
        tags = {kind: tags_for(self, kind) for kind in ("image", "snapshot")}
        self.error_on_dryrun()
        image = Image(backend, instance=instance, name=name, description=self._get_param("Description"))
        image.root_device_name, image.state = instance.root_device_name, "pending"
        image.source_image_id, image.source_image_region = instance.image_id, self.region
        source = backend.amis.get(instance.image_id)
        image.imds_support = getattr(source, "imds_support", None)
        image.boot_mode, image.uefi_data = getattr(source, "boot_mode", "uefi"), getattr(source, "uefi_data", None)
        attached = {
            device_name: {
                "DeviceName": device_name,
                "Ebs": {"VolumeId": device.volume_id, "DeleteOnTermination": device.delete_on_termination},
            }
            for device_name, device in instance.get_block_device_mapping
        }
        description = f"Created by CreateImage({instance.id}) for {image.id}"
        for device_name, device in merge_devices(attached, self._get_param("BlockDeviceMappings", [])).items():
            if "Ebs" not in device:
                image.devices[device_name] = device
                continue
            volume = backend.volumes.get(device["Ebs"].pop("VolumeId", None))
            ebs = image.devices.setdefault(device_name, {"DeviceName": device_name, "Ebs": {}})["Ebs"]
            if volume is not None:
                snapshot = backend.create_snapshot(volume.id, description, from_ami=image.id)
                snapshot.kms_key_id = volume.kms_key_id
                snapshot.add_tags(tags["snapshot"])
                image.snapshots.append(snapshot)
                ebs |= {"SnapshotId": snapshot.id, "VolumeSize": volume.size, "VolumeType": volume.volume_type}
                ebs |= {"Encrypted": bool(volume.encrypted), "Iops": volume.iops, "Throughput": volume.throughput}
            else:
                ebs |= {"Encrypted": False}  # an empty disk of every instance launched from the image
            ebs |= device["Ebs"]
        image.add_tags(tags["image"])
        backend.amis[image.id] = image
        self._begin(image, self.world.delays.image, self._keep_disk(instance, image))
        return ActionResult({"ImageId": image.id})

    def copy_image(self) -> ActionResult:
        from moto.ec2.models import ec2_backends

        before, note = run_token(self, "CopyImage", self.world, dict(self.params))
        if before is not None:
            return ActionResult(before)
        name, region = self._get_param("Name"), self._get_param("SourceRegion")
        source = known_image(ec2_backends[self.current_account][region], self._get_param("SourceImageId"))
        if source.state != "available":  # the code is from memory
            raise EC2ClientError("InvalidAMIID.Unavailable", f"The image id '[{source.id}]' is not available")
        self._check_name(name)
        tags = {kind: tags_for(self, kind) for kind in ("image", "snapshot")}
        wanted, key = self._get_bool_param("Encrypted", False), self._get_param("KmsKeyId") or None
        if key and not wanted:
            message = "The parameter KmsKeyId requires the parameter Encrypted to be set."
            raise EC2ClientError("InvalidParameterDependency", message)
        self.error_on_dryrun()
        backend = self.ec2_backend
        image = Image(backend, source_ami=source, name=name, description=self._get_param("Description"))
        image.state, image.root_device_name = "pending", source.root_device_name
        image.boot_mode, image.imds_support = source.boot_mode, getattr(source, "imds_support", None)
        image.uefi_data = getattr(source, "uefi_data", None)
        image.source_image_id, image.source_image_region = source.id, region
        arn = key_arn(self.current_account, self.region, key)
        snapshots = ec2_backends[self.current_account][region].snapshots
        for device in source.block_device_mappings:
            ebs = dict(device.get("Ebs", {}))
            original = snapshots.get(ebs.get("SnapshotId"))
            if original is not None:
                encrypted = wanted or original.encrypted
                description = f"Copied for DestinationAmi {image.id} from SourceAmi {source.id}"
                description += f" for SourceSnapshot {original.id}. "
                fields = {"encrypted": encrypted, "kms_key_id": arn if encrypted else None, "from_ami": image.id}
                snapshot = copied_snapshot(backend, original, description=description, **fields)
                snapshot.add_tags(tags["snapshot"])
                image.snapshots.append(snapshot)
                ebs |= {"SnapshotId": snapshot.id, "Encrypted": encrypted}
            image.devices[device["DeviceName"]] = device | ({"Ebs": ebs} if ebs else {})
        if self._get_bool_param("CopyImageTags", False):
            image.add_tags({tag["key"]: tag["value"] for tag in source.get_tags() if not tag["key"].startswith("aws:")})
        image.add_tags(tags["image"])
        backend.amis[image.id] = image
        if source.id in self.world.disks:
            self.world.disks[image.id] = self.world.disks[source.id]
        # EC2 finds out about a wrong key only while it copies; the text is from memory.
        bad_key = None if arn else f"Given key ID is not accessible: {key}"
        self._begin(image, self.world.delays.copy, failing=bad_key)
        answer = {"ImageId": image.id}
        note(answer)
        return ActionResult(answer)

    def describe_images(self) -> ActionResult:
        answer: Any = super().describe_images()
        images = answer.result["Images"]
        if not self._get_bool_param("IncludeDeprecated", False) and not self._get_param("ImageIds"):
            images = [image for image in images if image.owner_id == self.current_account or not deprecated(image)]
        return ActionResult(page(self, "Images", images))

    def modify_image_attribute(self) -> ActionResult:
        image = self._image()
        self.error_on_dryrun()  # moto would change it
        adds = self._get_param("LaunchPermission", {}).get("Add") or self._get_param("OperationType") == "add"
        if adds:
            refuse_sharing(self.current_account, self.region, getattr(image, "snapshots", []))
        answer = super().modify_image_attribute()
        attribute, value = self._get_param("Attribute"), self._get_param("Value")
        description = value if attribute == "description" else self._get_param("Description", {}).get("Value")
        if description is not None:
            image.description = description
        support = value if attribute == "imdsSupport" else self._get_param("ImdsSupport", {}).get("Value")
        if support is not None:
            image.imds_support = support
        return answer

    def deregister_image(self) -> ActionResult:
        image = self.ec2_backend.amis.get(self._get_param("ImageId"))
        self.error_on_dryrun()
        if getattr(image, "deregistration_protection", "disabled").startswith("enabled"):  # the code is from memory
            raise EC2ClientError(
                "OperationNotPermitted", f"The image {image.id} has deregistration protection enabled."
            )
        answer = super().deregister_image()
        self.world.disks.pop(image.id, None)
        self.world.hold(self.region, image.name, self.world.delays.name)
        for snapshot in getattr(image, "snapshots", []):
            self.world.hold(self.region, snapshot.id, self.world.delays.in_use)
        if not self._get_bool_param("DeleteAssociatedSnapshots", False):
            return answer
        results = []
        for snapshot in getattr(image, "snapshots", []):
            if self.ec2_backend.snapshots.pop(snapshot.id, None):
                results.append({"SnapshotId": snapshot.id, "ReturnCode": "success"})
        return ActionResult({"Return": True, "DeleteSnapshotResults": results})

    # Helpers.

    def _check_name(self, name: str) -> None:
        if not NAME.fullmatch(name or ""):
            message = (
                "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', "
                "'-', '/' and '_'"
            )
            raise EC2ClientError("InvalidAMIName.Malformed", message)
        mine = [image for image in self.ec2_backend.amis.values() if image.owner_id == self.current_account]
        others = [image.id for image in mine if image.name == name and image.state != "failed"]
        if others or self.world.holds(self.region, name):
            message = f"AMI name {name} is already in use by AMI {others[0] if others else 'that is deregistered'}"
            raise EC2ClientError("InvalidAMIName.Duplicate", message)

    def _keep_disk(self, instance: Instance, image: Image) -> Any:
        """Let the machine behind an instance keep its disk as the image's; a future, or None without a machine."""
        guest = self.world.guests.get(instance.id)
        if guest is None:
            return None
        target: Path = self.world.image_path(image.id)
        restart = instance.state == "running" and not self._get_bool_param("NoReboot", False)

        def keep(machine: Machine) -> None:
            if restart:
                machine.shut_down()
            machine.capture(target)
            self.world.disks[image.id] = target
            if restart:
                machine.boot()

        kept = guest.do(keep)
        self.world.note_problem(f"capture {instance.id}", kept)
        return kept

    def _begin(self, image: Image, takes: float, kept: Any = None, failing: str | None = None) -> None:
        """Let an image be made: its snapshots grow, and it becomes available when they are complete."""
        failing = self.world.failing() or failing
        snapshots = [begin_snapshot(self.world, snapshot, takes, failing) for snapshot in image.snapshots]

        def finish() -> None:
            reason = failing or (f"disk: {kept.exception()}" if kept and kept.exception() else None)
            for snapshot in snapshots:
                snapshot.status, snapshot.status_message = ("error", reason) if reason else ("completed", None)
            if image.state == "pending":
                image.state = "failed" if reason else "available"
            if reason:
                image.state_reason = {"Code": "Client.SnapshotError", "Message": reason}

        self.world.later(takes, finish, kept.done if kept else None)
