# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Putting a new image in the place of an old one of the same name.

An account holds a name once in each region and an image cannot be renamed. So the new image is made, checked and copied
under a name of its own; only when all of that has succeeded does the old one go, and the new one's snapshots are
registered under the name, which takes a moment and copies nothing.

From the moment the old image may be gone there is no way back. So the ledger then says of the new image how it takes
its place, and whoever undoes the build (the module itself, the janitor, reap) finishes that instead of removing it.
"""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import sharing, tags
from ansible_collections.hallmark.images.plugins.module_utils.aws.capture import (
    MINE,
    PROTECTED,
    Capture,
    deregister,
    snapshots_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.aws.registering import request_of
from ansible_collections.hallmark.images.plugins.module_utils.aws.usage import users
from ansible_collections.hallmark.images.plugins.module_utils.build import remote
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import insist
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Busy

#: What stands in a ledger entry's spec of how an image takes its place.
TERMS = "replaces"
NAME_IS_FREE = 60.0  # s within which EC2 lets go of the name of a deregistered image
PAUSE = 1.0


class Kept(HallmarkError):
    """The old image is there and may not be removed, so nothing has been replaced."""


class Rehearsal(Connection):
    """The account, asked with DryRun for every change whether it would be let through; nothing is changed."""

    @classmethod
    def of(cls, connection: Connection) -> Rehearsal:
        """A rehearsal for what a connection will do."""
        return cls(connection.options, connection.sessions)

    def call(self, what: str, operation: str, service: str = "ec2", **arguments: Any) -> dict[str, Any]:
        if operation.startswith("describe_"):
            return super().call(what, operation, service, **arguments)
        try:
            super().call(what, operation, service, DryRun=True, **arguments)
        except ApiError as error:  # what else than a refusal it says in a rehearsal means nothing
            if error.denied:
                raise HallmarkError(str(error)) from None
        return {"ImageId": "ami-rehearsal"}


class Replacement(Capture):
    """An image on its way into the place of an old one. It has the key and the token of the capture that it was.

    :param terms: as the ledger holds them: `staged`, the image's id until then; `old`, the ids of the images that go;
        `snapshots`, those of theirs; `params`, the options that say what becomes of the image.
    """

    def __init__(self, name: str, connection: Connection, image_name: str, terms: dict[str, Any]) -> None:
        super().__init__(name, connection, image_name)
        self.terms = terms

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), TERMS: self.terms}

    def find(self, token: str) -> list[str]:
        """The image under its final name; the one that it was until then has the same token."""
        filters = [tags.by_tag(tags.TOKEN, token), {"Name": "name", "Values": [self.image_name]}]
        answer = self.connection.call("find image", "describe_images", Owners=MINE, Filters=filters)
        return [image["ImageId"] for image in answer.get("Images", [])]

    def create(self, token: str) -> str:
        """Take the place; may be done again after it was cut short anywhere.

        :raises Kept: when the old image stays.
        """
        for old in self.terms["old"]:
            self._remove(old)
        final = self._register(token)
        staged = self.terms["staged"]
        if self._there(staged):
            deregister(self.connection, staged)
        return final

    def finish(self, final: str) -> None:
        """All that is to be done of the image in its place."""
        params = self.terms["params"]
        snapshots = snapshots_of(self.describe(final))
        sharing.describe(self.connection, final, params)
        sharing.open_to(self.connection, final, snapshots, params)
        self.clean()
        unmark(self.connection, final, snapshots)
        sharing.protect(self.connection, final, params)

    def clean(self) -> None:
        """Remove the snapshots of the old image, but not from under another image that is made of the same.

        :raises Busy: when EC2 does not know yet that the old image is gone.
        """
        for snapshot in self.terms["snapshots"]:
            try:
                insist(self.connection, f"delete snapshot {snapshot}", "delete_snapshot", SnapshotId=snapshot)
            except Busy:
                if not self._used(snapshot):
                    raise

    def delete(self, identifier: str | None, token: str) -> None:
        """Finish it, because only the new image can stand under the name; or remove it where the old one stays."""
        try:
            final = identifier or self.create(token)
        except Kept:
            super().delete(self.terms["staged"], token)
        else:
            self.finish(final)

    def rehearse(self) -> None:
        """Ask whether all of it would be let through.

        :raises HallmarkError: naming the call that would not.
        """
        staged = self.terms["staged"]
        play = Replacement(self.name, Rehearsal.of(self.connection), self.image_name, self.terms)
        play.create("rehearsal")
        play.finish(staged)

    def _there(self, image: str) -> bool:
        return self.describe(image).get("State", "deregistered") != "deregistered"

    def _remove(self, old: str) -> None:
        if not self._there(old):  # it was there for long, so this can be believed
            return
        try:
            insist(self.connection, f"deregister image {old}", "deregister_image", ImageId=old)
        except ApiError as error:
            if not error.denied and error.code != PROTECTED:
                raise
            # Who may remove what has a tag is also refused what is gone and has none; and that may show only later.
            for pause in remote.LOOKS:
                time.sleep(pause)
                if not self._there(old):
                    return
            raise Kept(str(error)) from None

    def _register(self, token: str) -> str:
        found = self.find(token)
        if found:
            return found[0]
        request = request_of(self.connection, self._staged(), self.image_name)
        deadline = time.monotonic() + NAME_IS_FREE
        while True:
            try:
                return self.connection.call(f"register image {self.image_name}", "register_image", **request)["ImageId"]
            except ApiError as error:
                if error.code != Capture.duplicate:
                    raise
                # It is ours, when an answer was lost; or the name of what was just deregistered is not free yet.
                found = self.find(token)
                if found:
                    return found[0]
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def _staged(self) -> dict[str, Any]:
        found = self.describe(self.terms["staged"])
        if not found:
            raise HallmarkError(f"image {self.terms['staged']}, which is to become {self.image_name}: is gone")
        return found

    def _used(self, snapshot: str) -> bool:
        """Whether an image that is not among the old ones is made of a snapshot."""
        filters = [{"Name": "block-device-mapping.snapshot-id", "Values": [snapshot]}]
        answer = self.connection.call("use of snapshots", "describe_images", Owners=MINE, Filters=filters)
        return any(image["ImageId"] not in self.terms["old"] for image in answer.get("Images", []))


def named(connection: Connection, name: str) -> list[dict[str, Any]]:
    """The account's own images of a name: at most one, but what is being removed may still show."""
    filters = [{"Name": "name", "Values": [name]}, {"Name": "state", "Values": ["available", "pending", "disabled"]}]
    return connection.call("image names", "describe_images", Owners=MINE, Filters=filters).get("Images", [])


