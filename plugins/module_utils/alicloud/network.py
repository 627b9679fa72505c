# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine is put: zones that have what it needs, and networks that exist or are made for it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import disks, kinds
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Zones that a temporary network reaches into when none are named, so that there is somewhere else to try.
MOST_ZONES = 2
#: Networks that a VPC cannot be (VPC user guide, "Plan a VPC").
NO_VPC = ("100.64.0.0/10", "224.0.0.0/4", "127.0.0.0/8", "169.254.0.0/16")
ARCHITECTURES = {"X86": ("x86_64", "i386"), "ARM": ("arm64",)}


@dataclass(frozen=True)
class Place:
    """Where a machine may be put.

    :ivar zone: a zone.
    :ivar cidr: the network there.
    :ivar vswitch: the vSwitch that exists there; empty for one that is to be made.
    :ivar vpc: its VPC; empty for one that is to be made.
    """

    zone: str
    cidr: str
    vswitch: str = ""
    vpc: str = ""


def find_places(connection: Connection, params: dict[str, Any]) -> list[Place]:
    """The places to try, the best first, all in one VPC.

    :param params: vswitch_ids, vpc_id, vpc_cidr, vswitch_cidr, availability_zones, instance_types, market.
    :raises HallmarkError: when there is none.
    """
    zones = zones_with(connection, params)
    if params["vswitch_ids"] or (params["vpc_id"] and not params["vswitch_cidr"]):
        return _existing(connection, params, zones)
    if params["vpc_id"]:
        found = kinds.VPC.look(connection, params["vpc_id"])
        if not found:
            raise HallmarkError(f"vpc_id: {params['vpc_id']}: not found in {connection.region}", "a VPC that exists")
        _check_inside(params["vswitch_cidr"], found)
        return [Place(zones[0], params["vswitch_cidr"], vpc=params["vpc_id"])]
    count = len(params["availability_zones"]) or MOST_ZONES
    chosen = zones[:count]
    return [Place(zone, cidr) for zone, cidr in zip(chosen, split(params["vpc_cidr"], len(chosen)), strict=True)]


def zones_with(connection: Connection, params: dict[str, Any]) -> list[str]:
    """The zones that offer at least one of the instance types with the system disk's category, those with stock for the
    first type before others.

    :raises HallmarkError: when no zone does.
    """
    best: dict[str, int] = {}
    without: set[str] = set()  # the category, though they offer a type
    category = disks.system_category(params)
    for place, kind in enumerate(params["instance_types"]):
        zones = [zone for zone in _resources(connection, params, "InstanceType", kind) if _offers(zone, kind)]
        told = _resources(connection, params, "SystemDisk", kind) if zones else []
        lacking = {zone["ZoneId"] for zone in told if not _offers(zone, category)}
        without |= lacking & {zone["ZoneId"] for zone in zones}
        for zone in zones:
            if zone["ZoneId"] not in lacking:
                empty = zone.get("StatusCategory") in ("WithoutStock", "ClosedWithoutStock")
                rank = place + (100 if empty else 0)
                best[zone["ZoneId"]] = min(rank, best.get(zone["ZoneId"], rank))
    wanted = params["availability_zones"]
    offered = sorted(best, key=lambda zone: (best[zone], zone))
    if wanted:
        offered = [zone for zone in wanted if zone in best]
    if not offered:
        where, types = ", ".join(wanted) or connection.region, ", ".join(params["instance_types"])
        if without & set(wanted or without):
            raise HallmarkError(
                f"root_disk: category: {category}: not offered in {where} with {types}",
                "another category, type or zone",
            )
        raise HallmarkError(f"instance_types: {types}: not offered in {where}", "another type or zone")
    return offered


def _resources(
    connection: Connection, params: dict[str, Any], resource: str, instance_type: str
) -> list[dict[str, Any]]:
    """The zones, with what they have of a resource for an instance type."""
    answer = connection.call(
        f"instance_types: {instance_type}",
        "DescribeAvailableResource",
        DestinationResource=resource,
        ResourceType="instance",
        InstanceChargeType="PostPaid",
        InstanceType=instance_type,
        IoOptimized="optimized",
        **({"SpotStrategy": "SpotAsPriceGo"} if params["market"] == "spot" else {}),
    )
    return (answer.get("AvailableZones") or {}).get("AvailableZone") or []


