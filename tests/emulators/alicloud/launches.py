# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Launches: RunInstances and CreateInstance."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re

from emulators.alicloud.api import Reply, Request, action
from emulators.alicloud.eips import take_public
from emulators.alicloud.errors import ApiError, bad, missing
from emulators.alicloud.images import newest, usable
from emulators.alicloud.instances import release_time
from emulators.alicloud.launch_disks import data_disks, system_disk
from emulators.alicloud.lifecycle import begin, release_at_its_time
from emulators.alicloud.names import check_description, check_name
from emulators.alicloud.offers import TYPES, Type, check_category, check_zone, in_stock
from emulators.alicloud.roles import check_role
from emulators.alicloud.things import Disk, Group, Image, Instance, KeyPair, VSwitch

SYSTEM = "Category Size:int DiskName Description PerformanceLevel Encrypted:bool KMSKeyId"
COMMON = (
    "RegionId! ImageId ImageFamily InstanceType! InstanceName Description HostName Password PasswordInherit:bool "
    "VSwitchId ZoneId PrivateIpAddress KeyPairName UserData RamRoleName ResourceGroupId ClientToken DryRun:bool "
    "SecurityEnhancementStrategy InstanceChargeType InternetChargeType InternetMaxBandwidthIn:int "
    "InternetMaxBandwidthOut:int IoOptimized SpotStrategy SpotPriceLimit:float SpotDuration:int "
    "SpotInterruptionBehavior CreditSpecification DeletionProtection:bool HttpEndpoint HttpTokens "
    "HttpPutResponseHopLimit:int SecurityGroupId Tag[Key Value] "
    "DataDisk[Category Size:int SnapshotId DiskName Description Device DeleteWithInstance:bool Encrypted:bool KMSKeyId "
    "PerformanceLevel] " + " ".join(f"SystemDisk.{word}" for word in SYSTEM.split())
)
RESOURCES = (
    "instance/* image/{ImageId} securitygroup/{SecurityGroupId} securitygroup/{SecurityGroupIds} "
    "vpc:vswitch/{VSwitchId} keypair/{KeyPairName} ram:PassRole:role/{RamRoleName}"
)


def choose_image(request: Request) -> Image:
    """The image that a launch names, by id or by family."""
    if "ImageId" in request:
        image = usable(request, request["ImageId"])
    elif "ImageFamily" in request:
        found = newest(request, request["ImageFamily"])
        if found is None:
            message = "The specified ImageFamily does not exist."  # the code is from memory
            raise ApiError(404, "InvalidImageFamily.NotFound", message)
        image = found
    else:
        raise missing("ImageId")
    if image.state != "Available":
        raise ApiError(400, "IncorrectImageStatus", "The image is not available.")
    return image


def choose_type(request: Request, image: Image, zone: str) -> Type:
    """The instance type that a launch names; it fits the image and is in stock."""
    kind = TYPES.get(request["InstanceType"])
    if kind is None:
        message = "The specified InstanceType does not exist or beyond the permitted range."
        raise ApiError(400, "InvalidInstanceType.ValueNotSupported", message)
    if (kind.architecture == "ARM") != (image.architecture == "arm64"):
        message = "The specified instance type does not support the architecture of the image."  # from memory
        raise ApiError(403, "InvalidInstanceType.NotSupportedArchitecture", message)
    if image.boot.partition("-")[0] not in kind.boot:
        raise ApiError(
            400, "InvalidParameter.BootMode", "The instance type does not boot in the image's mode."
        )  # so too
    if not in_stock(request, zone, kind.name):
        message = (
            "The requested resource is sold out in the specified zone; "
            "try other types of resources or other regions and zones."
        )
        raise ApiError(403, "OperationDenied.NoStock", message)
    return kind


def choose_groups(request: Request, switch: VSwitch) -> list[str]:
    """The security groups that a launch names; of the vSwitch's VPC."""
    names = request.get("SecurityGroupIds") or ([request["SecurityGroupId"]] if "SecurityGroupId" in request else [])
    if not names:
        raise missing("SecurityGroupId")
    for name in names:
        if request.find(Group, name).vpc != switch.vpc:
            message = "Specified security group and virtual switch are not in the same VPC."
            raise ApiError(400, "InvalidParameter.Mismatch", message)
    return list(names)


def check_words(request: Request, image: Image) -> None:
    """Refuse what the smaller parameters cannot be."""
    request.choice("SpotStrategy", ("NoSpot", "SpotWithPriceLimit", "SpotAsPriceGo"))
    if "SpotPriceLimit" in request and request.get("SpotStrategy") != "SpotWithPriceLimit":
        raise bad("SpotPriceLimit", "It belongs to SpotStrategy SpotWithPriceLimit.")
    request.choice("InternetChargeType", ("PayByTraffic", "PayByBandwidth"))
    request.choice("InstanceChargeType", ("PostPaid",))
    request.choice("HttpTokens", ("optional", "required"))
    request.choice("HttpEndpoint", ("enabled", "disabled"))
    request.choice("SecurityEnhancementStrategy", ("Active", "Deactive"))
    request.choice("IoOptimized", ("optimized",))
    if not 0 <= request.get("InternetMaxBandwidthOut", 0) <= 100:
        message = "The specified parameter internetMaxBandwidthOut is not valid."
        raise ApiError(400, "InvalidInternetMaxBandwidthOut.Malformed", message)
    if "HttpTokens" in request and request["HttpTokens"] == "required" and image.alias == "" and image.imds != "v2":
        raise bad("HttpTokens", "The image's metadata access mode is v1.")  # from memory
    check_name("InstanceName", request.get("InstanceName", ""))
    check_description("Description", request.get("Description", ""))
    if "UserData" in request:
        try:
            base64.b64decode(request["UserData"], validate=True)
        except binascii.Error:
            raise bad("UserData", "It is not base64.") from None
        if len(request["UserData"]) > 32 * 1024 * 4 // 3 + 4:
            raise ApiError(400, "InvalidUserData.SizeExceeded", "The specified parameter UserData exceeds 32 KB.")
    if "KeyPairName" in request:
        request.find(KeyPair, request["KeyPairName"])
        if image.system == "windows":
            message = "The instance creating is window, cannot use ssh key pair to login."
            raise ApiError(403, "DependencyViolation.WindowsInstance", message)
    password = request.get("Password")
    kinds = [r"[a-z]", r"[A-Z]", r"\d", r"[()`~!@#$%^&*_\-+=|{}\[\]:;'<>,.?/]"]
    if password and (not 8 <= len(password) <= 30 or sum(bool(re.search(kind, password)) for kind in kinds) < 3):
        raise ApiError(400, "InvalidPassword.Malformed", "The specified parameter Password is not valid.")
    check_role(request)


