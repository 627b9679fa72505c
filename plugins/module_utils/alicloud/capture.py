# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image on its way: made from a machine, or copied to another region, with the snapshots that belong to it.

CreateImage and CopyImage tag the image only. So its snapshots are tagged as soon as it is complete, and until then they
are found through the image, which the ledger names.
"""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import kinds, sharing, tags
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.snapshots import percent, snapshots_of
from ansible_collections.hallmark.images.plugins.module_utils.build import remote
from ansible_collections.hallmark.images.plugins.module_utils.build.remote_image import RemoteImage
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import (
    FAILED,
    GONE,
    PENDING,
    READY,
    Busy,
    State,
)

#: Without it, DescribeImages tells of images that are Available only.
EVERY_STATUS = "Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated"
OWN = {"ImageOwnerAlias": "self", "Status": EVERY_STATUS}
IMAGE = kinds.Kind("Ecs", "DescribeImages", ("Images", "Image"), "ImageId", "DeleteImage", (OWN, {}))
ON_ITS_WAY = ("Creating", "Waiting")
COMPLETE = ("Available", "Deprecated")
#: Answers of DeleteImage that pass (API reference, DeleteImage, "Error codes").
IN_USE = ("ImageUsingByInstance", "ImageIsCreating", "OperationDenied.ImageCopying", "ImageIsExporting")


class Capture(RemoteImage):
    """An image with its snapshots."""

    duplicate = "InvalidImageName.Duplicated"

    def specifications(self, token: str) -> list[dict[str, Any]]:
        return tags.as_list(self.tags_with(token))

    def describe(self, identifier: str) -> dict[str, Any]:
        """What DescribeImages says of it; empty when it says nothing (yet)."""
        return IMAGE.look(self.connection, identifier)

    def state(self, identifier: str) -> State:
        image = self.describe(identifier)
        status = image.get("Status", "")
        if not status:
            return State(GONE, "is gone") if self.shown else State(PENDING, "does not show yet")
        self.shown = True
        if status in COMPLETE:
            return State(READY)
        if status in ON_ITS_WAY:
            return State(PENDING, "is being made", percent(image))
        return State(FAILED, f"is {status}")

    def find(self, token: str) -> list[str]:
        return IMAGE.with_token(self.connection, token)

    def label_snapshots(self, identifier: str, token: str) -> None:
        """Give its snapshots the tags that it has, and their own."""
        self._label(snapshots_of(self.describe(identifier)), {**self.snapshot_labels, **self.tags_with(token)})

    def delete(self, identifier: str | None, token: str) -> None:
        for image in self.ids(identifier, token):
            found = self._look(image)
            if found:
                # Found by their token afterwards, even by another process, should this one end in between.
                self._label(snapshots_of(found), {tags.TOKEN: token})
                self._delete(found)
        for snapshot in kinds.SNAPSHOT.with_token(self.connection, token):
            kinds.SNAPSHOT.removed(self.connection, snapshot)

    def _label(self, snapshots: list[str], labels: dict[str, str]) -> None:
        if snapshots:
            self.connection.call(
                f"tag snapshots of image {self.image_name}",
                "TagResources",
                ResourceType="snapshot",
                ResourceId=snapshots,
                Tag=tags.as_list(labels),
            )

    def _look(self, identifier: str) -> dict[str, Any]:
        """What is said of it. That there is none is believed only when it is said again: one that was made a moment ago
        may not show yet, and DeleteImage takes it for done."""
        for pause in remote.LOOKS:
            time.sleep(pause)
            found = self.describe(identifier)
            if found:
                return found
        return {}

    def _delete(self, image: dict[str, Any]) -> None:
        if image.get("IsCopied") and image["Status"] in ON_ITS_WAY:
            self._cancel(image["ImageId"])
        else:
            delete_image(self.connection, image["ImageId"])

    def _cancel(self, identifier: str) -> None:
        """End the copying; the copy goes by itself then.

        :raises Busy: until it is gone.
        """
        try:
            self.connection.call(f"cancel copy {identifier}", "CancelCopyImage", ImageId=identifier)
        except ApiError as error:
            # It has become complete meanwhile, or must do so before it can be removed.
            if not error.gone and error.code not in ("IncorrectImageStatus", "CancelNotSupported"):
                raise
        if self.describe(identifier):
            raise Busy(f"{identifier}: its copying is being ended")


def delete_image(connection: Connection, identifier: str) -> None:
    """Remove an image, and who else may use it with it; never while a machine made of it is there.

    :raises Busy: when it is in use.
    """
    what = f"delete image {identifier}"
    try:
        try:
            connection.call(what, "DeleteImage", ImageId=identifier)
        except ApiError as error:
            if error.code != "ImageUseShared":
                raise
            sharing.close(connection, identifier)
            connection.call(what, "DeleteImage", ImageId=identifier)
    except ApiError as error:
        if error.gone:
            return
        if error.busy or error.code in IN_USE:
            raise Busy(str(error)) from None
        raise
