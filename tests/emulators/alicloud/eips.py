# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EIPs, and public addresses of instances."""

from __future__ import annotations

import secrets

from emulators.alicloud.api import Reply, Request, action, page
from emulators.alicloud.errors import ApiError, bad, wrong_status
from emulators.alicloud.networks import vpc_tags
from emulators.alicloud.relays import Relay
from emulators.alicloud.things import Eip, Instance
from emulators.alicloud.world import World


def take_public(world: World) -> str:
    """A public address: one on which a relay can listen, or one of the range for benchmarks."""
    if world.machines is not None:
        return world.machines.addresses.take(public=True)
    return f"198.{18 + secrets.randbelow(2)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"


@action(
    "vpc",
    "AllocateEipAddress",
    "RegionId! Bandwidth InternetChargeType InstanceChargeType ISP Name Description Netmode ResourceGroupId "
    "ClientToken Tag[Key Value]",
    "eip/*",
)
def allocate_eip_address(request: Request) -> Reply:
    charge = request.choice("InternetChargeType", ("PayByBandwidth", "PayByTraffic"), "PayByBandwidth")
    bandwidth = request.get("Bandwidth", "5")
    if not bandwidth.isdigit() or not 1 <= int(bandwidth) <= 500:
        raise ApiError(400, "InvalidParameter", 'Specified value of "Bandwidth" is not supported.')
    eip = request.make(
        Eip,
        state="Available",
        bandwidth=bandwidth,
        charge=charge,
        name=request.get("Name", ""),
        description=request.get("Description", ""),
        address=take_public(request.world),
    )
    return {"AllocationId": eip.id, "EipAddress": eip.address, "ResourceGroupId": eip.group}


@action(
    "vpc",
    "DescribeEipAddresses",
    "RegionId! AllocationId:csv EipAddress EipName Status AssociatedInstanceId AssociatedInstanceType ChargeType ISP "
    "ResourceGroupId DryRun:bool PageNumber:int PageSize:int Tag[Key Value]",
    "eip/*",
)
def describe_eip_addresses(request: Request) -> Reply:
    request.checked()
    found = request.select(
        request.all(Eip),
        id=request.get("AllocationId"),
        address=request.get("EipAddress"),
        name=request.get("EipName"),
        state=request.get("Status"),
        instance=request.get("AssociatedInstanceId"),
    )

    def show(eip: Eip) -> Reply:
        return {
            "AllocationId": eip.id,
            "RegionId": eip.region,
            "IpAddress": eip.address,
            "Status": eip.state,
            "InstanceId": eip.instance,
            "InstanceType": "EcsInstance" if eip.instance else "",
            "Bandwidth": eip.bandwidth,
            "InternetChargeType": eip.charge,
            "ChargeType": "PostPaid",
            "Name": eip.name,
            "Description": eip.description,
            "AllocationTime": eip.stamp(seconds=True),
            "ResourceGroupId": eip.group,
            "ISP": "BGP",
            "Tags": vpc_tags(eip),
            "OperationLocks": {"LockReason": []},
        }

    return page(request, found, "EipAddresses", "EipAddress", show)


def relay(world: World, instance: Instance, address: str) -> None:
    """Let the machine behind an instance answer at a public address."""
    if world.machines is not None:
        world.relays[address] = Relay(address, instance.private, world.machines.port)


def unbind(world: World, eip: Eip) -> None:
    """Let an EIP belong to no instance any longer."""
    instance = world.things.get(eip.instance)
    if isinstance(instance, Instance) and instance.eip == eip.id:
        instance.eip = ""
    eip.instance, eip.state = "", "Available"
    ended = world.relays.pop(eip.address, None)
    if ended:
        ended.close()


@action(
    "vpc",
    "AssociateEipAddress",
    "RegionId AllocationId! InstanceId! InstanceType Mode PrivateIpAddress ClientToken InstanceRegionId VpcId",
    "eip/{AllocationId} ecs:instance/{InstanceId}",
)
def associate_eip_address(request: Request) -> Reply:
    world, eip = request.world, request.find(Eip, request["AllocationId"])
    if request.get("InstanceType", "EcsInstance") != "EcsInstance":
        raise bad("InstanceType", "The emulator has instances of ECS only.")
    instance = request.find(Instance, request["InstanceId"])
    if eip.state != "Available":
        raise ApiError(400, "IncorrectEipStatus", "Current elastic IP status does not support this operation.")
    if instance.state not in ("Running", "Stopped"):
        message = "Current instance status does not support this operation."
        raise ApiError(400, "IncorrectInstanceStatus", message)
    if instance.eip or instance.public:
        message = "Specified instance already has an EIP or a public address."
        raise ApiError(400, "InvalidInstance.AlreadyHasPublicIp", message)  # the code is from memory
    eip.state, eip.instance, instance.eip = "Associating", instance.id, eip.id

    def associated() -> None:
        if eip.state == "Associating" and eip.id in world.things:
            eip.state = "InUse"
            relay(world, instance, eip.address)

    world.later(world.delays.eip, associated)
    return {}


@action(
    "vpc",
    "UnassociateEipAddress",
    "RegionId AllocationId! InstanceId InstanceType Force:bool PrivateIpAddress ClientToken",
    "eip/{AllocationId} ecs:instance/{InstanceId}",
)
def unassociate_eip_address(request: Request) -> Reply:
    world, eip = request.world, request.find(Eip, request["AllocationId"])
    if eip.state != "InUse" or ("InstanceId" in request and request["InstanceId"] != eip.instance):
        raise ApiError(400, "IncorrectEipStatus", "Current elastic IP status does not support this operation.")
    eip.state = "Unassociating"
    world.later(world.delays.eip, lambda: unbind(world, eip) if eip.id in world.things else None)
    return {}


@action("vpc", "ReleaseEipAddress", "RegionId AllocationId!", "eip/{AllocationId}")
def release_eip_address(request: Request) -> Reply:
    world, eip = request.world, request.find(Eip, request["AllocationId"])
    if eip.state != "Available":
        raise ApiError(400, "IncorrectEipStatus", "Current elastic IP status does not support this operation.")
    world.drop(eip)
    if world.machines is not None:
        world.machines.addresses.give_back(eip.address)
    return {}


@action("ecs", "AllocatePublicIpAddress", "RegionId InstanceId! IpAddress VlanId", "instance/{InstanceId}")
def allocate_public_ip_address(request: Request) -> Reply:
    instance = request.find(Instance, request["InstanceId"])
    if instance.state not in ("Running", "Stopped"):
        raise wrong_status()
    if instance.public or instance.eip:
        raise ApiError(403, "AllocatedAlready", "The specified instance already has a public IP address.")
    if instance.bandwidth <= 0:  # the code is from memory
        raise ApiError(403, "InvalidInternetMaxBandwidthOut", "The instance has no bandwidth to the internet.")
    instance.public = take_public(request.world)
    relay(request.world, instance, instance.public)
    return {"IpAddress": instance.public}