def private_address(request: Request, switch: VSwitch) -> str:
    """An address in a vSwitch that nobody has, or that of the machine."""
    if request.world.machines is not None:
        return request.world.machines.addresses.take(public=False)
    taken = {instance.private for instance in request.world.all(Instance) if instance.switch == switch.id}
    hosts = (str(host) for host in ipaddress.IPv4Network(switch.cidr).hosts())
    free = [host for host in hosts if host not in taken][:-1]
    wanted = request.get("PrivateIpAddress")
    if wanted and wanted not in free:
        message = "Specified private IP address is not in the CIDR block of virtual switch."
        raise ApiError(400, "InvalidPrivateIpAddress", message)
    return wanted or free[0]


def launch(request: Request, run: bool) -> Instance:
    """Make an instance and let it come up."""
    world, image = request.world, choose_image(request)
    if "VSwitchId" not in request:
        raise missing("VSwitchId")  # there are no default VPCs here, and classic networks are no longer sold
    switch = request.find(VSwitch, request["VSwitchId"])
    zone = request.get("ZoneId", switch.zone)
    check_zone(request.region, zone)
    if switch.state != "Available":
        message = "The current status of virtual switch does not support this operation."
        raise ApiError(400, "IncorrectVSwitchStatus", message)
    if zone != switch.zone:
        raise ApiError(400, "InvalidParameter.Mismatch", "Specified virtual switch is not in the specified zone.")
    groups = choose_groups(request, switch)
    check_words(request, image)
    rows = [system_disk(request, image), *data_disks(request, image)]
    kind = choose_type(request, image, zone)
    for row in rows:
        check_category(request, zone, row["category"])
    text = request.get("AutoReleaseTime")
    when = release_time(text, world.time()) if text else None
    request.tags  # noqa: B018 - checks them
    request.checked()
    private = private_address(request, switch)
    public = take_public(world) if run and request.get("InternetMaxBandwidthOut", 0) > 0 else ""
    instance = request.make(
        Instance,
        image=image.id,
        type=kind.name,
        zone=zone,
        vpc=switch.vpc,
        switch=switch.id,
        groups=groups,
        name=request.get("InstanceName", ""),
        description=request.get("Description", ""),
        host_name=request.get("HostName", ""),
        key_pair=request.get("KeyPairName", ""),
        password=request.get("Password", ""),
        user_data=request.get("UserData", ""),
        role=request.get("RamRoleName", ""),
        private=private,
        public=public,
        addresses=[address for address in (public, private) if address],
        bandwidth=request.get("InternetMaxBandwidthOut", 0),
        bandwidth_in=request.get("InternetMaxBandwidthIn", 0),
        charge=request.get("InternetChargeType", "PayByTraffic"),
        release=when,
        spot=request.get("SpotStrategy", "NoSpot"),
        spot_price=request.get("SpotPriceLimit", 0.0),
        protection=request.get("DeletionProtection", False),
        credit=request.get("CreditSpecification", ""),
        security=request.get("SecurityEnhancementStrategy", ""),
        platform=image.system,
        metadata={
            "HttpEndpoint": request.get("HttpEndpoint", "enabled"),
            "HttpTokens": request.get("HttpTokens", "optional"),
            "HttpPutResponseHopLimit": request.get("HttpPutResponseHopLimit", 1),
        },
    )
    instance.name = instance.name or instance.id
    for fields in rows:
        source = image.id if fields.get("type") == "system" else ""
        # ECS puts an instance's tags and resource group onto the disks that are made with it.
        request.make(Disk, instance=instance.id, zone=zone, state="In_use", image=source, **fields)
    begin(world, instance, run)
    release_at_its_time(world, instance)
    return instance


@action(
    "ecs",
    "RunInstances",
    f"{COMMON} SecurityGroupIds[] Amount:int MinAmount:int AutoReleaseTime UniqueSuffix:bool",
    RESOURCES,
)
def run_instances(request: Request) -> Reply:
    if request.get("Amount", 1) != 1 or request.get("MinAmount", 1) != 1:
        raise bad("Amount", "The emulator launches one instance with a call.")
    return {"InstanceIdSets": {"InstanceIdSet": [launch(request, run=True).id]}}


@action("ecs", "CreateInstance", COMMON, RESOURCES)
def create_instance(request: Request) -> Reply:
    return {"InstanceId": launch(request, run=False).id}
