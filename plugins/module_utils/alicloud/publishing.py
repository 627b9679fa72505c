# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one captured image to images that others use: copies, shares, and name and family last of all."""

from __future__ import annotations

import functools
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import replacing, sharing
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.capture import COMPLETE, Capture
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.replacing import Replacement
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.snapshots import DiskSnapshot, snapshots_of
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import undo
from ansible_collections.hallmark.images.plugins.module_utils.build.remote_images import RemoteImages, state_after
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter


class Images(RemoteImages):
    """The images of one machine.

    :param params: the options of alicloud_image.
    :param snapshot: of the system disk, where the captured one is made of that.
    """

    def __init__(
        self,
        ledger: Ledger,
        params: dict[str, Any],
        home: Capture,
        copies: list[Capture],
        snapshot: DiskSnapshot | None = None,
    ) -> None:
        super().__init__(ledger, home, copies, params["keep_in_build_region"])
        self.params = params
        self.snapshot = snapshot

    def replacement(self, image: Capture) -> Replacement | None:
        """The way of an image into the place of an old one, when it has begun it and not been released."""
        entry = self.entry(image)
        terms = entry.spec.get(replacing.TERMS) if entry and not entry.gone else None
        return Replacement(image.name, image.connection, image.image_name, terms) if terms else None

    def identifier(self, image: Capture) -> str:
        entry = self.entry(image)
        if not entry or entry.identifier:
            return (entry.identifier if entry else None) or ""
        # Cut short when it was about to take the place of another, it is what it was.
        return entry.spec.get(replacing.TERMS, {}).get("staged", "")

    def facts(self, found: dict[str, Any]) -> dict[str, Any]:
        return {
            "snapshots": snapshots_of(found),
            "architecture": found.get("Architecture", ""),
            "boot_mode": found.get("BootMode", ""),
            "family": found.get("ImageFamily", ""),
        }

    def available(self, image: Capture) -> bool:
        return self.describe(image).get("Status") in COMPLETE

    def published(self) -> bool:
        """Whether all are where others find them; whether they still are, only the API knows."""
        there = all(self.released(image) and self._finished(image) for image in self.kept)
        return there and (self.keep_home or self.released(self.home))

    def _finished(self, image: Capture) -> bool:
        found = self.describe(image)
        if found.get("Status") not in COMPLETE or found.get("ImageName") != image.image_name:
            return False
        if self.params["family"] not in (None, found.get("ImageFamily")):
            return False
        return not any(sharing.changes(image.connection, found["ImageId"], self.params))


def publish(images: Images, waiter: Waiter) -> None:
    """Copy, and when every image is complete, open them to others. May be done again after it was cut short.

    :raises HallmarkError: when a copy or a share fails; nothing has taken the place of an older image then.
    """
    params = images.params
    images.copy(waiter)
    found = [(image, images.identifier(image)) for image in images.kept]
    for image, identifier in found:
        entry = images.entry(image)
        image.label_snapshots(identifier, entry.token if entry else "")
    # All are checked before the first is shared or takes its place: an old image stays in every region or in none.
    steps = {image.key: step for image, identifier in found if (step := _replacement(images, image, identifier))}
    # No share before every image is complete, everywhere.
    for image, identifier in found:
        sharing.share(image.connection, identifier, params)
    for image, dummy in found:
        if image.key in steps:
            _take_place(images, image, steps[image.key])
    for step in steps.values():
        waiter.wait(f"snapshots that {step.place} replaces", functools.partial(state_after, step.clean))
    # Whoever finishes one that took a place looks no further than until it is released.
    for step in steps.values():
        step.join_family()
    for image, identifier in found:
        if image.key not in steps:
            replacing.unmark(image.connection, identifier, snapshots_of(image.describe(identifier)))
        _release(images, image)
    for image, identifier in found:
        if params["family"] and image.key not in steps:
            replacing.join_family(image.connection, identifier, params["family"], params["deprecate_previous"])
    if not images.keep_home:
        _remove_home(images, waiter)


def _replacement(images: Images, image: Capture, identifier: str) -> Replacement | None:
    """How an image gets its name, where it does not have it yet.

    :raises HallmarkError: when it must not or may not; nothing has happened then.
    """
    begun = images.replacement(image)
    if begun or images.released(image) or image.describe(identifier).get("ImageName") == image.image_name:
        return begun
    return replacing.replacement_of(image.connection, image, identifier, images.params)


def _take_place(images: Images, image: Capture, step: Replacement) -> None:
    with images.ledger.lock():
        entry = images.entry(image)
        if not entry:
            return
        if not images.replacement(image):
            if images.snapshot and image is images.home:
                # It goes with the image, or stays with it.
                images.ledger.append("released", kind=images.snapshot.kind, name=images.snapshot.name)
            images.ledger.intent(step.kind, step.name, entry.token, step.spec())
        final = step.create(entry.token)
        images.ledger.append("created", kind=step.kind, name=step.name, id=final)


def _release(images: Images, image: Capture) -> None:
    images.ledger.append("released", kind=image.kind, name=image.name)
    if images.snapshot and image is images.home:
        images.ledger.append("released", kind=images.snapshot.kind, name=images.snapshot.name)


def _remove_home(images: Images, waiter: Waiter) -> None:
    """The copies are all that was wanted."""
    there = {image.key: image for image in (images.snapshot, images.home) if image}
    entries = [entry for entry in images.ledger.read().open_entries() if entry.key in there]
    left = undo(images.ledger, lambda kind, name, spec: there[f"{kind}/{name}"], entries, waiter.left())
    if left:
        raise HallmarkError(f"published, but left {left[0]}", "run the play again, or reap")