def check_architecture(connection: Connection, types: list[str], architecture: str) -> None:
    """Refuse a type whose processor does not run the image.

    :raises HallmarkError: naming the first that does not, or does not exist.
    """
    found = connection.pages(
        "instance_types", "DescribeInstanceTypes", ("InstanceTypes", "InstanceType"), InstanceTypes=types
    )
    known = {item["InstanceTypeId"]: str(item.get("CpuArchitecture") or "") for item in found}
    for kind in types:
        if kind not in known:
            raise HallmarkError(f"instance_types: {kind}: there is no such type", "an instance type, as ecs.c6.large")
        runs = ARCHITECTURES.get(known[kind])
        if runs and architecture and architecture not in runs:
            raise HallmarkError(
                f"instance_types: {kind} runs {', '.join(runs)}", f"a type for {architecture}, as the source"
            )


def check_cidr(key: str, text: str, longest: int) -> None:
    """Refuse what cannot be the network of a VPC or a vSwitch.

    :param longest: the longest prefix that it may have.
    :raises HallmarkError: naming the option.
    """
    example = "a network, as 172.16.0.0/16"
    try:
        network = ipaddress.IPv4Network(text, strict=True)
    except ValueError:
        raise HallmarkError(f"{key}: {text!r}", example) from None
    if not (8 if longest < 29 else 16) <= network.prefixlen <= longest:
        raise HallmarkError(f"{key}: {text}", f"a prefix of {8 if longest < 29 else 16} to {longest}")
    if any(network.overlaps(ipaddress.IPv4Network(other)) for other in NO_VPC):
        raise HallmarkError(f"{key}: {text}", f"{example}, outside {', '.join(NO_VPC)}")


def split(cidr: str, count: int) -> list[str]:
    """That many networks inside a VPC's, of 256 addresses each where there is room for them."""
    whole = ipaddress.IPv4Network(cidr)
    prefix = max(24, whole.prefixlen + (count - 1).bit_length())
    parts = whole.subnets(new_prefix=min(prefix, 29)) if prefix > whole.prefixlen else iter([whole])
    found = [str(part) for part, dummy in zip(parts, range(count), strict=False)]
    if len(found) < count:
        raise HallmarkError(f"vpc_cidr: {cidr}: no room for {count} vSwitches", "a larger network, or fewer zones")
    return found


def _offers(zone: dict[str, Any], value: str) -> bool:
    """Whether a zone has an instance type or a disk category. What it says nothing of may be there."""
    if zone.get("Status") != "Available":
        return False
    resources = (zone.get("AvailableResources") or {}).get("AvailableResource") or []
    for resource in resources:
        for item in (resource.get("SupportedResources") or {}).get("SupportedResource") or []:
            if item.get("Value") == value and item.get("Status") == "Available":
                return True
    return not resources


def _existing(connection: Connection, params: dict[str, Any], zones: list[str]) -> list[Place]:
    """vSwitches that exist: those named, in their order, else those of the VPC, the one with most addresses first."""
    if params["vswitch_ids"]:
        found = []
        for identifier in params["vswitch_ids"]:
            item = kinds.VSWITCH.look(connection, identifier)
            if not item:
                raise HallmarkError(
                    f"vswitch_ids: {identifier}: not found in {connection.region}", "a vSwitch that exists"
                )
            found.append(item)
    else:
        found = kinds.VSWITCH.listed(connection, VpcId=params["vpc_id"])
        found.sort(key=lambda item: -int(item.get("AvailableIpAddressCount") or 0))
        if not found:
            raise HallmarkError(
                f"vpc_id: {params['vpc_id']} has no vSwitch", "vswitch_cidr, for a temporary one, or another VPC"
            )
    vpcs = sorted({item["VpcId"] for item in found})
    if len(vpcs) > 1:
        raise HallmarkError(f"vswitch_ids: in {len(vpcs)} networks ({', '.join(vpcs)})", "vSwitches of one VPC")
    usable = [item for item in found if item["ZoneId"] in zones]
    if not usable:
        there = ", ".join(sorted({item["ZoneId"] for item in found}))
        types = ", ".join(params["instance_types"])
        raise HallmarkError(f"instance_types: {types}: not offered in {there}", "another type, zone or vSwitch")
    return [Place(item["ZoneId"], item["CidrBlock"], item["VSwitchId"], item["VpcId"]) for item in usable]


def _check_inside(cidr: str, vpc: dict[str, Any]) -> None:
    inside = ipaddress.IPv4Network(cidr)
    blocks = [vpc.get("CidrBlock"), *((vpc.get("SecondaryCidrBlocks") or {}).get("SecondaryCidrBlock") or [])]
    if not any(block and inside.subnet_of(ipaddress.IPv4Network(block)) for block in blocks):
        raise HallmarkError(f"vswitch_cidr: {cidr}", f"a network inside {vpc.get('CidrBlock')}, of {vpc['VpcId']}")
