# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images of a build, found and removed by their tags alone: from any computer with the credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import tags
from ansible_collections.hallmark.images.plugins.module_utils.aws.capture import MINE, deregister, snapshots_of
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.usage import users
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import insist


@dataclass(frozen=True)
class Tagged:
    """What one region has of them.

    :ivar images: ids of images.
    :ivar snapshots: ids of their snapshots, also of those whose image is gone already.
    """

    connection: Connection
    images: list[str]
    snapshots: list[str]

    def check(self) -> None:
        """Refuse to remove what is in use.

        :raises HallmarkError: naming what uses it.
        """
        for image in self.images:
            self._refuse(image, users(self.connection, image))
        filters = [{"Name": "block-device-mapping.snapshot-id", "Values": self.snapshots}]
        for image in _images(self.connection, filters) if self.snapshots else []:
            others = {*snapshots_of(image)} & {*self.snapshots} if image["ImageId"] not in self.images else set()
            for snapshot in sorted(others):
                self._refuse(snapshot, [f"image/{image['ImageId']}"])

    def remove(self) -> None:
        """Remove it.

        :raises Busy: when it must be tried again later.
        """
        for image in self.images:
            deregister(self.connection, image)
        for snapshot in self.snapshots:
            insist(self.connection, f"delete snapshot {snapshot}", "delete_snapshot", SnapshotId=snapshot)

    def _refuse(self, thing: str, found: list[str]) -> None:
        if found:
            where = f"{thing} in {self.connection.region}"
            raise HallmarkError(f"state: absent: {where} is in use by {', '.join(found)}", "end its use first")


def tagged(connection: Connection, build: str, names: list[str]) -> Tagged:
    """What a region has of a build's images of some names; whatever is not tagged as the build's is not among it.

    Snapshots have the token of their image, so those of the build's other images are known by that.
    """
    by_build = tags.by_tag(tags.BUILD, build)
    images = _images(connection, [by_build])
    others = [image for image in images if image["Name"] not in names]
    tokens = {_token(image) for image in others}
    found = connection.pages("find snapshots", "describe_snapshots", "Snapshots", OwnerIds=MINE, Filters=[by_build])
    return Tagged(
        connection,
        [image["ImageId"] for image in images if image not in others],
        [snapshot["SnapshotId"] for snapshot in found if _token(snapshot) not in tokens],
    )


def _images(connection: Connection, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = connection.pages("find images", "describe_images", "Images", Owners=MINE, Filters=filters)
    return [image for image in answer if image.get("State") != "deregistered"]


def _token(thing: dict[str, Any]) -> str:
    return tags.as_dict(thing.get("Tags")).get(tags.TOKEN, "")
