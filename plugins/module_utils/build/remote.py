# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Things in a cloud: how they are found again, and what is asked until the answer can be believed."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.labels import TOKEN
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Busy, Resource


class Door(Protocol):
    """A platform's connection."""

    def in_ledger(self) -> dict[str, Any]:
        """What stands in the ledger of it."""

    def call(self, what: str, operation: str, /, *more: Any, **arguments: Any) -> dict[str, Any]:
        """One call of the API."""


#: Pauses between looks for something whose create call gave no answer: what was made a moment ago may not show yet.
LOOKS = (0.0, 1.0, 2.0, 4.0)


def insist(connection: Door, what: str, operation: str, **arguments: Any) -> dict[str, Any] | None:
    """A call that removes something; None when that is not there.

    "Not found" is believed only when it is said again: it is also said of what was made a moment ago.

    :raises Busy: when something else still uses it.
    """
    for pause in LOOKS:
        time.sleep(pause)
        try:
            return connection.call(what, operation, **arguments)
        except ApiError as error:
            if error.busy:
                raise Busy(str(error)) from None
            if not error.gone:
                raise
    return None


def patiently(connection: Door, what: str, operation: str, **arguments: Any) -> dict[str, Any]:
    """A call that refers to what was made a moment ago, which may not show everywhere yet.

    :raises ApiError: when it is not found at last, or for any other reason at once.
    """
    refused, pauses = True, iter(LOOKS)
    while True:
        try:
            return connection.call(what, operation, **arguments)
        except ApiError as error:
            refused = error.refused = error.refused and refused
            pause = next(pauses, None)
            if not error.early or pause is None:
                raise
        time.sleep(pause)


@contextmanager
def after_creation() -> Iterator[None]:
    """For what ``create`` does after the call that makes the thing: when that is refused, the thing is there."""
    try:
        yield
    except ApiError as error:
        error.refused = False
        raise


class Remote(Resource):
    """A thing in the account of a cloud.

    :param connection: account and region it is in.
    :param labels: its tags, or what gives them; asked for only when it is created.
    """

    def __init__(self, name: str, connection: Door, labels: dict[str, str] | None = None) -> None:
        super().__init__(name)
        self.connection = connection
        self.labels = labels or {}
        self.known = False  # it is there already, so nothing is planned
        # "Not found" is said of what is gone, and of what this process made a moment ago and does not show yet.
        self.shown = True

    def spec(self) -> dict[str, Any]:
        return {"connection": self.connection.in_ledger()}

    def tags_with(self, token: str) -> dict[str, str]:
        """Its tags with the client token, by which it is found when the answer to its create call is lost."""
        return {**self.labels, TOKEN: token}

    @abstractmethod
    def find(self, token: str) -> list[str]:
        """The ids of what was created with a token."""

    def ids(self, identifier: str | None, token: str) -> list[str]:
        """The id, or what is found by the token where the ledger has none; looked for once where it was refused."""
        if identifier:
            return [identifier]
        for pause in LOOKS[:1] if self.refused else LOOKS:
            time.sleep(pause)
            found = self.find(token)
            if found:
                return found
        return []
