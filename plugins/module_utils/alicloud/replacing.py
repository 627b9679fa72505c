# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Putting a new image in the place of an old one: of the same name, or as the one that its family stands for.

An account holds a name once in each region. So the new image is made, checked, copied and shared under a name of its
own; only when all of that has succeeded does the old one go, and the new one gets the name, under the id that it has.

From the moment the old image may be gone there is no way back. So the ledger then says of the new image how it takes
its place, and whoever undoes the build (the module itself, the janitor, reap) finishes that instead of removing it.
"""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import kinds, sharing, tags
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.capture import (
    COMPLETE,
    IMAGE,
    Capture,
    delete_image,
)
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.snapshots import snapshots_of
from ansible_collections.hallmark.images.plugins.module_utils.build import remote
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Busy

#: What stands in a ledger entry's spec of how an image takes its place.
TERMS = "replaces"
NAME_IS_FREE = 60.0  # s within which ECS lets go of the name of an image that was removed
PAUSE = 1.0


class Kept(HallmarkError):
    """The old image is there and may not be removed, or there is no new one, so nothing has been replaced."""


class Replacement(Capture):
    """An image on its way into the place of an old one. It has the key, the token and the id of the capture it is.

    :param terms: as the ledger holds them: `staged`, the image's id; `old`, the images that go, by their ids: the
        accounts that each is shared with; `snapshots`, those of theirs; `family` and `deprecate_previous`, the options.
    """

    def __init__(self, name: str, connection: Connection, image_name: str, terms: dict[str, Any]) -> None:
        super().__init__(name, connection, image_name)
        self.terms = terms

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), TERMS: self.terms}

    def create(self, token: str) -> str:
        """Take the place; may be done again after it was cut short anywhere.

        :raises Kept: when the old image stays.
        """
        staged = self.terms["staged"]
        if self._look(staged).get("Status") not in COMPLETE:
            raise Kept(f"image {staged}, which is to become {self.place}: is gone")
        for old, accounts in self.terms["old"].items():
            self._remove(old, accounts)
        self._rename()
        unmark(self.connection, staged, snapshots_of(self.describe(staged)))
        return staged

    def clean(self) -> None:
        """Remove the snapshots of the old image, but not from under what else is made of the same.

        :raises Busy: when ECS does not know yet that the old image is gone.
        """
        for snapshot in self.terms["snapshots"]:
            try:
                kinds.SNAPSHOT.removed(self.connection, snapshot)
            except Busy:
                if not self._used(snapshot):
                    raise

    def join_family(self) -> None:
        """Become the one that its family stands for, if it has one."""
        if self.terms["family"]:
            join_family(self.connection, self.terms["staged"], self.terms["family"], self.terms["deprecate_previous"])

    def delete(self, identifier: str | None, token: str) -> None:
        """Finish it, because only the new image can stand under the name; or remove it where the old one stays."""
        try:
            self.create(token)
        except Kept:
            super().delete(self.terms["staged"], token)
        else:
            self.clean()
            self.join_family()

    def rehearse(self) -> None:
        """Ask whether the new image may get the name.

        :raises HallmarkError: when it may not.
        """
        request = {"ImageId": self.terms["staged"], "ImageName": self.image_name}
        _rehearse(self.connection, f"name image {self.image_name}", "ModifyImageAttribute", **request)

    def _remove(self, old: str, accounts: list[str]) -> None:
        found = self.describe(old)
        if not found:  # it was there for long, so this can be believed
            return
        check_unused(self.connection, found, "replace")
        try:
            delete_image(self.connection, old)
        except (Busy, ApiError) as error:
            if isinstance(error, ApiError) and not error.denied:
                raise
            # Who may remove what has a tag is also refused what is gone and has none; and that may show only later.
            if not self._look_again(old):
                return
            # One that is shared is closed before it is removed.
            sharing.share(self.connection, old, {"launch_users": accounts, "unshare_users": []})
            raise Kept(f"replace: {error}", "another name, or end its use first") from None

    def _look_again(self, old: str) -> bool:
        """Whether an image is there again and again."""
        for pause in remote.LOOKS:
            time.sleep(pause)
            if not self.describe(old):
                return False
        return True

    def _rename(self) -> None:
        staged, deadline = self.terms["staged"], time.monotonic() + NAME_IS_FREE
        while self.describe(staged).get("ImageName") != self.image_name:
            try:
                what = f"name image {self.image_name}"
                self.connection.call(what, "ModifyImageAttribute", ImageId=staged, ImageName=self.image_name)
                return
            except ApiError as error:
                # The name of what was just removed may not be free yet.
                if not error.taken or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def _used(self, snapshot: str) -> bool:
        """Whether a disk, or an image that is not among the old ones, is made of a snapshot."""
        images = IMAGE.listed(self.connection, SnapshotId=snapshot)
        if any(image["ImageId"] not in self.terms["old"] for image in images):
            return True
        return "disk" in kinds.SNAPSHOT.look(self.connection, snapshot).get("Usage", "")


def named(connection: Connection, name: str) -> list[dict[str, Any]]:
    """The account's own images of a name: at most one, but what is being removed may still show."""
    found = IMAGE.listed(connection, ImageName=name)
    return [image for image in found if image["ImageName"] == name]  # a name may match as a part of others


