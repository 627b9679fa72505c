# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: VPCs and vSwitches. ECS's endpoint answers the same actions, as its old clients send them there."""

from __future__ import annotations

import ipaddress
from typing import TypeVar

from emulators.alicloud.api import Reply, Request, action, page
from emulators.alicloud.errors import ApiError, bad
from emulators.alicloud.names import check_network_name
from emulators.alicloud.offers import check_zone
from emulators.alicloud.things import Group, Instance, Vpc, VSwitch
from emulators.alicloud.world import Thing

Net = TypeVar("Net", Vpc, VSwitch)


def begin(request: Request, net: Net, seconds: float) -> Net:
    """Let something that was just made become available in some time."""
    net.state = "Pending"
    request.world.later(seconds, lambda: setattr(net, "state", "Available"))
    return net


def vpc_tags(thing: Thing) -> Reply:
    """A thing's tags as VPC shows them."""
    return {"Tag": [{"Key": key, "Value": value} for key, value in thing.tags.items()]}


def network(name: str, text: str) -> ipaddress.IPv4Network:
    """A private network."""
    try:
        found = ipaddress.IPv4Network(text)
    except ValueError:
        raise bad(name, f"{text} is not a network.") from None
    if not found.is_private:
        raise bad(name, f"{text} is not a private network.")
    return found


@action(
    "vpc",
    "CreateVpc",
    "RegionId! CidrBlock VpcName Description ResourceGroupId ClientToken DryRun:bool EnableIpv6:bool UserCidr "
    "Tag[Key Value]",
    "vpc/*",
)
def create_vpc(request: Request) -> Reply:
    cidr = request.get("CidrBlock", "172.16.0.0/12")
    if not 8 <= network("CidrBlock", cidr).prefixlen <= 28:
        raise ApiError(400, "InvalidCIDRBlock", "Specified CIDR block is not valid.")
    check_network_name("VpcName", request.get("VpcName", ""))
    request.tags  # noqa: B018 - checks them
    request.checked()
    vpc = request.make(Vpc, cidr=cidr, name=request.get("VpcName", ""), description=request.get("Description", ""))
    begin(request, vpc, request.world.delays.vpc)
    tail = vpc.id.removeprefix("vpc-")
    return {"VpcId": vpc.id, "VRouterId": f"vrt-{tail}", "RouteTableId": f"vtb-{tail}", "ResourceGroupId": vpc.group}


def switches(request: Request, vpc: Vpc) -> list[VSwitch]:
    """The vSwitches of a VPC."""
    return [switch for switch in request.world.all(VSwitch, vpc.region) if switch.vpc == vpc.id]


def show_vpc(request: Request, vpc: Vpc) -> Reply:
    """A VPC as DescribeVpcs shows it."""
    tail = vpc.id.removeprefix("vpc-")
    return {
        "VpcId": vpc.id,
        "RegionId": vpc.region,
        "Status": vpc.state,
        "VpcName": vpc.name,
        "CreationTime": vpc.stamp(seconds=True),
        "CidrBlock": vpc.cidr,
        "VRouterId": f"vrt-{tail}",
        "RouterTableIds": {"RouterTableIds": [f"vtb-{tail}"]},
        "Description": vpc.description,
        "IsDefault": False,
        "ResourceGroupId": vpc.group,
        "OwnerId": int(vpc.account),
        "VSwitchIds": {"VSwitchId": [switch.id for switch in switches(request, vpc)]},
        "UserCidrs": {"UserCidr": []},
        "Tags": vpc_tags(vpc),
    }


@action(
    "vpc",
    "DescribeVpcs",
    "RegionId! VpcId:csv VpcName IsDefault:bool ResourceGroupId DryRun:bool PageNumber:int PageSize:int Tag[Key Value]",
    "vpc/*",
)
def describe_vpcs(request: Request) -> Reply:
    request.checked()
    found = request.select(request.all(Vpc), id=request.get("VpcId"), name=request.get("VpcName"))
    found = [] if request.get("IsDefault") else found
    return page(request, found, "Vpcs", "Vpc", lambda vpc: show_vpc(request, vpc), 50)


@action("vpc", "DescribeVpcAttribute", "RegionId! VpcId! IsDefault:bool DryRun:bool", "vpc/{VpcId}")
def describe_vpc_attribute(request: Request) -> Reply:
    vpc = request.find(Vpc, request["VpcId"])
    request.checked()
    return show_vpc(request, vpc) | {
        "AssociatedCens": {"AssociatedCen": []},
        "CloudResources": {"CloudResourceSetType": []},
    }


