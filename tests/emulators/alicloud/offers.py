# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on offer: regions, zones, instance types, disk categories, and whether there is stock.

A choice of what Alibaba Cloud has; it stays the same whatever is sold out: that is `World.sold_out`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from emulators.alicloud.api import Reply, Request, action
from emulators.alicloud.errors import ApiError, missing

#: Region → the last letters of its zones.
REGIONS = {
    "cn-hangzhou": "hijk",
    "cn-shanghai": "efgl",
    "cn-beijing": "fghl",
    "cn-shenzhen": "def",
    "cn-hongkong": "bcd",
    "ap-southeast-1": "abc",
    "eu-central-1": "abc",
    "eu-west-1": "ab",
    "us-east-1": "ab",
    "us-west-1": "ab",
}
CATEGORIES = ("cloud_efficiency", "cloud_ssd", "cloud_essd", "cloud_auto", "cloud_essd_entry", "cloud")
LEVELS = ("PL0", "PL1", "PL2", "PL3")


@dataclasses.dataclass(frozen=True)
class Type:
    """An instance type."""

    name: str
    cpus: int
    memory: float
    architecture: str = "X86"
    boot: tuple[str, ...] = ("BIOS", "UEFI")

    @property
    def family(self) -> str:
        """ecs.c6.large is of ecs.c6."""
        return self.name.rpartition(".")[0]


TYPES = {
    entry.name: entry
    for entry in (
        Type("ecs.t5-lc1m1.small", 1, 1.0),
        Type("ecs.t6-c1m1.large", 2, 2.0),
        Type("ecs.e-c1m1.large", 2, 2.0),
        Type("ecs.e-c1m2.large", 2, 4.0),
        Type("ecs.c6.large", 2, 4.0),
        Type("ecs.g6.large", 2, 8.0),
        Type("ecs.c7.large", 2, 4.0),
        Type("ecs.g7.large", 2, 8.0),
        Type("ecs.g7.xlarge", 4, 16.0),
        Type("ecs.c8y.large", 2, 4.0, "ARM", ("UEFI",)),
        Type("ecs.g8y.large", 2, 8.0, "ARM", ("UEFI",)),
    )
}


def zones(region: str) -> list[str]:
    """The zones of a region: cn-hangzhou-h, eu-central-1a."""
    join = "" if region[-1].isdigit() else "-"
    return [f"{region}{join}{letter}" for letter in REGIONS[region]]


def check_zone(region: str, zone: str) -> None:
    """Refuse a zone that the region does not have."""
    if zone not in zones(region):
        raise ApiError(404, "InvalidZoneId.NotFound", "The specified zoneId does not exist.")


def in_stock(request: Request, zone: str, name: str) -> bool:
    """Whether a type can be had in a zone now."""
    return not request.world.sold_out & {(zone, name), (zone, "*"), ("*", name), ("*", "*")}


def check_category(request: Request, zone: str, category: str) -> None:
    """Refuse a disk category that a zone does not have now."""
    if (zone, category) in request.world.no_disks:
        message = "The specified zone does not offer the specified disk category."
        raise ApiError(403, "CategoryNotSupported", message)


def stocked(request: Request, zone: str) -> list[str]:
    """The types that can be had in a zone now."""
    return [name for name in TYPES if in_stock(request, zone, name)]


def show_region(region: str) -> Reply:
    """A region as DescribeRegions shows it."""
    return {
        "RegionId": region,
        "RegionEndpoint": f"ecs.{region}.aliyuncs.com",
        "LocalName": region,
        "Status": "available",
    }


@action("ecs", "DescribeRegions", "RegionId InstanceChargeType ResourceType AcceptLanguage")
@action("vpc", "DescribeRegions", "RegionId ProductType AcceptLanguage")
def describe_regions(request: Request) -> Reply:
    return {"Regions": {"Region": [show_region(region) for region in REGIONS]}}


@action("vpc", "DescribeZones", "RegionId! AcceptLanguage ZoneType")
def describe_vpc_zones(request: Request) -> Reply:
    return {"Zones": {"Zone": [{"ZoneId": zone, "LocalName": zone} for zone in zones(request.region)]}}


@action("ecs", "DescribeZones", "RegionId! InstanceChargeType SpotStrategy Verbose:bool AcceptLanguage")
def describe_zones(request: Request) -> Reply:
    kinds = ["VSwitch", "IoOptimized", "Instance", "Disk"]

    def show(zone: str) -> Reply:
        types = stocked(request, zone)
        resources = {
            "IoOptimized": True,
            "NetworkTypes": {"supportedNetworkCategory": ["vpc"]},
            "InstanceTypes": {"supportedInstanceType": types},
            "SystemDiskCategories": {"supportedSystemDiskCategory": list(CATEGORIES)},
            "DataDiskCategories": {"supportedDataDiskCategory": list(CATEGORIES)},
        }
        return {
            "ZoneId": zone,
            "LocalName": zone,
            "ZoneType": "AvailabilityZone",
            "AvailableResourceCreation": {"ResourceTypes": kinds},
            "AvailableInstanceTypes": {"InstanceTypes": types},
            "AvailableDiskCategories": {"DiskCategories": list(CATEGORIES)},
            "AvailableResources": {"ResourcesInfo": [resources]},
        }

    return {"Zones": {"Zone": [show(zone) for zone in zones(request.region)]}}


