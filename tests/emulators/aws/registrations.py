# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images registered of snapshots, which moto makes of nothing."""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError

from emulators.aws.images import Image, Images, tags_for


class Registrations(Images):
    """RegisterImage, what is registered, and the end of snapshots that images are made of."""

    def register_image(self) -> ActionResult:
        backend, name = self.ec2_backend, self._get_param("Name")
        self._check_name(name)
        tags = tags_for(self, "image")
        self.error_on_dryrun()
        image = Image(
            backend,
            name=name,
            description=self._get_param("Description"),
            architecture=self._get_param("Architecture") or "i386",
            virtualization_type=self._get_param("VirtualizationType") or "paravirtual",
        )
        image.root_device_name = self._get_param("RootDeviceName") or "/dev/sda1"
        image.boot_mode = self._get_param("BootMode") or "legacy-bios"
        image.imds_support = self._get_param("ImdsSupport") or None
        image.uefi_data = self._get_param("UefiData") or None
        image.ena_support = self._get_bool_param("EnaSupport", False)
        for device in self._get_param("BlockDeviceMappings", []):
            ebs = device.get("Ebs", {})
            if not ebs.get("SnapshotId"):  # an instance store volume, or an empty disk of every machine
                image.devices[device["DeviceName"]] = device | ({"Ebs": {"Encrypted": False} | ebs} if ebs else {})
                continue
            if "Encrypted" in ebs:
                message = "the encrypted flag cannot be specified since device has a snapshot specified."
                raise EC2ClientError("InvalidParameter", message)  # text as users report it; the code is from memory
            snapshot = backend.snapshots.get(ebs["SnapshotId"])
            if snapshot is None:
                raise EC2ClientError("InvalidSnapshot.NotFound", f"The snapshot '{ebs['SnapshotId']}' does not exist.")
            snapshot.from_ami = image.id
            image.snapshots.append(snapshot)
            own = {"Encrypted": snapshot.encrypted, "VolumeSize": snapshot.volume.size}
            image.devices[device["DeviceName"]] = device | {"Ebs": own | ebs}
        image.add_tags(tags)
        backend.amis[image.id] = image
        # The disk that a machine left is that of whichever image has its snapshot now.
        for other in backend.amis.values():
            same = other is not image and getattr(other, "snapshots", None) == image.snapshots
            if same and image.snapshots and other.id in self.world.disks:
                self.world.disks[image.id] = self.world.disks[other.id]
        return ActionResult({"ImageId": image.id})

    def delete_snapshot(self) -> ActionResult:
        """moto knows of one image of a snapshot only, and of no time in which EC2 does not."""
        identifier = self._get_param("SnapshotId")
        self.error_on_dryrun()
        uses = [
            image.id
            for image in self.ec2_backend.amis.values()
            if identifier in [snapshot.id for snapshot in getattr(image, "snapshots", [])]
        ]
        if uses or self.world.holds(self.region, identifier):
            message = f"The snapshot {identifier} is currently in use by {uses[0] if uses else 'an image'}"
            raise EC2ClientError("InvalidSnapshot.InUse", message)
        return super().delete_snapshot()

    def describe_image_attribute(self) -> ActionResult:
        if self._get_param("Attribute") != "uefiData":
            return super().describe_image_attribute()
        image = self._image()
        self.error_on_dryrun()
        data = getattr(image, "uefi_data", None)
        return ActionResult({"ImageId": image.id, "UefiData": {"Value": data} if data else {}})
