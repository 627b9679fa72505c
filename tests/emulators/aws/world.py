# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the emulator knows beyond moto: time, the machines behind instances, and what was asked before."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow

from emulators.common import world
from emulators.machines import Machines


@dataclasses.dataclass
class Delays:
    """How many seconds pass before a state is reached; 0 for at once.

    :ivar running: from RunInstances or StartInstances to running.
    :ivar stopped: from StopInstances to stopped (a machine behind the instance must also have ended).
    :ivar terminated: from TerminateInstances to terminated; until then the instance holds its volumes, network
        interfaces and security groups.
    :ivar image: from CreateImage to available (a machine's disk must also be kept); the snapshots' progress grows.
    :ivar copy: the same for CopyImage and CopySnapshot.
    :ivar snapshot: the same for CreateSnapshot.
    :ivar not_found: for how long what was just created is not found by its id or name, and not listed.
    :ivar name: for how long the name of a deregistered image is not free.
    :ivar in_use: for how long the snapshots of a deregistered image count as in use.
    :ivar profile: for how long RunInstances does not know an instance profile that IAM just got.
    :ivar console: after how long GetConsoleOutput shows what the machine printed; at once with Latest.
    :ivar password: after how long GetPasswordData has a password.
    """

    running: float = 0.0
    stopped: float = 0.0
    terminated: float = 0.0
    image: float = 0.0
    copy: float = 0.0
    snapshot: float = 0.0
    not_found: float = 0.0
    name: float = 0.0
    in_use: float = 0.0
    profile: float = 0.0
    console: float = 0.0
    password: float = 0.0


class World(world.World):
    """The world behind moto, which is not made for threads: all accounts and regions."""

    delays: Delays

    def __init__(self, delays: Delays, machines: Machines | None) -> None:
        super().__init__(delays, machines)
        #: Code of a quota → its value, where it is not what moto says.
        self.quotas: dict[str, float] = {}
        #: Id of an image → ARNs of what refers to it, where moto has no such thing: recipes of Image Builder.
        self.references: dict[str, list[str]] = {}
        #: Region and name of a deregistered image, or id of a snapshot of one → until when EC2 does not let go of it.
        self.held: dict[tuple[str, str], float] = {}
        self._born: dict[str, float] = {}

    def age(self, since: datetime) -> float:
        """How many seconds ago something was made, by moto's time (UTC without saying so)."""
        return (utcnow() - since).total_seconds() + self.ahead

    def hold(self, region: str, name: str, seconds: float) -> None:
        """Do not let go of the name, or the snapshot, of a deregistered image for a while."""
        self.held[region, name] = self.now() + seconds

    def holds(self, region: str, name: str) -> bool:
        """Whether the name, or the snapshot, of a deregistered image is still taken."""
        return self.held.get((region, name), 0.0) > self.now()

    # What was just created is not found for a while.

    def remember(self, names: Iterator[str]) -> None:
        """Note that these ids, or names of key pairs, exist since now."""
        if self.delays.not_found > 0:
            self._born |= dict.fromkeys(names, self.now())

    def young(self) -> set[str]:
        """What exists too short a time to be found."""
        now = self.now()
        self._born = {name: born for name, born in self._born.items() if now - born < self.delays.not_found}
        return set(self._born)

    @contextmanager
    def hidden(self, backend: Any) -> Iterator[None]:
        """Take what is too young out of moto's stores for the time of one call that lists."""
        young = self.young()
        taken: list[tuple[dict[str, Any], str, Any]] = []
        for store in stores(backend).values() if young else ():
            taken += [(store, name, store.pop(name)) for name in list(store) if name in young]
            for inner in [inner for inner in store.values() if isinstance(inner, dict)]:
                taken += [(inner, name, inner.pop(name)) for name in list(inner) if name in young]
        reservations = backend.reservations if young else {}
        for name, reservation in list(reservations.items()):
            if any(instance.id in young for instance in reservation.instances):
                taken.append((reservations, name, reservations.pop(name)))
        try:
            yield
        finally:
            for store, name, thing in taken:
                store[name] = thing


def stores(backend: Any) -> dict[str, dict[str, Any]]:
    """moto's stores of one region of one service: name → id or name → thing."""
    left_out = {"reservations", "tags", "attachments"}
    return {name: value for name, value in vars(backend).items() if isinstance(value, dict) and name not in left_out}


NEW_ID = re.compile(
    r"<(?:instanceId|imageId|snapshotId|volumeId|groupId|networkInterfaceId|keyPairId|keyName|allocationId)>([^<]+)</"
)


def created(answer: str, params: dict[str, Any]) -> Iterator[str]:
    """The ids and names in the answer to a call that creates, which were not in the call, and a new key pair's name."""
    given = {str(value) for name, value in params.items() if name != "KeyName"}
    return iter(set(NEW_ID.findall(answer)) - given)