@action(
    "ecs",
    "DescribeAvailableResource",
    "RegionId! DestinationResource! ZoneId InstanceType InstanceChargeType SpotStrategy SpotDuration:int IoOptimized "
    "SystemDiskCategory DataDiskCategory NetworkCategory ResourceType Cores:int Memory:float Scope",
)
def describe_available_resource(request: Request) -> Reply:
    wanted = request.choice("DestinationResource", ("Zone", "IoOptimized", "InstanceType", "SystemDisk", "DataDisk"))
    if wanted in ("SystemDisk", "DataDisk") and request.get("ResourceType", "instance") == "instance":
        # An instance type has limits for its disks, and its system disk for the others.
        for name in ("InstanceType", "SystemDiskCategory")[: 1 if wanted == "SystemDisk" else 2]:
            if name not in request:
                raise missing(name)
    places = [request["ZoneId"]] if "ZoneId" in request else zones(request.region)
    for place in places:
        check_zone(request.region, place)
    named = request.get("InstanceType")
    types = [
        entry
        for entry in TYPES.values()
        if named in (None, entry.name)
        and request.get("Cores") in (None, entry.cpus)
        and request.get("Memory") in (None, entry.memory)
    ]

    def entry(value: str, available: bool, **more: Any) -> Reply:
        status = ("Available", "WithStock") if available else ("SoldOut", "WithoutStock")
        return {"Value": value, "Status": status[0], "StatusCategory": status[1]} | more

    def show(zone: str) -> Reply:
        has = [in_stock(request, zone, kind.name) for kind in types]
        if wanted in ("SystemDisk", "DataDisk"):
            chosen = request.get(f"{wanted}Category")
            least = 20 if wanted == "SystemDisk" else 10
            most = 2048 if wanted == "SystemDisk" else 32768
            gone = {category for place, category in request.world.no_disks if place == zone}
            entries = [
                entry(category, any(has) and category not in gone, Min=least, Max=most, Unit="GiB")
                for category in CATEGORIES
                if chosen in (None, category) and types
            ]
        elif wanted == "InstanceType":
            entries = [entry(kind.name, there) for kind, there in zip(types, has, strict=True)]
        else:
            entries = [entry({"Zone": zone}.get(wanted, "optimized"), any(has))]
        status = ("Available", "WithStock") if any(has) else ("SoldOut", "WithoutStock")
        resource = {"Type": wanted, "SupportedResources": {"SupportedResource": entries}}
        return {
            "RegionId": request.region,
            "ZoneId": zone,
            "Status": status[0],
            "StatusCategory": status[1],
            "AvailableResources": {"AvailableResource": [resource] if entries else []},
        }

    return {"AvailableZones": {"AvailableZone": [show(zone) for zone in places] if types else []}}


@action(
    "ecs",
    "DescribeInstanceTypes",
    "RegionId InstanceTypeFamily InstanceTypes[] InstanceTypeFamilies[] CpuArchitecture MinimumCpuCoreCount:int "
    "MaximumCpuCoreCount:int MinimumMemorySize:float MaximumMemorySize:float MaxResults:int NextToken",
)
def describe_instance_types(request: Request) -> Reply:
    families = [
        *request.get("InstanceTypeFamilies", []),
        *([request["InstanceTypeFamily"]] if "InstanceTypeFamily" in request else []),
    ]
    found = [
        entry
        for entry in TYPES.values()
        if (not families or entry.family in families)
        and entry.name in request.get("InstanceTypes", [entry.name])
        and request.get("CpuArchitecture", entry.architecture) == entry.architecture
        and request.get("MinimumCpuCoreCount", 0) <= entry.cpus <= request.get("MaximumCpuCoreCount", 1024)
        and request.get("MinimumMemorySize", 0) <= entry.memory <= request.get("MaximumMemorySize", 4096)
    ]
    shown = [
        {
            "InstanceTypeId": entry.name,
            "InstanceTypeFamily": entry.family,
            "CpuCoreCount": entry.cpus,
            "MemorySize": entry.memory,
            "CpuArchitecture": entry.architecture,
            "GPUAmount": 0,
            "DiskQuantity": 17,
            "SupportedBootModes": {"SupportedBootMode": list(entry.boot)},
            "NvmeSupport": "supported" if entry.family[-1] in "78y" else "unsupported",
        }
        for entry in found
    ]
    return {"InstanceTypes": {"InstanceType": shown}, "NextToken": ""}
