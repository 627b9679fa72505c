# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of alicloud_image, the capture of a machine, and what is there of its images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import (
    copying,
    publishing,
    replacing,
    share_plan,
    sharing,
    tags,
)
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.capture import Capture
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.machine import Machine
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.snapshots import DiskSnapshot, keys_of
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import create, undo
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import PENDING, READY, Resource
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

#: Options of alicloud_image besides those that all image modules and all modules of this platform have.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "tags": {"type": "dict", "default": {}},
    "snapshot_tags": {"type": "dict", "default": {}},
    "family": {"type": "str"},
    "deprecate_previous": {"type": "bool", "default": False},
    "system_disk_only": {"type": "bool", "default": False},
    "encrypted": {"type": "bool"},
    "kms_key_id": {"type": "str", "no_log": False},
    "data_disks": {"type": "list", "elements": "dict", "default": []},
    "source": {"type": "dict"},
    "keep_in_build_region": {"type": "bool", "default": True},
    "replace": {"type": "bool", "default": False},
    "shutdown_timeout": {"type": "int", "default": 600},
    **copying.ARGUMENT_SPEC,
    **sharing.ARGUMENT_SPEC,
}


class AlicloudImage:
    """The image of one machine, wherever it is.

    :param params: the options of alicloud_image.
    :param ledger: the build's.
    :param planning: check mode, in which there need be no machine yet.
    :raises HallmarkError: on bad input, before anything is done.
    """

    interval = 10.0  # a capture takes minutes
    searched = ()

    def __init__(self, params: dict[str, Any], ledger: Ledger, planning: bool = False) -> None:
        self.params = params
        self.ledger = ledger
        self.planning = planning
        self.name = params["name"]
        copying.check(params)
        sharing.check(params)
        if params["family"] is not None:
            copying.check_name("family", params["family"])
        elif params["deprecate_previous"]:
            raise HallmarkError("deprecate_previous: true, and no family", "a family, whose older images are meant")
        self.own_tags = tags.check_tags("tags", params["tags"])
        self.snapshot_tags = tags.check_tags("snapshot_tags", params["snapshot_tags"], self.own_tags)
        self.connection = Connection(params)
        if not params["keep_in_build_region"] and not params["copies"]:
            raise HallmarkError("keep_in_build_region: false, and no copies", "copies to other regions")
        self.images = self._images()
        regions = [image.connection.region for image in self.images.all]
        for region in regions:
            if regions.count(region) > 1:
                raise HallmarkError(f"copies: region: {region}", "each region once, and not the build's own")

    def plan(self) -> list[str]:
        entries = self.ledger.read().entries
        if self.images.home.key not in entries:
            if f"{Machine.kind}/{self.params['machine']}" not in entries and not self.planning:
                machine = self.params["machine"]
                raise HallmarkError(f"build {self.ledger.build_id} has no machine {machine!r}", "one that was launched")
            self._check_names()
            kept = [image.connection for image in self.images.kept]
            share_plan.check_plan(self.connection, self.params, kept, self.planning)
        return [f"{image.image_name} ({image.connection.region})" for image in self.images.kept]

    def captured(self) -> bool:
        if self.params["state"] == "absent":
            keys = {thing.key for thing in (*self.images.all, self.images.snapshot) if thing}
            unfinished = any(entry.key in keys for entry in self.ledger.read().open_entries())
            return unfinished or any(self.images.available(image) for image in self.images.all)
        return self.images.captured()

    def published(self) -> bool:
        return self.images.published()

    def capture(self, waiter: Waiter, events: EventLog) -> None:
        self._stop(events)
        home = self.images.home
        if self.images.snapshot:
            self._undo_half(home, waiter)
            create(self.ledger, self.images.snapshot, waiter)
        identifier, dummy = create(self.ledger, home, waiter)
        home.label_snapshots(identifier, self.ledger.read().entries[home.key].token)

    def publish(self, waiter: Waiter) -> None:
        publishing.publish(self.images, waiter)

    def remove(self) -> bool:
        removed = False
        for image in reversed(self.images.all):
            entry = self.images.entry(image)
            if not entry:
                continue
            # Who finished a replacement that was cut short has noted no id of it: its terms have that.
            identifier = entry.identifier or entry.spec.get(replacing.TERMS, {}).get("staged")
            found = image.describe(identifier) if identifier else {}
            if entry.gone and not found:
                continue
            if found:
                replacing.check_unused(image.connection, found, "state: absent")
            self._delete(image, identifier, entry.token)
            removed = True
        snapshot = self.images.snapshot
        entry = self.ledger.read().entries.get(snapshot.key) if snapshot else None
        if snapshot and entry and not entry.gone:
            self._delete(snapshot, entry.identifier, entry.token)
            removed = True
        return removed

    def describe(self) -> dict[str, Any]:
        return {"images": self.images.described()}

    def _undo_half(self, image: Capture, waiter: Waiter) -> None:
        """Remove what an earlier run left of an image. Its snapshot goes with it, so it goes before a new one comes."""
        entry = self.images.entry(image)
        if not entry or entry.gone:
            return
        if entry.identifier and image.state(entry.identifier).status in (READY, PENDING):
            return
        with self.ledger.lock():
            left = undo(self.ledger, lambda *dummy: image, [entry], waiter.left())
        if left:
            raise HallmarkError(f"an earlier run left {left[0]}", "run the play reap, or take a new build id")

    def _delete(self, thing: Resource, identifier: str | None, token: str) -> None:
        thing.delete(identifier, token)
        self.ledger.append("gone", kind=thing.kind, name=thing.name)

    def _images(self) -> publishing.Images:
        params = self.params
        name = self.name
        if not params["keep_in_build_region"]:
            # One that is only there to be copied gets out of the way of whatever has the name.
            name = replacing.staging_name(name, self.ledger.build_id)
        labels = self._labels()
        snapshot = None
        if params["system_disk_only"]:
            key = f"{self.name}@{self.connection.region}"
            snapshot = DiskSnapshot(key, self.connection, self._machine_id, {**self.snapshot_tags, **labels})
        home = self._capture(self.connection, name, labels, self._from_machine)
        copies = [self._copy(copy, labels) for copy in params["copies"]]
        return publishing.Images(self.ledger, params, home, copies, snapshot)

    def _labels(self) -> dict[str, str]:
        build = self.ledger.read().build
        expires = build.get("expires") or tags.expiry(180)
        return tags.build_tags(self.ledger.build_id, build.get("definition", ""), expires, self.own_tags)

    def _capture(
        self, connection: Connection, name: str, labels: dict[str, str], make: Callable[[str, Any], str]
    ) -> Capture:
        return Capture(f"{self.name}@{connection.region}", connection, name, make, labels, self.snapshot_tags)

    def _copy(self, copy: dict[str, Any], labels: dict[str, str]) -> Capture:
        there = self.connection.elsewhere(copy["region"])
        name = copy["name"] or self.name

        def make(token: str, labelled: list[dict[str, str]]) -> str:
            called = self._free_name(there, name)
            image = self.images.identifier(self.images.home)
            # CopyImage decrypts nothing, and wants to be told.
            encrypted = copy["encrypted"] or bool(keys_of(self.connection, self.images.home.describe(image)))
            return copying.to_region(
                self.connection, self.params, {**copy, "encrypted": encrypted}, image, called, token, labelled
            )

        return self._capture(there, name, labels, make)

    def _from_machine(self, token: str, labels: list[dict[str, str]]) -> str:
        home = self.images.home
        name = self._free_name(self.connection, home.image_name)
        snapshot = self.images.snapshot
        if snapshot:
            source = {"SnapshotId": self.ledger.read().entries[snapshot.key].identifier or ""}
        else:
            source = {"InstanceId": self._machine_id()}
        return copying.from_machine(self.connection, self.params, name, source, token, labels)

    def _machine_id(self) -> str:
        name = self.params["machine"]
        entry = self.ledger.read().entries.get(f"{Machine.kind}/{name}")
        if not entry or entry.gone or not entry.identifier:
            raise HallmarkError(f"machine {name}: is gone", "capture before it is removed")
        return entry.identifier

    def _stop(self, events: EventLog) -> None:
        """Shut the guest down, so that its file systems are at rest; never a power cut."""
        identifier = self._machine_id()
        waiter = Waiter(
            self.params["shutdown_timeout"], self.interval, events, abandoned=lambda: self.ledger.read().closing
        )
        Machine(self.params["machine"], self.connection).stop(identifier, waiter)
        events.write("powered off")

    def _check_names(self) -> None:
        """An account holds a name once in each region, so a taken one is told before anything costs money."""
        for image in self.images.kept:
            if self.images.entry(image):
                continue
            for old in replacing.named(image.connection, image.image_name):
                if not self.params["replace"]:
                    taken = f"{old['ImageId']} in {image.connection.region} has it"
                    raise HallmarkError(f"name: {image.image_name}: {taken}", "another name, or replace: true")
                replacing.check_replaceable(image.connection, old)

    def _free_name(self, connection: Connection, name: str) -> str:
        """The final name, or with replace, while an old image has that, another until it takes its place."""
        return replacing.free_name(connection, name, self.ledger.build_id) if self.params["replace"] else name
