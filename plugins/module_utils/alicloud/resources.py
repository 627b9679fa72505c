# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a builder on Alibaba Cloud is made of besides its instance: key pair, network, firewall and public address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import kinds, tags
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import Remote, after_creation, patiently
from ansible_collections.hallmark.images.plugins.module_utils.build.remote_key import ImportedKey
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import (
    FAILED,
    GONE,
    PENDING,
    READY,
    Busy,
    State,
)


def grouped(resource_group: str | None) -> dict[str, str]:
    """The parameter for a resource group; empty for the account's default."""
    return {"ResourceGroupId": resource_group} if resource_group else {}


class RemoteKey(ImportedKey):
    """A key pair made on this computer, of which Alibaba Cloud gets the public half only."""

    resource_group: str | None = None

    def put(self, public: bytes, labels: dict[str, str]) -> None:
        """Import it."""
        self.connection.call(
            f"import key pair {self.key_name}",
            "ImportKeyPair",
            KeyPairName=self.key_name,
            PublicKeyBody=public.decode("ascii").strip(),
            Tag=tags.as_list(labels),
            **grouped(self.resource_group),
        )

    def take(self) -> None:
        """Delete it."""
        kinds.KEY.removed(self.connection, self.key_name)

    def find(self, token: str) -> list[str]:
        return kinds.KEY.with_token(self.connection, token)


class Thing(Remote):
    """A thing that has a status, and that its create call tags.

    :cvar of: its kind.
    :cvar ready: the statuses in which it can be used; empty where it has none.
    :param make: gives the parameters of its create call when it is created, all but token and tags.
    """

    of: kinds.Kind
    make_call: str
    ready: tuple[str, ...] = ("Available",)

    def __init__(
        self,
        name: str,
        connection: Connection,
        make: Callable[[], dict[str, Any]] = dict,
        labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, connection, labels)
        self.make = make

    def create(self, token: str) -> str:
        self.shown = False
        answer = patiently(
            self.connection,
            f"create {self.kind} of machine {self.name}",
            self.make_call,
            product=self.of.product,
            ClientToken=token,
            Tag=tags.as_list(self.tags_with(token)),
            **self.make(),
        )
        return answer[self.of.identity]

    def describe(self, identifier: str) -> dict[str, Any]:
        """What is said of it; empty when nothing is (yet)."""
        return self.of.look(self.connection, identifier)

    def state(self, identifier: str) -> State:
        thing = self.describe(identifier)
        if not thing:
            return State(GONE, "is gone") if self.shown else State(PENDING, "does not show yet")
        self.shown = True
        status = thing.get("Status", "")
        if not self.ready or status in self.ready:
            return State(READY)
        return State(PENDING, f"is {status}")

    def find(self, token: str) -> list[str]:
        return self.of.with_token(self.connection, token)

    def delete(self, identifier: str | None, token: str) -> None:
        for found in self.ids(identifier, token):
            self.of.removed(self.connection, found)


class Vpc(Thing):
    """A network of its own."""

    kind, of, make_call = "vpc", kinds.VPC, "CreateVpc"

    def plan(self) -> dict[str, Any]:
        return {**super().plan(), **({} if self.known else {"cidr": self.make()["CidrBlock"]})}


class VSwitch(Thing):
    """A part of a network, in one zone.

    :param number: which one of the machine's, from 1.
    """

    of, make_call = kinds.VSWITCH, "CreateVSwitch"

    def __init__(
        self,
        name: str,
        connection: Connection,
        number: int = 1,
        make: Callable[[], dict[str, Any]] = dict,
        labels: dict[str, str] | None = None,
        where: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(name, connection, make, labels)
        self.kind = "vswitch" if number == 1 else f"vswitch-{number}"
        self.where = where or {}

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), "number": int(self.kind.partition("-")[2] or 1)}

    def plan(self) -> dict[str, Any]:
        return {**super().plan(), **self.where}


class SecurityGroup(Thing):
    """The firewall: one port from a few networks, and whatever the guest wants to reach.

    :param port: the one port.
    :param cidrs: the networks that may connect, asked for when it is created.
    """

    kind, of, make_call, ready = "firewall", kinds.FIREWALL, "CreateSecurityGroup", ()

    def __init__(
        self,
        name: str,
        connection: Connection,
        make: Callable[[], dict[str, Any]] = dict,
        port: int = 22,
        cidrs: Callable[[], list[str]] = list,
        labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, connection, make, labels)
        self.port = port
        self.cidrs = cidrs

    def plan(self) -> dict[str, Any]:
        return super().plan() if self.known else {**super().plan(), "port": self.port, "cidrs": self.cidrs()}

    def create(self, token: str) -> str:
        identifier = super().create(token)
        with after_creation():
            patiently(
                self.connection,
                f"open port {self.port} of {identifier}",
                "AuthorizeSecurityGroup",
                SecurityGroupId=identifier,
                ClientToken=token,
                Permissions=[permission(self.port, cidr) for cidr in self.cidrs()],
            )
        return identifier


def permission(port: int, cidr: str) -> dict[str, str]:
    """A rule that lets a network in at one port."""
    source = "Ipv6SourceCidrIp" if ":" in cidr else "SourceCidrIp"
    return {"IpProtocol": "TCP", "PortRange": f"{port}/{port}", source: cidr, "Policy": "Accept"}


class Eip(Thing):
    """A public address of its own (an elastic IP address)."""

    kind, of, make_call, ready = "address", kinds.EIP, "AllocateEipAddress", ("Available", "InUse")


class Association(Remote):
    """An elastic IP address at an instance.

    :param pair: gives the ids of the address and the instance, when they are there.
    """

    kind = "association"

    def __init__(self, name: str, connection: Connection, pair: Callable[[], tuple[str, str]]) -> None:
        super().__init__(name, connection)
        self.pair = pair

    def spec(self) -> dict[str, Any]:
        address, instance = self.pair()
        return {**super().spec(), "address": address, "instance": instance}

    def create(self, token: str) -> str:
        address, instance = self.pair()
        patiently(
            self.connection,
            f"associate {address} with {instance}",
            "AssociateEipAddress",
            product="Vpc",
            ClientToken=token,
            **self._both(),
        )
        return address

    def state(self, identifier: str) -> State:
        thing = kinds.EIP.look(self.connection, identifier)
        if not thing:
            return State(FAILED, f"{identifier} is gone")
        there = thing.get("InstanceId") == self.pair()[1]
        if there and thing.get("Status") == "InUse":
            return State(READY)
        return State(PENDING, f"{identifier} is {thing.get('Status')}")

    def find(self, token: str) -> list[str]:
        return [self.pair()[0]]

    def delete(self, identifier: str | None, token: str) -> None:
        address, instance = self.pair()
        thing = kinds.EIP.look(self.connection, address)
        if thing.get("InstanceId") != instance or thing.get("Status") == "Available":
            return
        if thing.get("Status") == "InUse":
            what = f"take {address} from {instance}"
            self.connection.call(what, "UnassociateEipAddress", product="Vpc", **self._both())
        raise Busy(f"{address} is being taken from {instance}")

    def _both(self) -> dict[str, str]:
        address, instance = self.pair()
        return {"AllocationId": address, "InstanceId": instance, "InstanceType": "EcsInstance"}
