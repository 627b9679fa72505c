# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

PENDING, READY, FAILED, GONE = "pending", "ready", "failed", "gone"


@dataclass(frozen=True)
class State:
    """What the waiter polls.

    :param status: one of pending, ready, failed, gone.
    :param reason: why it failed, or what it waits for.
    :param percent: progress 0 to 100 where the platform tells.
    """

    status: str
    reason: str = ""
    percent: float | None = None


class Busy(Exception):
    """A resource cannot be deleted yet because something else still uses it; try again later."""


class Resource(ABC):
    """One thing that a build creates and must remove: key pair, firewall, network, disk, machine.

    The four verbs are all that the rest of the collection knows of a platform.

    :cvar kind: the sort of thing, for example ``disk``.
    :ivar name: which one within the build, for example ``builder``; kind and name together are unique in a build.
    :ivar refused: whether it was refused when it was to be created, so that nothing of it can show late.
    """

    kind: str
    refused = False

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def key(self) -> str:
        """How the ledger names it: ``kind/name``."""
        return f"{self.kind}/{self.name}"

    def spec(self) -> dict[str, Any]:
        """What the ledger must know to delete it when only the ledger is left. JSON-able, never a secret."""
        return {}

    def plan(self) -> dict[str, Any]:
        """What would be created, for check mode and diff. No side effect.

        :raises HallmarkError: on bad input.
        """
        return {"kind": self.kind, "name": self.name}

    @abstractmethod
    def create(self, token: str) -> str:
        """Create it and return its id. The token is the client token that the ledger already holds.

        An ApiError that it raises may say ``refused`` only when nothing was made.
        """

    def state(self, identifier: str) -> State:
        """Its present state; ``ready`` at once for what has no life of its own."""
        return State(READY)

    @abstractmethod
    def delete(self, identifier: str | None, token: str) -> None:
        """Remove it: by id, else by token. Idempotent: what is gone already is success.

        :raises Busy: when it must be tried again later.
        """


class Provider(Protocol):
    """A platform, seen from ``run_builder``; ``interval`` is the longest pause between two polls, in seconds."""

    interval: float

    def resources(self) -> list[Resource]:
        """What a builder needs, in the order of creation."""

    def restore(self, kind: str, name: str, spec: dict[str, Any]) -> Resource:
        """The resource that a ledger entry speaks of, for deleting it."""

    def worth_another_try(self, error: Exception) -> bool:
        """Whether a machine that did not come up for this reason may come up when it is launched once more."""

    def wait_ready(self, identifiers: dict[str, str], waiter: Any) -> dict[str, Any]:
        """Wait until the guest can be used; return what ``run_builder`` adds to the result (``guest``, ...)."""
