# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each kind of thing in an account is listed, known and removed: for those who make them as for reap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import tags
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import insist


@dataclass(frozen=True)
class Kind:
    """A kind of thing.

    :ivar product: of the API.
    :ivar describe: the call that lists it, with the names under which its answer has the things.
    :ivar identity: the name of an id, in the answer as in the call that removes it.
    :ivar remove: the call that removes it.
    :ivar more: further parameters of the call that lists it, and of the one that removes it.
    :ivar plural: the parameter that asks for several by a JSON array; empty where one is asked for by its identity.
    """

    product: str
    describe: str
    key: tuple[str, str]
    identity: str
    remove: str
    more: tuple[dict[str, Any], dict[str, Any]] = field(default=({}, {}))
    plural: str = ""

    def listed(self, connection: Connection, **filters: Any) -> list[dict[str, Any]]:
        """All things of this kind that match."""
        what = f"list {self.key[0]}"
        return connection.pages(what, self.describe, self.key, product=self.product, **self.more[0], **filters)

    def with_token(self, connection: Connection, token: str) -> list[str]:
        """The ids of what carries a client token as a tag."""
        found = self.listed(connection, Tag=tags.as_list({tags.TOKEN: token}))
        return [item[self.identity] for item in found]

    def look(self, connection: Connection, identifier: str) -> dict[str, Any]:
        """What is said of one; empty when nothing is (yet)."""
        asked = {self.plural: [identifier]} if self.plural else {self.identity: identifier}
        answer = connection.call(f"look at {identifier}", self.describe, product=self.product, **self.more[0], **asked)
        found = (answer.get(self.key[0]) or {}).get(self.key[1]) or []
        return next((item for item in found if item.get(self.identity) == identifier), {})

    def removed(self, connection: Connection, identifier: str) -> None:
        """Remove one; one that is gone is removed already.

        :raises Busy: when something else still uses it.
        """
        asked = {self.plural: [identifier]} if self.remove.endswith("Pairs") else {self.identity: identifier}
        insist(connection, f"delete {identifier}", self.remove, product=self.product, **self.more[1], **asked)


FORCE = {"Force": True}
MACHINE = Kind(
    "Ecs", "DescribeInstances", ("Instances", "Instance"), "InstanceId", "DeleteInstance", ({}, FORCE), "InstanceIds"
)
SNAPSHOT = Kind(
    "Ecs", "DescribeSnapshots", ("Snapshots", "Snapshot"), "SnapshotId", "DeleteSnapshot", plural="SnapshotIds"
)
DISK = Kind("Ecs", "DescribeDisks", ("Disks", "Disk"), "DiskId", "DeleteDisk", plural="DiskIds")
EIP = Kind("Vpc", "DescribeEipAddresses", ("EipAddresses", "EipAddress"), "AllocationId", "ReleaseEipAddress")
FIREWALL = Kind(
    "Ecs", "DescribeSecurityGroups", ("SecurityGroups", "SecurityGroup"), "SecurityGroupId", "DeleteSecurityGroup"
)
VSWITCH = Kind("Vpc", "DescribeVSwitches", ("VSwitches", "VSwitch"), "VSwitchId", "DeleteVSwitch")
VPC = Kind("Vpc", "DescribeVpcs", ("Vpcs", "Vpc"), "VpcId", "DeleteVpc")
KEY = Kind("Ecs", "DescribeKeyPairs", ("KeyPairs", "KeyPair"), "KeyPairName", "DeleteKeyPairs", plural="KeyPairNames")
