# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image on its way: made from a machine, or copied to another region, with the snapshots that belong to it."""

from __future__ import annotations

from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import sharing, tags
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import insist
from ansible_collections.hallmark.images.plugins.module_utils.build.remote_image import RemoteImage
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import FAILED, GONE, PENDING, READY, State

MINE = ["self"]
#: What DeregisterImage says of an image that is protected against it.
PROTECTED = "OperationNotPermitted"


class Capture(RemoteImage):
    """An image with its snapshots."""

    duplicate = "InvalidAMIName.Duplicate"

    def specifications(self, token: str) -> list[dict[str, Any]]:
        labels = self.tags_with(token)
        of_snapshots = tags.specifications({**self.snapshot_labels, **labels}, "snapshot")
        return tags.specifications(labels, "image") + of_snapshots

    def describe(self, identifier: str) -> dict[str, Any]:
        """What DescribeImages says of it; empty when it says nothing (yet)."""
        try:
            answer = self.connection.call(f"image {self.image_name}", "describe_images", ImageIds=[identifier])
        except ApiError as error:
            if not error.gone:
                raise
            return {}
        return answer["Images"][0] if answer.get("Images") else {}

    def state(self, identifier: str) -> State:
        image = self.describe(identifier)
        status = image.get("State", "")
        if status in ("", "deregistered"):
            return State(GONE, "is gone") if self.shown or status else State(PENDING, "does not show yet")
        self.shown = True
        if status == "available":
            return State(READY)
        if status in ("pending", "transient"):
            return State(PENDING, "its snapshots are being made", self._percent(image))
        reason = image.get("StateReason", {}).get("Message", "")
        return State(FAILED, f"is {status}" + (f" ({reason})" if reason else ""))

    def find(self, token: str) -> list[str]:
        filters = [tags.by_tag(tags.TOKEN, token)]
        answer = self.connection.call("find image", "describe_images", Owners=MINE, Filters=filters)
        return [image["ImageId"] for image in answer.get("Images", [])]

    def snapshots(self, identifier: str, token: str) -> list[str]:
        """The ids of its snapshots: those that it names, and those that carry its token although it is gone.

        What it names and what is there without the token is somebody's own, which a disk of the image is made of.
        """
        named = {*snapshots_of(self.describe(identifier))} if identifier else set()
        found = {item["SnapshotId"] for item in self._snapshots(tags.by_tag(tags.TOKEN, token), OwnerIds=MINE)}
        unsure = named - found  # those may also show late
        seen = self._snapshots({"Name": "snapshot-id", "Values": sorted(unsure)}) if unsure else []
        others = {item["SnapshotId"] for item in seen if tags.as_dict(item.get("Tags")).get(tags.TOKEN) != token}
        return sorted((named | found) - others)

    def _snapshots(self, condition: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        return self.connection.pages("find snapshots", "describe_snapshots", "Snapshots", Filters=[condition], **more)

    def delete(self, identifier: str | None, token: str) -> None:
        images = self.ids(identifier, token)
        snapshots = self.snapshots(images[0] if images else "", token)
        for image in images:
            if self.describe(image).get("State") != "deregistered":
                deregister(self.connection, image)
        for snapshot in snapshots:
            insist(self.connection, f"delete snapshot {snapshot}", "delete_snapshot", SnapshotId=snapshot)

    def _percent(self, image: dict[str, Any]) -> float | None:
        """How far its snapshots are, all together; None where nobody tells."""
        ids = snapshots_of(image)
        if not ids:
            return None
        try:
            found = self.connection.call("progress of snapshots", "describe_snapshots", SnapshotIds=ids)["Snapshots"]
        except ApiError as error:
            if not error.gone:
                raise
            return None
        sizes = [(int(item.get("VolumeSize") or 1), _number(item.get("Progress"))) for item in found]
        whole = sum(size for size, dummy in sizes)
        return round(sum(size * done for size, done in sizes) / whole, 1) if whole else None


def deregister(connection: Connection, image: str) -> None:
    """Deregister an image of a build, also when it is protected already."""
    what = f"deregister image {image}"
    try:
        insist(connection, what, "deregister_image", ImageId=image)
    except ApiError as error:
        if error.code != PROTECTED:
            raise
        sharing.unprotect(connection, image)
        insist(connection, what, "deregister_image", ImageId=image)


def snapshots_of(image: dict[str, Any]) -> list[str]:
    """The ids of the snapshots that an image names."""
    mappings = image.get("BlockDeviceMappings", [])
    return [item["Ebs"]["SnapshotId"] for item in mappings if item.get("Ebs", {}).get("SnapshotId")]


def _number(text: str | None) -> float:
    try:
        return float((text or "0").rstrip("%"))
    except ValueError:
        return 0.0
