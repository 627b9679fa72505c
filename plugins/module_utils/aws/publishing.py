# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one captured image to images that others use: copies, what is said of them, and permissions last of all."""

from __future__ import annotations

import functools
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import replacing, sharing
from ansible_collections.hallmark.images.plugins.module_utils.aws.capture import Capture, snapshots_of
from ansible_collections.hallmark.images.plugins.module_utils.aws.replacing import Replacement
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import undo
from ansible_collections.hallmark.images.plugins.module_utils.build.remote_images import RemoteImages, state_after
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Busy
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter


class Images(RemoteImages):
    """The images of one machine.

    :param name: the name that they have in the end.
    """

    def __init__(self, ledger: Ledger, name: str, home: Capture, copies: list[Capture], keep_home: bool) -> None:
        super().__init__(ledger, home, copies, keep_home)
        self.name = name

    def replacement(self, image: Capture) -> Replacement | None:
        """The way of an image into the place of an old one, when it has begun it."""
        entry = self.entry(image)
        terms = entry.spec.get(replacing.TERMS) if entry else None
        return Replacement(image.name, image.connection, self.name, terms) if terms else None

    def identifier(self, image: Capture) -> str:
        entry = self.entry(image)
        if not entry or entry.identifier:
            return (entry.identifier if entry else None) or ""
        # Cut short while it took the place of another, it is under the one name or the other.
        replacement = self.replacement(image)
        found = replacement.find(entry.token) if replacement else []
        if replacement and not found and not entry.gone:
            return replacement.terms["staged"]
        return found[0] if found else ""

    def facts(self, found: dict[str, Any]) -> dict[str, Any]:
        return {
            "snapshots": snapshots_of(found),
            "architecture": found.get("Architecture", ""),
            "boot_mode": found.get("BootMode", ""),
            "tpm_support": found.get("TpmSupport", ""),
            "ena_support": bool(found.get("EnaSupport")),
        }

    def available(self, image: Capture) -> bool:
        return self.describe(image).get("State") == "available"

    def published(self, protection: str = "no") -> bool:
        """Whether all are where others find them; whether they still are, only the API knows.

        :param protection: whether they are to be protected, as the option says it.
        """

        def complete(found: dict[str, Any]) -> bool:
            protected = str(found.get("DeregistrationProtection", "")).startswith("enabled")
            there = found.get("State") == "available" and found.get("Name") == self.name
            return there and (protected or protection == "no")

        there = all(self.released(image) and complete(self.describe(image)) for image in self.kept)
        return there and (self.keep_home or self.released(self.home))


def publish(images: Images, params: dict[str, Any], waiter: Waiter) -> None:
    """Copy, and when every image is complete, open them to others. May be done again after it was cut short.

    :param params: the options of aws_image.
    :raises HallmarkError: when a copy fails, or an old image may not go; nothing is open to others then.
    """
    images.copy(waiter)
    # All of them are checked before the first takes its place: an old image stays in every region or in none.
    replacements = [step for image in images.kept if (step := _replacement(images, image, params))]
    for step in replacements:
        _take_place(images, step)
    found = [(image, image.connection, images.identifier(image)) for image in images.kept]
    snapshots = {image.key: snapshots_of(image.describe(identifier)) for image, dummy, identifier in found}
    for dummy, connection, identifier in found:
        sharing.describe(connection, identifier, params)
    for image, connection, identifier in found:
        sharing.open_to(connection, identifier, snapshots[image.key], params)
    for step in replacements:
        waiter.wait(f"snapshots that {step.place} replaces", functools.partial(state_after, step.clean))
    for image, connection, identifier in found:
        replacing.unmark(connection, identifier, snapshots[image.key])
    for image in images.kept:
        images.ledger.append("released", kind=image.kind, name=image.name)
    if not images.keep_home:
        entry = images.entry(images.home)
        if entry and not entry.gone:
            left = undo(images.ledger, lambda *dummy: images.home, [entry], waiter.left())
            if left:
                raise HallmarkError(f"published, but left {left[0]}", "run the play again, or reap")
    for dummy, connection, identifier in found:  # last of all: what is protected cannot be taken back
        sharing.protect(connection, identifier, params)


def _replacement(images: Images, image: Capture, params: dict[str, Any]) -> Replacement | None:
    """How an image gets the name, where it does not have it yet.

    :raises HallmarkError: when it must not or may not; nothing has happened then.
    """
    entry = images.entry(image)
    if not entry or entry.gone:
        return None
    begun = images.replacement(image)
    staged = image.describe(entry.identifier or "") if not begun else {}
    if begun or staged.get("Name") == images.name:
        return begun
    replacing.check_licence(staged, images.name)
    old = replacing.named(image.connection, images.name)
    for found in old:
        replacing.check_replaceable(image.connection, found)
    terms = {
        "staged": entry.identifier,
        "old": [found["ImageId"] for found in old],
        "snapshots": [snapshot for found in old for snapshot in snapshots_of(found)],
        "params": {name: params[name] for name in sharing.ARGUMENT_SPEC},
    }
    step = Replacement(image.name, image.connection, images.name, terms)
    step.rehearse()
    return step


def _take_place(images: Images, step: Replacement) -> None:
    with images.ledger.lock():
        entry, begun = images.entry(step), images.replacement(step)
        if not entry or (begun and entry.identifier):
            return
        if not begun:
            images.ledger.intent(step.kind, step.name, entry.token, step.spec())
        try:
            final = step.create(entry.token)
        except Busy as error:
            raise HallmarkError(str(error)) from None
        images.ledger.append("created", kind=step.kind, name=step.name, id=final)