@action("vpc", "DeleteVpc", "RegionId VpcId! DryRun:bool ForceDelete:bool ClientToken", "vpc/{VpcId}")
def delete_vpc(request: Request) -> Reply:
    vpc = request.find(Vpc, request["VpcId"])
    if vpc.state != "Available":
        message = "Current VPC status does not support this operation."
        raise ApiError(400, "IncorrectVpcStatus", message)
    if switches(request, vpc):
        raise ApiError(400, "DependencyViolation.VSwitch", "Specified object has dependent resources.")
    if any(group.vpc == vpc.id for group in request.world.all(Group)):
        message = "Specified object has dependent resources SecurityGroup."
        raise ApiError(400, "DependencyViolation.SecurityGroup", message)
    request.checked()
    request.world.drop(vpc)
    return {}


@action(
    "vpc",
    "CreateVSwitch",
    "RegionId VpcId! ZoneId! CidrBlock! VSwitchName Description ClientToken Ipv6CidrBlock:int Tag[Key Value]",
    "vswitch/* vpc/{VpcId}",
)
def create_vswitch(request: Request) -> Reply:
    vpc = request.find(Vpc, request["VpcId"])
    check_zone(request.region, request["ZoneId"])
    if vpc.state != "Available":
        raise ApiError(400, "IncorrectVpcStatus", "Current VPC status does not support this operation.")
    cidr = network("CidrBlock", request["CidrBlock"])
    if not 16 <= cidr.prefixlen <= 29 or not cidr.subnet_of(ipaddress.IPv4Network(vpc.cidr)):
        raise ApiError(
            400, "InvalidCidrBlock.Malformed", "Specified CidrBlock is not valid, or is not in that of its VPC."
        )
    if any(cidr.overlaps(ipaddress.IPv4Network(switch.cidr)) for switch in switches(request, vpc)):
        raise ApiError(400, "InvalidCidrBlock.Overlapped", "Specified CIDR block is overlapped with other subnet.")
    check_network_name("VSwitchName", request.get("VSwitchName", ""))
    request.checked()
    switch = request.make(
        VSwitch,
        vpc=vpc.id,
        zone=request["ZoneId"],
        cidr=request["CidrBlock"],
        name=request.get("VSwitchName", ""),
        description=request.get("Description", ""),
        group=vpc.group,
    )
    begin(request, switch, request.world.delays.vswitch)
    return {"VSwitchId": switch.id}


def interfaces(request: Request, switch: VSwitch) -> list[Instance]:
    """The instances that have an address in a vSwitch, those that are being released too."""
    return [instance for instance in request.world.all(Instance, switch.region) if instance.switch == switch.id]


def show_switch(request: Request, switch: VSwitch) -> Reply:
    """A vSwitch as DescribeVSwitches shows it."""
    size = ipaddress.IPv4Network(switch.cidr).num_addresses
    return {
        "VSwitchId": switch.id,
        "VpcId": switch.vpc,
        "Status": switch.state,
        "CidrBlock": switch.cidr,
        "ZoneId": switch.zone,
        "AvailableIpAddressCount": max(0, size - 4 - len(interfaces(request, switch))),
        "Description": switch.description,
        "VSwitchName": switch.name,
        "CreationTime": switch.stamp(seconds=True),
        "IsDefault": False,
        "ResourceGroupId": switch.group,
        "OwnerId": int(switch.account),
        "Tags": vpc_tags(switch),
    }


@action(
    "vpc",
    "DescribeVSwitches",
    "RegionId VpcId VSwitchId:csv VSwitchName ZoneId IsDefault:bool ResourceGroupId DryRun:bool PageNumber:int "
    "PageSize:int Tag[Key Value]",
    "vswitch/*",
)
def describe_vswitches(request: Request) -> Reply:
    request.checked()
    found = request.select(
        request.all(VSwitch),
        id=request.get("VSwitchId"),
        vpc=request.get("VpcId"),
        zone=request.get("ZoneId"),
        name=request.get("VSwitchName"),
    )
    found = [] if request.get("IsDefault") else found
    return page(request, found, "VSwitches", "VSwitch", lambda switch: show_switch(request, switch), 50)


@action("vpc", "DescribeVSwitchAttributes", "RegionId VSwitchId! DryRun:bool", "vswitch/{VSwitchId}")
def describe_vswitch_attributes(request: Request) -> Reply:
    switch = request.find(VSwitch, request["VSwitchId"])
    request.checked()
    return show_switch(request, switch) | {"CloudResources": {"CloudResourceSetType": []}}


@action("vpc", "DeleteVSwitch", "RegionId VSwitchId! DryRun:bool", "vswitch/{VSwitchId}")
def delete_vswitch(request: Request) -> Reply:
    switch = request.find(VSwitch, request["VSwitchId"])
    if switch.state != "Available":
        message = "The current status of virtual switch does not support this operation."
        raise ApiError(400, "IncorrectVSwitchStatus", message)
    if interfaces(request, switch):
        raise ApiError(400, "DependencyViolation", "Specified object has dependent resources.")
    request.checked()
    request.world.drop(switch)
    return {}