def staging_name(name: str, build: str) -> str:
    """The name that the new image has until it takes the place of the old one."""
    return f"{name[: 127 - len(build)]}-{build}"


def free_name(connection: Connection, name: str, build: str) -> str:
    """The final name, or while an old image has that, another until it takes its place."""
    return staging_name(name, build) if named(connection, name) else name


def check_unused(connection: Connection, image: dict[str, Any], option: str) -> None:
    """Refuse to remove an image that is in use.

    :param option: what asks for it, for the message.
    :raises Kept: naming what uses it.
    """
    users = _users(connection, image)
    if users:
        where = f"{option}: {image['ImageId']} in {connection.region}"
        raise Kept(f"{where} is in use by {', '.join(users)}", "another name, or end its use first")


def check_replaceable(connection: Connection, old: dict[str, Any]) -> None:
    """Refuse to replace an image that is in use or that may not be removed. Whether its snapshots may be removed ECS
    cannot be asked: DeleteSnapshot has no DryRun.

    :raises HallmarkError: naming what uses it, or the call that would be refused.
    """
    image = old["ImageId"]
    check_unused(connection, old, "replace")
    where = f"replace: {image} in {connection.region}"
    accounts = shared_with(connection, old)
    if accounts:
        request = {"ImageId": image, "RemoveAccount": accounts[: sharing.AT_ONCE]}
        _rehearse(connection, f"{where}: close it", "ModifyImageSharePermission", **request)
    _rehearse(connection, f"{where}: remove it", "DeleteImage", ImageId=image)


def replacement_of(connection: Connection, image: Capture, staged: str, params: dict[str, Any]) -> Replacement:
    """How a complete image is to get its name. Nothing has happened then.

    :param staged: its id.
    :param params: the options of alicloud_image.
    :raises HallmarkError: when it must not or may not.
    """
    old = [found for found in named(connection, image.image_name) if found["ImageId"] != staged]
    for found in old:
        check_replaceable(connection, found)
    terms = {
        "staged": staged,
        "old": {found["ImageId"]: shared_with(connection, found) for found in old},
        "snapshots": [snapshot for found in old for snapshot in snapshots_of(found)],
        "family": params["family"],
        "deprecate_previous": params["deprecate_previous"],
    }
    step = Replacement(image.name, connection, image.image_name, terms)
    step.rehearse()
    return step


def shared_with(connection: Connection, image: dict[str, Any]) -> list[str]:
    """The accounts that an image is shared with."""
    shared = str(image.get("IsSelfShared", "")).lower() == "true"
    return sorted(sharing.accounts(connection, image["ImageId"])) if shared else []


def unmark(connection: Connection, image: str, snapshots: list[str]) -> None:
    """From here on nothing that looks for expired things takes an image for one, nor its snapshots."""
    for kind, ids in (("image", [image]), ("snapshot", snapshots)):
        if ids:
            request = {"ResourceType": kind, "ResourceId": ids, "TagKey": [tags.EXPIRES]}
            connection.call(f"image {image}: tags", "UntagResources", **request)


def join_family(connection: Connection, image: str, family: str, deprecate: bool) -> None:
    """Make an image the one that its family stands for, which is the newest.

    :param deprecate: whether to mark the account's other images of the family as deprecated.
    """
    connection.call(f"image {image}: family", "ModifyImageAttribute", ImageId=image, ImageFamily=family)
    for other in _available(connection, family) if deprecate else []:
        if other["ImageId"] != image:
            _deprecate(connection, other["ImageId"])


def _available(connection: Connection, family: str) -> list[dict[str, Any]]:
    found = IMAGE.listed(connection, ImageFamily=family)
    return [image for image in found if image.get("ImageFamily") == family and image["Status"] == "Available"]


def _deprecate(connection: Connection, image: str) -> None:
    try:
        connection.call(f"deprecate image {image}", "ModifyImageAttribute", ImageId=image, Status="Deprecated")
    except ApiError as error:
        # Others still use what is shared, so it cannot be; and what was removed meanwhile need not be.
        if error.code != "ImageUseShared" and not error.gone:
            raise


def _rehearse(connection: Connection, what: str, action: str, **parameters: Any) -> None:
    try:
        connection.allowed(what, action, **parameters)
    except ApiError as error:  # what else than a refusal it says in a rehearsal means nothing
        if error.denied:
            raise


def _users(connection: Connection, image: dict[str, Any]) -> list[str]:
    """Machines made of an image."""
    found = kinds.MACHINE.listed(connection, ImageId=image["ImageId"])
    users = sorted(instance["InstanceId"] for instance in found)
    return users or (["an instance"] if image.get("Usage") == "instance" else [])
