# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots: those of an image, and that of a system disk which an image without data disks is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import kinds, tags
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import Remote
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import FAILED, GONE, PENDING, READY, State


class DiskSnapshot(Remote):
    """A snapshot of a machine's system disk. The image that is made of it takes it over.

    :param machine: gives the id of the machine; asked for when it is created.
    """

    kind = "snapshot"

    def __init__(
        self,
        name: str,
        connection: Connection,
        machine: Callable[[], str] | None = None,
        labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, connection, labels)
        self.machine = machine

    def create(self, token: str) -> str:
        if not self.machine:
            raise HallmarkError(f"{self.key}: only known from the ledger, so it cannot be made again")
        self.shown = False
        machine = self.machine()
        what = f"system disk of machine {machine}"
        disks = self.connection.call(what, "DescribeDisks", InstanceId=machine, DiskType="system")["Disks"]["Disk"]
        if not disks:
            raise HallmarkError(f"{what}: there is none", "a machine that is still there")
        answer = self.connection.call(
            f"snapshot of the {what}",
            "CreateSnapshot",
            DiskId=disks[0]["DiskId"],
            ClientToken=token,
            Tag=tags.as_list(self.tags_with(token)),
        )
        return answer["SnapshotId"]

    def state(self, identifier: str) -> State:
        found = kinds.SNAPSHOT.look(self.connection, identifier)
        if not found:
            return State(GONE, "is gone") if self.shown else State(PENDING, "does not show yet")
        self.shown = True
        status = found.get("Status", "")
        if status == "accomplished":
            return State(READY)
        if status == "progressing":
            return State(PENDING, "is being made", percent(found))
        return State(FAILED, f"is {status}")

    def find(self, token: str) -> list[str]:
        return kinds.SNAPSHOT.with_token(self.connection, token)

    def delete(self, identifier: str | None, token: str) -> None:
        for snapshot in self.ids(identifier, token):
            kinds.SNAPSHOT.removed(self.connection, snapshot)


def snapshots_of(image: dict[str, Any]) -> list[str]:
    """The ids of the snapshots that an image names."""
    mappings = image.get("DiskDeviceMappings", {}).get("DiskDeviceMapping", [])
    return [item["SnapshotId"] for item in mappings if item.get("SnapshotId")]


def keys_of(connection: Connection, image: dict[str, Any]) -> list[str]:
    """The KMS keys of an image's own snapshots that are encrypted, as DescribeSnapshots names them."""
    snapshots = snapshots_of(image)
    found = kinds.SNAPSHOT.listed(connection, SnapshotIds=snapshots) if snapshots else []
    return [str(snapshot.get("KMSKeyId") or "") for snapshot in found if snapshot.get("Encrypted")]


def percent(thing: dict[str, Any]) -> float | None:
    """How far an image or a snapshot is; None where nobody tells."""
    try:
        return float(str(thing.get("Progress", "")).rstrip("%"))
    except ValueError:
        return None
