# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of aws_image, the capture of a machine, and what is there of its images."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import (
    disks,
    publishing,
    removal,
    replacing,
    share_plan,
    sharing,
    tags,
)
from ansible_collections.hallmark.images.plugins.module_utils.aws.capture import Capture
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.machine import Machine
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import create
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

NAME = re.compile(r"^[A-Za-z0-9()\[\] ./\-'@_]{3,128}$")
LONGEST_DESCRIPTION = 255  # characters, EC2 API reference, CreateImage
REGION = re.compile(r"^[a-z]{2,4}(-[a-z]+)+-\d$")  # eusc-de-east-1 among them

#: Options of aws_image besides those that all image modules and all modules of this platform have.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "description": {"type": "str", "default": ""},
    "tags": {"type": "dict", "default": {}},
    "snapshot_tags": {"type": "dict", "default": {}},
    "disks": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "device_name": {"type": "str", "required": True},
            **disks.DISK,
            "virtual_name": {"type": "str"},
            "snapshot_id": {"type": "str"},
            "encrypted": {"type": "bool"},
            "delete_on_termination": {"type": "bool", "default": True},
        },
    },
    "no_devices": {"type": "list", "elements": "str", "default": []},
    "copies": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "region": {"type": "str", "required": True},
            "encrypted": {"type": "bool", "default": False},
            "kms_key_id": {"type": "str", "no_log": False},
        },
    },
    "encrypted": {"type": "bool"},
    "kms_key_id": {"type": "str", "no_log": False},
    "source": {"type": "dict"},
    "data_disks": {"type": "list", "elements": "dict", "default": []},
    "keep_in_build_region": {"type": "bool", "default": True},
    "replace": {"type": "bool", "default": False},
    "ena_support": {"type": "bool", "default": False},
    "shutdown_timeout": {"type": "int", "default": 600},
    **sharing.ARGUMENT_SPEC,
}


