# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images that one machine becomes in a cloud: the captured one, and its copies in other regions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Entry, Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import create
from ansible_collections.hallmark.images.plugins.module_utils.build.remote_image import RemoteImage
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import PENDING, READY, Busy, State
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter, together


class RemoteImages(ABC):
    """The images of one machine, as the build's ledger and the API know them.

    :param ledger: the build's.
    :param home: the captured one, in the build's region.
    :param copies: those in other regions.
    :param keep_home: whether the captured one is published too, or only there to be copied.
    """

    def __init__(self, ledger: Ledger, home: RemoteImage, copies: Sequence[RemoteImage], keep_home: bool) -> None:
        self.ledger = ledger
        self.home = home
        self.copies = list(copies)
        self.keep_home = keep_home

    @property
    def all(self) -> list[Any]:
        """That of the build's region first."""
        return [self.home, *self.copies]

    @property
    def kept(self) -> list[Any]:
        """Those that are published."""
        return self.all if self.keep_home else self.copies

    def entry(self, image: RemoteImage) -> Entry | None:
        """What the ledger has of it."""
        return self.ledger.read().entries.get(image.key)

    def released(self, image: RemoteImage) -> bool:
        """Whether it is no longer the ledger's to remove."""
        entry = self.entry(image)
        return bool(entry and entry.gone)

    @abstractmethod
    def identifier(self, image: Any) -> str:
        """Its id; empty where there is none."""

    @abstractmethod
    def available(self, image: Any) -> bool:
        """Whether it is there and complete."""

    @abstractmethod
    def facts(self, found: dict[str, Any]) -> dict[str, Any]:
        """What the result says of an image besides its id, name and region.

        :param found: what the API says of it; empty when it is gone.
        """

    def describe(self, image: RemoteImage) -> dict[str, Any]:
        """What the API says of it; empty where there is none."""
        identifier = self.identifier(image)
        return image.describe(identifier) if identifier else {}

    def described(self) -> list[dict[str, Any]]:
        """What the result says of those that are there, and of published ones that are gone."""
        described = []
        for image in self.all:
            identifier = self.identifier(image)
            found = image.describe(identifier) if identifier else {}
            if found or (identifier and image in self.kept):
                where = {"id": identifier, "name": image.image_name, "region": image.connection.region}
                described.append({**where, **self.facts(found)})
        return described

    def captured(self) -> bool:
        """Whether there is no need for the machine any more."""
        if self.available(self.home):
            return True
        return not self.keep_home and all(self.released(image) for image in self.kept)

    def copy(self, waiter: Waiter) -> None:
        """Make the copies that are not there, each region by itself: all are started before any is waited for.

        :raises HallmarkError: when one fails.
        """
        waiting = [image for image in self.copies if not self.available(image)]
        ids = {image.key: create(self.ledger, image, waiter, wait=False)[0] for image in waiting}
        if waiting:
            waiter.wait("copies", lambda: together({image.place: image.state(ids[image.key]) for image in waiting}))


def state_after(action: Callable[[], None]) -> State:
    """Whether something could be done; it waits for what is busy."""
    try:
        action()
    except Busy as error:
        return State(PENDING, str(error))
    return State(READY)