def staging_name(name: str, build: str) -> str:
    """The name that the new image has until it takes the place of the old one."""
    return f"{name[: 127 - len(build)]}-{build}"


def check_replaceable(connection: Connection, old: dict[str, Any]) -> None:
    """Refuse to replace an image that is in use or protected, or that may not be removed.

    :raises HallmarkError: naming what uses it, or the call that would be refused.
    """
    image = old["ImageId"]
    where = f"replace: {image} in {connection.region}"
    if not str(old.get("DeregistrationProtection") or "disabled").startswith("disabled"):
        raise HallmarkError(f"{where} is protected against deregistration", "another name, or lift its protection")
    found = users(connection, image)
    if found:
        raise HallmarkError(f"{where} is in use by {', '.join(found)}", "another name, or end its use first")
    play = Rehearsal.of(connection)
    play.call(f"{where}: deregister it", "deregister_image", ImageId=image)
    for snapshot in snapshots_of(old):
        play.call(f"{where}: delete {snapshot}", "delete_snapshot", SnapshotId=snapshot)


def check_licence(thing: dict[str, Any], name: str) -> None:
    """Refuse to replace by an image that a new registration would rob of its licence.

    :param thing: the machine that is captured, or the captured image, as EC2 describes it.
    :raises HallmarkError: when it has one.
    """
    platform = thing.get("PlatformDetails") or "Linux/UNIX"
    codes = [code.get("ProductCodeId", "") for code in thing.get("ProductCodes", [])]
    if codes or platform != "Linux/UNIX":
        what = f"{platform}{' with product codes ' if codes else ''}{', '.join(codes)}"
        raise HallmarkError(f"replace: what is to become {name} is {what}", "another name: its licence would be lost")


def unmark(connection: Connection, image: str, snapshots: list[str]) -> None:
    """From here on nothing that looks for expired things takes an image for one."""
    things, expiry = [image, *snapshots], [{"Key": tags.EXPIRES}]
    connection.call(f"image {image}: tags", "delete_tags", Resources=things, Tags=expiry)
