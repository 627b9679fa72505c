# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a builder on AWS is made of besides its instance: key pair and security group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import tags
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import (
    Remote,
    after_creation,
    insist,
    patiently,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.remote_key import ImportedKey
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import GONE, PENDING, READY, State


class RemoteKey(ImportedKey):
    """A key pair made on this computer, of which AWS gets the public half only."""

    def put(self, public: bytes, labels: dict[str, str]) -> None:
        """Import it."""
        self.connection.call(
            f"import key pair {self.key_name}",
            "import_key_pair",
            KeyName=self.key_name,
            PublicKeyMaterial=public,
            TagSpecifications=tags.specifications(labels, "key-pair"),
        )

    def take(self) -> None:
        """Delete it."""
        self.connection.call(f"delete key pair {self.key_name}", "delete_key_pair", KeyName=self.key_name)

    def find(self, token: str) -> list[str]:
        filters = [tags.by_tag(tags.TOKEN, token)]
        found = self.connection.call("find key pair", "describe_key_pairs", Filters=filters)["KeyPairs"]
        return [pair["KeyName"] for pair in found]


class SecurityGroup(Remote):
    """The firewall: one port from a few networks, and whatever the guest wants to reach.

    :param group_name: its name in the VPC.
    :param vpc: the VPC it is in, asked for when it is created.
    :param port: the one port.
    :param cidrs: the networks that may connect, asked for when it is created.
    """

    kind = "firewall"

    def __init__(
        self,
        name: str,
        connection: Connection,
        group_name: str,
        vpc: Callable[[], str] = str,
        port: int = 22,
        cidrs: Callable[[], list[str]] = list,
        labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, connection, labels)
        self.group_name = group_name
        self.vpc = vpc
        self.port = port
        self.cidrs = cidrs

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), "group_name": self.group_name}

    def plan(self) -> dict[str, Any]:
        if self.known:
            return super().plan()
        return {**super().plan(), "vpc": self.vpc(), "port": self.port, "cidrs": self.cidrs()}

    def create(self, token: str) -> str:
        labels = self.tags_with(token)
        self.shown = False
        try:
            identifier = self.connection.call(
                f"create security group {self.group_name}",
                "create_security_group",
                GroupName=self.group_name,
                Description=f"Temporary, of build {self.labels.get(tags.BUILD, '')}",
                VpcId=self.vpc(),
                TagSpecifications=tags.specifications(labels, "security-group"),
            )["GroupId"]
        except ApiError as error:
            found = self.find(token) if error.code == "InvalidGroup.Duplicate" else []
            if not found:
                raise
            identifier = found[0]
        with after_creation():
            self._admit(identifier, labels)
        return identifier

    def _admit(self, identifier: str, labels: dict[str, str]) -> None:
        cidrs = self.cidrs()
        permission = {
            "IpProtocol": "tcp",
            "FromPort": self.port,
            "ToPort": self.port,
            "IpRanges": [{"CidrIp": cidr} for cidr in cidrs if ":" not in cidr],
            "Ipv6Ranges": [{"CidrIpv6": cidr} for cidr in cidrs if ":" in cidr],
        }
        try:
            patiently(
                self.connection,
                f"open port {self.port} of {self.group_name}",
                "authorize_security_group_ingress",
                GroupId=identifier,
                IpPermissions=[permission],
                TagSpecifications=tags.specifications(labels, "security-group-rule"),
            )
        except ApiError as error:
            if error.code != "InvalidPermission.Duplicate":  # a retry met what the first call made
                raise

    def find(self, token: str) -> list[str]:
        filters = [tags.by_tag(tags.TOKEN, token)]
        found = self.connection.call("find security group", "describe_security_groups", Filters=filters)
        return [group["GroupId"] for group in found["SecurityGroups"]]

    def state(self, identifier: str) -> State:
        try:
            self.connection.call("security group", "describe_security_groups", GroupIds=[identifier])
        except ApiError as error:
            if not error.gone:
                raise
            return State(GONE, "is gone") if self.shown else State(PENDING, "does not show yet")
        self.shown = True
        return State(READY)

    def delete(self, identifier: str | None, token: str) -> None:
        for group in self.ids(identifier, token):
            insist(self.connection, f"delete security group {group}", "delete_security_group", GroupId=group)
