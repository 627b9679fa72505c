# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine is put, and from where it may be reached."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Key of a subnet under which the instance types are that its zone offers.
OFFERED = "OfferedTypes"


def find_subnets(connection: Connection, params: dict[str, Any]) -> list[dict[str, Any]]:
    """The subnets to try, the best first, all in one VPC.

    Those given come in their order; those found come by free addresses, in zones that offer a wanted instance type.

    :param params: subnet_ids, subnet_filters, subnet_order, vpc_id, vpc_filters, availability_zones, instance_types.
    :returns: as DescribeSubnets describes them, each with the wanted types that its zone offers, under `OFFERED`.
    :raises HallmarkError: when there is none.
    """
    if params["subnet_ids"]:
        found = connection.call("subnet_ids", "describe_subnets", SubnetIds=params["subnet_ids"])["Subnets"]
        order = params["subnet_ids"]
        found.sort(key=lambda subnet: order.index(subnet["SubnetId"]))
    else:
        vpc = params["vpc_id"] or _find_vpc(connection, params["vpc_filters"])
        filters = [{"Name": "vpc-id", "Values": [vpc]}, *_filters(params["subnet_filters"])]
        found = connection.pages("subnets", "describe_subnets", "Subnets", Filters=filters)
        if not found:
            raise HallmarkError(f"subnet_filters: no subnet of {vpc} matches", "a subnet that exists")
        if params["subnet_order"] == "random":
            random.shuffle(found)
        else:
            found.sort(key=lambda subnet: -int(subnet.get("AvailableIpAddressCount", 0)))
    zones = params["availability_zones"]
    if zones:
        found = [subnet for subnet in found if subnet["AvailabilityZone"] in zones]
        if not found:
            raise HallmarkError(f"availability_zones: {', '.join(zones)}: no subnet is in one of them")
    usable = [subnet for subnet in found if not subnet.get("Ipv6Native")]
    if not usable:
        names = ", ".join(subnet["SubnetId"] for subnet in found)
        raise HallmarkError(f"subnet_ids: {names}: for IPv6 only", "a subnet that has IPv4 addresses")
    found = usable
    vpcs = {subnet["VpcId"] for subnet in found}
    if len(vpcs) > 1:
        raise HallmarkError(f"subnet_ids: in {len(vpcs)} networks ({', '.join(sorted(vpcs))})", "subnets of one VPC")
    return _with_offer(connection, found, params["instance_types"])


def find_groups(connection: Connection, vpc: str, filters: dict[str, Any]) -> list[str]:
    """The ids of the security groups of a VPC that match filters.

    :raises HallmarkError: when none does.
    """
    wanted = [{"Name": "vpc-id", "Values": [vpc]}, *_filters(filters)]
    found = connection.pages("security groups", "describe_security_groups", "SecurityGroups", Filters=wanted)
    if not found:
        raise HallmarkError(f"security_group_filters: no group of {vpc} matches", "a group that exists")
    return sorted(group["GroupId"] for group in found)


def check_groups(connection: Connection, vpc: str, groups: list[str]) -> None:
    """Refuse security groups that are not in the VPC of the machine.

    :raises HallmarkError: naming the first that is elsewhere, or nowhere.
    """
    answer = connection.call("security_group_ids", "describe_security_groups", GroupIds=groups)
    for group in answer["SecurityGroups"]:
        if group.get("VpcId") != vpc:
            raise HallmarkError(
                f"security_group_ids: {group['GroupId']}: in {group.get('VpcId')}", f"a security group of {vpc}"
            )


def _filters(filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Filters as the API takes them, from a value or a list of values for each name."""
    return [
        {"Name": name, "Values": [str(item) for item in (value if isinstance(value, list) else [value])]}
        for name, value in filters.items()
    ]


def _find_vpc(connection: Connection, filters: dict[str, Any]) -> str:
    """The one VPC that matches filters; without any, the default VPC."""
    wanted = _filters(filters or {"is-default": "true"})
    found = connection.pages("VPC", "describe_vpcs", "Vpcs", Filters=wanted)
    if len(found) > 1:
        names = ", ".join(sorted(vpc["VpcId"] for vpc in found))
        raise HallmarkError(f"vpc_filters: {len(found)} match ({names})", "filters that one VPC matches")
    if not found and filters:
        raise HallmarkError(f"vpc_filters: no VPC in {connection.region} matches", "a VPC that exists")
    if not found:
        raise HallmarkError(
            f"vpc_id: missing, and {connection.region} has no default VPC", "vpc_id, vpc_filters or subnet_ids"
        )
    return found[0]["VpcId"]


def _with_offer(connection: Connection, subnets: list[dict[str, Any]], types: list[str]) -> list[dict[str, Any]]:
    """The subnets in zones that offer at least one of the instance types, with those."""
    offers = connection.pages(
        "instance types",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": types}],
    )
    zones: dict[str, set[str]] = {}
    for offer in offers:
        zones.setdefault(offer["Location"], set()).add(offer["InstanceType"])
    offered = [
        {**subnet, OFFERED: zones[subnet["AvailabilityZone"]]}
        for subnet in subnets
        if subnet["AvailabilityZone"] in zones
    ]
    if not offered:
        where = ", ".join(sorted({subnet["AvailabilityZone"] for subnet in subnets}))
        raise HallmarkError(f"instance_types: {', '.join(types)}: not offered in {where}", "another type or zone")
    return offered


def check_architecture(connection: Connection, types: list[str], architecture: str) -> None:
    """Refuse a type whose processor does not run the image.

    :raises HallmarkError: naming the first that does not.
    """
    answer = connection.call("instance_types", "describe_instance_types", InstanceTypes=types)
    for item in answer["InstanceTypes"]:
        runs = item.get("ProcessorInfo", {}).get("SupportedArchitectures", [])
        if architecture and runs and architecture not in runs:
            kind = item["InstanceType"]
            raise HallmarkError(
                f"instance_types: {kind} runs {', '.join(runs)}", f"a type for {architecture}, as the source"
            )
