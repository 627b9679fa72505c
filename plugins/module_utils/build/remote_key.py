# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.files import KeyPair
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import Door, Remote
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import State


class ImportedKey(Remote):
    """A key pair made on this computer, of which a cloud gets the public half only.

    :param key_name: its name there, which holds the build's id.
    :param folder: where both halves are kept.
    :param algorithm: ``ed25519``, or ``rsa`` for Windows on AWS, whose password is encrypted with it.
    """

    kind = "key"

    def __init__(
        self,
        name: str,
        connection: Door,
        key_name: str,
        folder: Path,
        labels: dict[str, str] | None = None,
        algorithm: str = "ed25519",
    ) -> None:
        super().__init__(name, connection, labels)
        self.key_name = key_name
        self.local = KeyPair(name, folder, algorithm)
        self.private = self.local.private

    @abstractmethod
    def put(self, public: bytes, labels: dict[str, str]) -> None:
        """Import its public half."""

    @abstractmethod
    def take(self) -> None:
        """Delete it there, by name. One that does not exist is deleted already."""

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), "key_name": self.key_name, "paths": self.local.paths}

    def plan(self) -> dict[str, Any]:
        return {**super().plan(), "key_name": self.key_name, "type": self.local.algorithm}

    def create(self, token: str) -> str:
        self.local.delete(None, token)  # half a pair that an earlier run left is of no use
        self.local.create(token)
        public = Path(f"{self.private}.pub").read_bytes()
        try:
            self.put(public, self.tags_with(token))
        except ApiError as error:
            # A retry after a lost answer meets what the first call made; the token says whether it is ours.
            if not error.taken or self.key_name not in self.find(token):
                raise
        return self.key_name

    def state(self, identifier: str) -> State:
        return self.local.state(identifier)

    def delete(self, identifier: str | None, token: str) -> None:
        self.take()
        self.local.delete(None, token)
