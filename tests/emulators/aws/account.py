# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that an account holds, as plain data, to compare before and after.

What is there without anybody's doing is left out: the default network of a region, and keys of KMS that AWS manages.
Terminated instances are left out too: EC2 still lists them for a while, but they are gone.
"""

from __future__ import annotations

from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.ssm.models import ssm_backends

from emulators.aws.world import World, stores
from emulators.common.snapshots import Snapshot

#: moto's own bookkeeping, not things of the account.
NOT_THINGS = {"vpc_end_points", "vpc_refs", "describe_vpc_endpoint_services_map", "deleted_amis"}
#: Attributes that say what a thing is like, where it has them.
TRAITS = (
    "state",
    "status",
    "name",
    "key_name",
    "description",
    "size",
    "encrypted",
    "kms_key_id",
    "image_id",
    "instance_type",
    "launch_permissions",
    "deprecation_time",
    "deregistration_protection",
    "create_volume_permission_userids",
    "create_volume_permission_groups",
    "document",
    "assume_role_policy_document",
    "policies",
    "value",
)


class Account:
    """Looks at the things of one account.

    :param regions: what has been looked at or changed in each region, kept here, tells the default things apart.
    """

    def __init__(self, world: World, identifier: str = DEFAULT_ACCOUNT_ID) -> None:
        self.world = world
        self.identifier = identifier
        self._given: dict[str, set[tuple[str, str]]] = {}

    def enter(self, region: str) -> None:
        """Note what is in a region before the first call to it. The lock must be held."""
        if region not in self._given and region in ec2_backends[self.identifier].regions:
            self._given[region] = {(kind, name) for kind, name, _thing in self._things(region)}

    def look(self) -> Snapshot:
        """Kind, with its region → id or name → what it is like."""
        with self.world.lock:
            self.world.settle()
            found: Snapshot = {}
            for region, given in self._given.items():
                for kind, name, thing in self._things(region):
                    if (kind, name) not in given:
                        found.setdefault(f"{region}/{kind}", {})[name] = traits(thing)
                found |= self._of_other_services(region)
            return found | self._of_iam()

    def _things(self, region: str) -> list[tuple[str, str, Any]]:
        """Kind, name and thing of all that EC2 has in a region."""
        backend = ec2_backends[self.identifier][region]
        found = [("instances", instance.id, instance) for instance in backend.all_instances()]
        found = [entry for entry in found if entry[2].state != "terminated"]
        for kind, store in stores(backend).items():
            if kind in NOT_THINGS:
                continue
            for name, thing in store.items():
                if isinstance(thing, dict):  # by network, by zone
                    found += [(kind, str(inner), value) for inner, value in thing.items()]
                elif thing is not None:
                    found.append((kind, str(name), thing))
        return found

    def _of_other_services(self, region: str) -> Snapshot:
        found: Snapshot = {}
        keys = {
            key.id: {"state": key.key_state, "description": key.description}
            for key in kms_backends[self.identifier][region].keys.values()
            if not any(alias.startswith("alias/aws/") for alias in key.aliases)
        }
        parameters = {
            name: {"value": versions[-1].value}
            for name, versions in dict(ssm_backends[self.identifier][region]._parameters).items()
            if versions and not name.startswith("/aws/")
        }
        for kind, things in (("kms_keys", keys), ("ssm_parameters", parameters)):
            if things:
                found[f"{region}/{kind}"] = things
        return found

    def _of_iam(self) -> Snapshot:
        backend = iam_backends[self.identifier]["aws"]
        kinds = {
            "roles": backend.roles,
            "instance_profiles": backend.instance_profiles,
            "users": backend.users,
            "groups": backend.groups,
        }
        found = {
            f"iam/{kind}": {
                name: {"name": getattr(thing, "name", name)} | traits(thing) for name, thing in things.items()
            }
            for kind, things in kinds.items()
            if things
        }
        ours = {policy.arn: {} for policy in backend.managed_policies.values() if f"::{self.identifier}:" in policy.arn}
        return found | ({"iam/policies": ours} if ours else {})


def traits(thing: Any) -> dict[str, Any]:
    """What a thing is like: its traits and tags."""
    found = {}
    for name in TRAITS:
        value = getattr(thing, name, None)
        if isinstance(value, set):
            value = sorted(value)
        if isinstance(value, (str, int, bool, list)) and value not in ("", []):
            found[name] = value
    if hasattr(thing, "ec2_backend") and hasattr(thing, "get_tags"):
        tags = {tag["key"]: tag["value"] for tag in thing.get_tags()}
        found |= {"tags": tags} if tags else {}
    if hasattr(thing, "ingress_rules"):
        rules = [f"in {rule_text(rule)}" for rule in thing.ingress_rules]
        found["rules"] = sorted(rules + [f"out {rule_text(rule)}" for rule in thing.egress_rules])
    return found


def rule_text(rule: Any) -> str:
    """A rule of a security group in words: protocol, ports, from or to where."""
    ports = "all" if rule.from_port is None else f"{rule.from_port}-{rule.to_port}"
    where = rule.ip_range.get("CidrIp") or rule.ip_range.get("CidrIpv6") or rule.source_group.get("GroupId")
    return f"{rule.ip_protocol} {ports} {where or rule.prefix_list_id}"
