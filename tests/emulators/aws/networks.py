# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks as EC2 has them and moto does not: what is in use cannot be deleted."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses._base_response import EC2BaseResponse

from emulators.aws.world import World


class Networks(EC2BaseResponse):
    """The actions on networks that differ from moto's."""

    world: World

    def delete_security_group(self) -> ActionResult:
        self.error_on_dryrun()
        backend, wanted = self.ec2_backend, self._get_param("GroupId") or self._get_param("GroupName")
        group = backend.get_security_group_by_name_or_id(wanted)
        if group is not None:
            interfaces = [eni for eni in backend.enis.values() if group.id in {used.id for used in eni.group_set}]
            instances = [
                instance
                for instance in backend.all_instances()
                if instance.state != "terminated" and group.id in {used.id for used in instance.security_groups}
            ]
            others = [other for other in every_group(backend) if other.id != group.id and group.id in references(other)]
            if interfaces or instances or others:
                raise in_use(group.id)
            if group.name == "default":
                message = f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
                raise EC2ClientError("CannotDelete", message)
        return super().delete_security_group()

    def delete_subnet(self) -> ActionResult:
        self.error_on_dryrun()
        subnet = self._get_param("SubnetId")
        if any(eni.subnet.id == subnet for eni in self.ec2_backend.enis.values()):
            raise EC2ClientError(
                "DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted."
            )
        return super().delete_subnet()

    def delete_vpc(self) -> ActionResult:
        self.error_on_dryrun()
        vpc, backend = self._get_param("VpcId"), self.ec2_backend
        subnets = any(subnet.vpc_id == vpc for zone in backend.subnets.values() for subnet in zone.values())
        groups = any(group.vpc_id == vpc and group.name != "default" for group in every_group(backend))
        gateways = any(gateway.vpc and gateway.vpc.id == vpc for gateway in backend.internet_gateways.values())
        if subnets or groups or gateways:
            raise EC2ClientError("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")
        return super().delete_vpc()


def in_use(identifier: str) -> EC2ClientError:
    """The error for what is in use."""
    return EC2ClientError("DependencyViolation", f"resource {identifier} has a dependent object")


def every_group(backend: Any) -> list[Any]:
    """All security groups of a region."""
    return [group for groups in backend.groups.values() for group in groups.values()]


def references(group: Any) -> set[str]:
    """The ids of the security groups that a group's rules name."""
    rules = [*group.ingress_rules, *group.egress_rules]
    return {rule.source_group.get("GroupId", "") for rule in rules}
