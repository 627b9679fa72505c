# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The things of an emulated Alibaba Cloud, and its time."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

from emulators.alicloud.accounts import ACCOUNT, Accounts
from emulators.alicloud.errors import ApiError
from emulators.alicloud.policies import Demand
from emulators.alicloud.relays import Relay
from emulators.common import world
from emulators.machines import Machines


@dataclasses.dataclass
class Delays:
    """How many seconds pass before a state is reached; 0 for at once.

    :ivar vpc: from CreateVpc to Available.
    :ivar vswitch: from CreateVSwitch to Available.
    :ivar running: from RunInstances to Running: half of it Pending, then Stopped for a moment, then Starting. From
        CreateInstance to Stopped, and from StartInstance to Running: half of it.
    :ivar stopped: from StopInstance to Stopped (a machine behind the instance must also have ended).
    :ivar released: from DeleteInstance until the instance holds nothing any longer; it is not listed from the start.
    :ivar eip: how long an EIP is Associating or Unassociating.
    :ivar snapshot: from CreateSnapshot to accomplished (a machine's disk must also be kept).
    :ivar image: the same from CreateImage to Available.
    :ivar copy: the same from CopyImage.
    :ivar not_found: for how long what was just created is not found by its id or name, and not listed.
    :ivar console: after how long GetInstanceConsoleOutput shows what the machine printed.
    """

    vpc: float = 0.0
    vswitch: float = 0.0
    running: float = 0.0
    stopped: float = 0.0
    released: float = 0.0
    eip: float = 0.0
    snapshot: float = 0.0
    image: float = 0.0
    copy: float = 0.0
    not_found: float = 0.0
    console: float = 0.0


@dataclasses.dataclass
class Thing:
    """Something in an account.

    :cvar KIND: as in its resource name (ARN), and as type of resource in the actions on tags.
    :cvar PRODUCT: that it belongs to.
    :cvar PREFIX: of its id.
    :cvar MISSING: status, code and message of the error when there is none.
    :ivar born: by the emulator's clock.
    """

    KIND: ClassVar[str]
    PRODUCT: ClassVar[str] = "ecs"
    PREFIX: ClassVar[str]
    MISSING: ClassVar[tuple[int, str, str]]
    #: Attributes that belong to no description of it.
    HIDDEN: ClassVar[set[str]] = {"born", "made", "id", "region", "account"}

    id: str
    region: str
    account: str
    made: datetime
    born: float
    name: str = ""
    description: str = ""
    group: str = ""
    state: str = ""
    tags: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its name in the whole of Alibaba Cloud."""
        return f"acs:{self.PRODUCT}:{self.region}:{self.account}:{self.KIND}/{self.id}"

    def traits(self) -> dict[str, Any]:
        """What it is like, without what is empty."""
        found = dataclasses.asdict(self)
        return {
            name: value for name, value in found.items() if name not in self.HIDDEN and value not in ("", [], {}, None)
        }

    @property
    def listed(self) -> bool:
        """Whether calls find it; it may hold what it uses although they do not."""
        return True

    def stamp(self, seconds: bool = False) -> str:
        """When it was made: ECS tells minutes, VPC seconds."""
        return moment(self.made, seconds)


Kind = TypeVar("Kind", bound=Thing)


def moment(when: datetime, seconds: bool = False) -> str:
    """A time as the APIs write it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ" if seconds else "%Y-%m-%dT%H:%MZ")


class World(world.World):
    """All accounts and regions.

    :ivar sold_out: pairs of zone and instance type that have no stock; ``*`` for any.
    :ivar no_disks: pairs of zone and disk category that has no stock there.
    :ivar quotas: kind of thing (`Thing.KIND`) → how many of them an account may have in a region.
    :ivar keys: ids of KMS keys → region.
    :ivar encrypted_by_default: region → the key with which every new disk and copy there is encrypted.
    :ivar demands: all that RAM was asked, in order.
    """

    delays: Delays

    def __init__(self, delays: Delays, machines: Machines | None, region: str) -> None:
        super().__init__(delays, machines)
        self.region = region
        self.accounts = Accounts()
        self.things: dict[str, Thing] = {}
        self.sold_out: set[tuple[str, str]] = set()
        self.no_disks: set[tuple[str, str]] = set()
        self.quotas: dict[str, int] = {}
        self.keys: dict[str, str] = {}
        self.encrypted_by_default: dict[str, str] = {}
        self.demands: list[Demand] = []
        self.relays: dict[str, Relay] = {}

    def time(self) -> datetime:
        """The time of day by the emulator's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def make(self, kind: type[Kind], region: str, account: str = ACCOUNT, **fields: Any) -> Kind:
        """Let there be a thing.

        :raises ApiError: when the account has as many as it may have. The codes are from memory for some kinds.
        """
        quota = self.quotas.get(kind.KIND)
        if quota is not None and sum(thing.account == account for thing in self.all(kind, region)) >= quota:
            word = {"securitygroup": "SecurityGroup", "keypair": "KeyPair", "vswitch": "VSwitch"}.get(
                kind.KIND, kind.KIND.capitalize()
            )
            start = "QuotaExceed" if kind.PRODUCT == "ecs" else "QuotaExceeded"
            code = "QuotaExceed.ElasticQuota" if kind.KIND == "instance" else f"{start}.{word}"
            raise ApiError(403 if kind.PRODUCT == "ecs" else 400, code, f"The {word} quota exceeds.")
        identifier = f"{kind.PREFIX}-{secrets.token_hex(10)}"
        thing = kind(identifier, region, account, self.time(), self.now(), **fields)
        self.things[identifier] = thing
        return thing

    def all(self, kind: type[Kind], region: str = "") -> list[Kind]:
        """All things of a kind, the oldest first."""
        found = [thing for thing in self.things.values() if isinstance(thing, kind)]
        return [thing for thing in found if not region or thing.region == region]

    def old(self, thing: Thing) -> bool:
        """Whether a thing exists long enough to be found."""
        return self.now() - thing.born >= self.delays.not_found

    def close(self) -> None:
        """See World."""
        for relay in self.relays.values():
            relay.close()
        super().close()

    def drop(self, thing: Thing) -> None:
        """Let a thing be gone."""
        self.things.pop(thing.id, None)

    def tags_of(self, values: Iterator[str]) -> dict[str, dict[str, str]]:
        """The tags of the things that a call names, by id or, of key pairs, by name."""
        names = {thing.name: thing for thing in self.things.values() if thing.KIND == "keypair"}
        found = {value: self.things.get(value) or names.get(value) for value in values}
        return {value: dict(thing.tags) for value, thing in found.items() if thing is not None}