class AwsImage:
    """The image of one machine, wherever it is.

    :param params: the options of aws_image.
    :param ledger: the build's.
    :param planning: check mode, in which there need be no machine yet.
    :raises HallmarkError: on bad input, before anything is done.
    """

    interval = 10.0  # a capture takes minutes

    def __init__(self, params: dict[str, Any], ledger: Ledger, planning: bool = False) -> None:
        self.params = params
        self.ledger = ledger
        self.planning = planning
        self.name = params["name"]
        if not NAME.match(self.name):
            raise HallmarkError(f"name: {self.name!r}", "3 to 128 of letters, digits and ()[] ./-'@_")
        if len(params["description"]) > LONGEST_DESCRIPTION:
            raise HallmarkError(
                f"description: {len(params['description'])} characters", f"at most {LONGEST_DESCRIPTION}"
            )
        self.own_tags = tags.check_tags("tags", params["tags"])
        self.snapshot_tags = tags.check_tags("snapshot_tags", params["snapshot_tags"], self.own_tags)
        self.mappings = disks.image_mappings(params["disks"], params["no_devices"])
        sharing.check(params)
        self.connection = Connection(params)
        keep = params["keep_in_build_region"]
        if not keep and not params["copies"]:
            raise HallmarkError("keep_in_build_region: false, and no copies", "copies to other regions")
        # One that is only there to be copied gets out of the way of whatever has the name.
        name = self.name if keep else replacing.staging_name(self.name, ledger.build_id)
        home = self._capture(self.connection, name, self._from_machine)
        copies = [self._copy(copy) for copy in params["copies"]]
        self.images = publishing.Images(ledger, self.name, home, copies, keep)
        regions = [image.connection.region for image in self.images.all]
        for region in regions:
            if regions.count(region) > 1:
                raise HallmarkError(f"copies: region: {region}", "each region once, and not the build's own")
        self.searched = regions

    def plan(self) -> list[str]:
        if self.params["state"] == "present":
            self._check_machine()
            if self.planning:
                self._rehearse()
            self._check_names()
            kept = [image.connection for image in self.images.kept]
            share_plan.check_plan(self.connection, self.params, kept, self.planning)
        else:
            for place in self._tagged():
                place.check()
        return [f"{image.image_name} ({image.connection.region})" for image in self.images.kept]

    def captured(self) -> bool:
        if self.params["state"] == "absent":
            if any(place.images or place.snapshots for place in self._tagged()):
                return True
            keys = {image.key for image in self.images.all}
            unfinished = any(entry.key in keys for entry in self.ledger.read().open_entries())
            return unfinished or any(self.images.available(image) for image in self.images.all)
        return self.images.captured()

    def published(self) -> bool:
        return self.images.published(self.params["deregistration_protection"])

    def capture(self, waiter: Waiter, events: EventLog) -> None:
        self._stop(events)
        identifier, dummy = create(self.ledger, self.images.home, waiter)
        if self.params["imds_v2"]:
            sharing.require_imds_v2(self.connection, identifier)

    def publish(self, waiter: Waiter) -> None:
        publishing.publish(self.images, self.params, waiter)

    def remove(self) -> bool:
        found = self._tagged()
        for place in found:
            place.remove()
        removed = bool(found)
        for image in reversed(self.images.all):
            entry = self.images.entry(image)
            if not entry or (entry.gone and not self.images.available(image)):
                continue
            image.delete(entry.identifier, entry.token)
            self.ledger.append("gone", kind=image.kind, name=image.name)
            removed = True
        return removed

    def describe(self) -> dict[str, Any]:
        return {"images": self.images.described()}

    def _capture(self, connection: Connection, name: str, make: Any) -> Capture:
        status = self.ledger.read()
        labels = tags.build_tags(
            self.ledger.build_id,
            status.build.get("definition", ""),
            status.build.get("expires") or tags.expiry(180),
            {"Name": self.name, **self.own_tags},
        )
        return Capture(f"{self.name}@{connection.region}", connection, name, make, labels, self.snapshot_tags)

    def _copy(self, copy: dict[str, Any]) -> Capture:
        region = copy["region"]
        if not REGION.match(region):
            raise HallmarkError(f"copies: region: {region!r}", "a region, as eu-central-1")
        there = self.connection.elsewhere(region)

        def make(token: str, specifications: list[dict[str, Any]]) -> str:
            cipher: dict[str, Any] = {"Encrypted": True} if copy["encrypted"] or copy["kms_key_id"] else {}
            if copy["kms_key_id"]:
                cipher["KmsKeyId"] = copy["kms_key_id"]
            answer = there.call(
                f"copy image {self.name} to {region}",
                "copy_image",
                SourceRegion=self.connection.region,
                SourceImageId=self.images.identifier(self.images.home),
                Name=self._free_name(there),
                Description=self.params["description"],
                ClientToken=token,
                TagSpecifications=specifications,
                **cipher,
            )
            return answer["ImageId"]

        return self._capture(there, self.name, make)

    def _from_machine(
        self, token: str, specifications: list[dict[str, Any]], connection: Connection | None = None
    ) -> str:
        disks_of_image = {"BlockDeviceMappings": self.mappings} if self.mappings else {}
        answer = (connection or self.connection).call(
            f"capture image {self.name}",
            "create_image",
            InstanceId=self._machine()[1],
            Name=self._free_name(self.connection) if self.images.keep_home else self.images.home.image_name,
            Description=self.params["description"],
            TagSpecifications=specifications,
            **disks_of_image,
        )
        return answer["ImageId"]

    def _rehearse(self) -> None:
        """Ask with DryRun, where there is a machine already, whether it may be stopped and captured.

        Not CopyImage: a right to that hangs on the tags of an image that is not there yet.

        :raises HallmarkError: naming the call that would be refused.
        """
        entry = self.ledger.read().entries.get(f"{Machine.kind}/{self.params['machine']}")
        if not entry or entry.gone or not entry.identifier or self.images.entry(self.images.home):
            return
        play = replacing.Rehearsal.of(self.connection)
        machine, identifier = self._machine()
        if not machine.is_spot(identifier):
            machine.begin_stop(identifier, play)
        self._from_machine("rehearsal", self.images.home.specifications("rehearsal"), play)

    def _tagged(self) -> list[removal.Tagged]:
        """What is there by its tags of images of another computer; empty where the ledger knows the build's."""
        if self.ledger.read().entries:
            return []
        names = [self.name, replacing.staging_name(self.name, self.ledger.build_id)]
        return [removal.tagged(image.connection, self.ledger.build_id, names) for image in self.images.all]

    def _machine(self) -> tuple[Machine, str]:
        name = self.params["machine"]
        entry = self.ledger.read().entries.get(f"{Machine.kind}/{name}")
        if not entry or entry.gone or not entry.identifier:
            raise HallmarkError(f"machine {name}: is gone", "capture before it is removed")
        return Machine(name, self.connection), entry.identifier

    def _stop(self, events: EventLog) -> None:
        """Shut the guest down, so that its file systems are at rest; never a power cut."""
        machine, identifier = self._machine()
        if machine.is_spot(identifier):
            return  # such a one cannot be stopped: CreateImage itself shuts it down while it takes the snapshots
        waiter = Waiter(
            self.params["shutdown_timeout"], self.interval, events, abandoned=lambda: self.ledger.read().closing
        )
        machine.stop(identifier, waiter)
        events.write("powered off")
        if self.params["ena_support"]:
            what = f"machine {machine.name}: ENA"
            self.connection.call(what, "modify_instance_attribute", InstanceId=identifier, EnaSupport={"Value": True})

    def _check_machine(self) -> None:
        """There must be a machine for as long as there is no image; one that could not take another's place is told."""
        entries = self.ledger.read().entries
        machine = self.params["machine"]
        if self.images.home.key in entries:
            return
        if f"{Machine.kind}/{machine}" not in entries:
            if self.planning:
                return
            raise HallmarkError(f"build {self.ledger.build_id} has no machine {machine!r}", "one that was launched")
        if self.params["replace"] and not entries[f"{Machine.kind}/{machine}"].gone:
            found, identifier = self._machine()
            replacing.check_licence(found.describe(identifier), self.name)

    def _check_names(self) -> None:
        """An account holds a name once in each region, so a taken one is told before anything costs money."""
        for image in self.images.kept:
            entry = self.images.entry(image)
            if entry and (entry.gone or self.images.replacement(image)):
                continue
            for old in replacing.named(image.connection, self.name):
                if tags.as_dict(old.get("Tags")).get(tags.BUILD) == self.ledger.build_id:
                    continue
                if not self.params["replace"]:
                    taken = f"{old['ImageId']} in {image.connection.region} has it"
                    raise HallmarkError(f"name: {self.name}: {taken}", "another name, or replace: true")
                replacing.check_replaceable(image.connection, old)

    def _free_name(self, connection: Connection) -> str:
        """The final name, or while an old image has that, another until it takes its place."""
        if self.params["replace"] and replacing.named(connection, self.name):
            return replacing.staging_name(self.name, self.ledger.build_id)
        return self.name
