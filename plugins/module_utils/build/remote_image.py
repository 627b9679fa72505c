# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image in a cloud: made once, also when the answer to the call that makes it is lost."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import ApiError, HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import Remote


class RemoteImage(Remote):
    """An image with its snapshots.

    :param connection: account and region the image is in.
    :param image_name: its name.
    :param make: makes the call that creates it, told the client token and the tags as that call takes them; returns
        its id. None for one that is only removed.
    :param snapshot_labels: further tags of its snapshots alone.
    """

    kind = "capture"
    duplicate: ClassVar[str]  # the error code for a name that is taken

    def __init__(
        self,
        name: str,
        connection: Any,
        image_name: str,
        make: Callable[[str, list[dict[str, Any]]], str] | None = None,
        labels: dict[str, str] | None = None,
        snapshot_labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, connection, labels)
        self.image_name = image_name
        self.make = make
        self.snapshot_labels = snapshot_labels or {}

    @property
    def place(self) -> str:
        """Which image it is, and where, for messages."""
        return f"{self.image_name} in {self.connection.region}"

    @abstractmethod
    def describe(self, identifier: str) -> dict[str, Any]:
        """What the API says of it; empty when it says nothing (yet)."""

    @abstractmethod
    def specifications(self, token: str) -> list[dict[str, Any]]:
        """Its tags as the call that creates it takes them."""

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), "image_name": self.image_name}

    def plan(self) -> dict[str, Any]:
        return {**super().plan(), "image": self.image_name, "region": self.connection.region}

    def create(self, token: str) -> str:
        if not self.make:
            raise HallmarkError(f"{self.key}: only known from the ledger, so it cannot be made again")
        self.shown = False
        try:
            return self.make(token, self.specifications(token))
        except ApiError as error:
            # A retry after a lost answer may meet what the first call made; the token says whether it is ours.
            found = self.find(token) if error.code == self.duplicate else []
            if not found:
                raise
            return found[0]
