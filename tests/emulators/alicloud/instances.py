# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances, once they are launched."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

from emulators.alicloud.api import Reply, Request, action, page, shown_tags
from emulators.alicloud.errors import ApiError, wrong_status
from emulators.alicloud.lifecycle import release, release_at_its_time, start, stop
from emulators.alicloud.offers import TYPES
from emulators.alicloud.things import Eip, Instance
from emulators.alicloud.world import moment

STATES = ("Pending", "Running", "Starting", "Stopping", "Stopped")


def release_time(text: str, now: datetime) -> datetime:
    """The time at which an instance is to be released, from a parameter: half an hour to three years away."""
    error = ApiError(400, "InvalidAutoReleaseTime.Malformed", "The specified parameter AutoReleaseTime is not valid.")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z", text):
        raise error
    try:
        when = datetime.fromisoformat(text.removesuffix("Z")).replace(second=0, tzinfo=UTC)
    except ValueError:
        raise error from None
    # ECS counts in minutes and leaves seconds off.
    if not timedelta(minutes=29) <= when - now <= timedelta(days=3 * 366):
        raise error
    return when


def show(request: Request, instance: Instance) -> Reply:
    """An instance as DescribeInstances shows it."""
    world, kind = request.world, TYPES[instance.type]
    eip = world.things.get(instance.eip)
    bound = eip if isinstance(eip, Eip) and eip.state == "InUse" else None
    address = {
        "AllocationId": bound.id if bound else "",
        "IpAddress": bound.address if bound else "",
        "Bandwidth": int(bound.bandwidth) if bound else 0,
        "InternetChargeType": bound.charge if bound else "",
        "IsSupportUnassociate": bound is not None,
    }
    return {
        "InstanceId": instance.id,
        "InstanceName": instance.name,
        "Description": instance.description,
        "HostName": instance.host_name,
        "Status": instance.state,
        "RegionId": instance.region,
        "ZoneId": instance.zone,
        "ImageId": instance.image,
        "InstanceType": instance.type,
        "InstanceTypeFamily": kind.family,
        "Cpu": kind.cpus,
        "Memory": int(kind.memory * 1024),
        "OSType": instance.platform,
        "InstanceNetworkType": "vpc",
        "InstanceChargeType": "PostPaid",
        "InternetChargeType": instance.charge,
        "InternetMaxBandwidthIn": instance.bandwidth_in,
        "InternetMaxBandwidthOut": instance.bandwidth,
        "IoOptimized": True,
        "KeyPairName": instance.key_pair,
        "SpotStrategy": instance.spot,
        "SpotPriceLimit": instance.spot_price,
        "StoppedMode": instance.stopped_mode or "Not-applicable",
        "DeletionProtection": instance.protection,
        "CreationTime": instance.stamp(),
        "StartTime": moment(instance.started) if instance.started else "",
        "AutoReleaseTime": moment(instance.release) if instance.release else "",
        "ResourceGroupId": instance.group,
        "MetadataOptions": instance.metadata,
        "CreditSpecification": instance.credit,
        "SecurityGroupIds": {"SecurityGroupId": list(instance.groups)},
        "EipAddress": address,  # before PublicIpAddress: footmark looks at it while it reads that
        "VpcAttributes": {
            "VpcId": instance.vpc,
            "VSwitchId": instance.switch,
            "PrivateIpAddress": {"IpAddress": [instance.private]},
            "NatIpAddress": "",
        },
        "PublicIpAddress": {"IpAddress": [instance.public] if instance.public else []},
        "InnerIpAddress": {"IpAddress": []},
        "OperationLocks": {"LockReason": []},
        "Tags": shown_tags(instance),
    }


@action(
    "ecs",
    "DescribeInstances",
    "RegionId! InstanceIds:json VpcId VSwitchId ZoneId Status InstanceName InstanceType ImageId KeyPairName "
    "SecurityGroupId PrivateIpAddresses:json PublicIpAddresses:json InstanceChargeType InstanceNetworkType "
    "InternetChargeType IoOptimized:bool ResourceGroupId AdditionalAttributes[] DryRun:bool PageNumber:int "
    "PageSize:int MaxResults:int NextToken Tag[Key Value]",
    "instance/*",
)
def describe_instances(request: Request) -> Reply:
    status = request.choice("Status", STATES)
    request.checked()
    found = request.select(
        request.all(Instance),
        id=request.get("InstanceIds"),
        vpc=request.get("VpcId"),
        switch=request.get("VSwitchId"),
        zone=request.get("ZoneId"),
        state=status,
        name=request.get("InstanceName"),
        type=request.get("InstanceType"),
        image=request.get("ImageId"),
        key_pair=request.get("KeyPairName"),
        groups=request.get("SecurityGroupId"),
        private=request.get("PrivateIpAddresses"),
        public=request.get("PublicIpAddresses"),
    )
    return page(request, found, "Instances", "Instance", lambda instance: show(request, instance))


@action("ecs", "DescribeInstanceStatus", "RegionId! InstanceId[] ZoneId PageNumber:int PageSize:int", "instance/*")
def describe_instance_status(request: Request) -> Reply:
    found = request.select(request.all(Instance), id=request.get("InstanceId"), zone=request.get("ZoneId"))

    def entry(instance: Instance) -> Reply:
        return {"InstanceId": instance.id, "Status": instance.state}

    return page(request, found, "InstanceStatuses", "InstanceStatus", entry, 50)


@action("ecs", "DescribeInstanceAttribute", "RegionId InstanceId!", "instance/{InstanceId}")
def describe_instance_attribute(request: Request) -> Reply:
    return show(request, request.find(Instance, request["InstanceId"]))


@action("ecs", "DescribeUserData", "RegionId! InstanceId!", "instance/{InstanceId}")
def describe_user_data(request: Request) -> Reply:
    instance = request.find(Instance, request["InstanceId"])
    return {"InstanceId": instance.id, "RegionId": instance.region, "UserData": instance.user_data}


@action("ecs", "StartInstance", "RegionId InstanceId! InitLocalDisk:bool DryRun:bool", "instance/{InstanceId}")
def start_instance(request: Request) -> Reply:
    instance = request.find(Instance, request["InstanceId"])
    if instance.state != "Stopped":
        raise wrong_status()
    request.checked()
    start(request.world, instance, request.world.delays.running / 2)
    return {}


@action(
    "ecs",
    "StopInstance",
    "RegionId InstanceId! ForceStop:bool ConfirmStop:bool StoppedMode Hibernate:bool DryRun:bool",
    "instance/{InstanceId}",
)
def stop_instance(request: Request) -> Reply:
    instance = request.find(Instance, request["InstanceId"])
    mode = request.choice("StoppedMode", ("KeepCharging", "StopCharging"), "KeepCharging")
    if instance.state not in ("Running", "Stopped"):
        raise wrong_status()
    request.checked()
    if instance.state == "Running":
        stop(request.world, instance, mode)
    return {}


@action("ecs", "RebootInstance", "RegionId InstanceId! ForceStop:bool DryRun:bool", "instance/{InstanceId}")
def reboot_instance(request: Request) -> Reply:
    instance = request.find(Instance, request["InstanceId"])
    if instance.state != "Running":
        raise wrong_status()
    request.checked()
    stop(request.world, instance, restart=True)
    return {}


def check_release(instance: Instance, force: bool) -> None:
    """Refuse to release an instance that cannot be released."""
    if instance.protection:
        message = "The operation is not allowed because the instance has deletion protection."
        raise ApiError(403, "InvalidOperation.DeletionProtection", message)
    if instance.state in ("Pending", "Starting"):
        message = "The specified instance status does not support this operation."
        raise ApiError(403, "IncorrectInstanceStatus.Initializing", message)
    if instance.state != "Stopped" and not force:
        raise wrong_status()


@action(
    "ecs",
    "DeleteInstance",
    "RegionId InstanceId! Force:bool ForceStop:bool TerminateSubscription:bool DryRun:bool",
    "instance/{InstanceId}",
)
def delete_instance(request: Request) -> Reply:
    instance = request.find(Instance, request["InstanceId"])
    check_release(instance, request.get("Force", False))
    request.checked()
    release(request.world, instance)
    return {}


@action(
    "ecs",
    "DeleteInstances",
    "RegionId! InstanceId[]! Force:bool ForceStop:bool TerminateSubscription:bool DryRun:bool ClientToken",
    "instance/{InstanceId}",
)
def delete_instances(request: Request) -> Reply:
    instances = [request.find(Instance, identifier) for identifier in request["InstanceId"]]
    for instance in instances:
        check_release(instance, request.get("Force", False))
    request.checked()
    for instance in instances:
        release(request.world, instance)
    return {}


@action("ecs", "ModifyInstanceAutoReleaseTime", "RegionId InstanceId! AutoReleaseTime", "instance/{InstanceId}")
def modify_instance_auto_release_time(request: Request) -> Reply:
    instance = request.find(Instance, request["InstanceId"])
    text = request.get("AutoReleaseTime")
    instance.release = release_time(text, request.world.time()) if text else None
    release_at_its_time(request.world, instance)
    return {}


@action(
    "ecs",
    "ModifyInstanceAttribute",
    "RegionId InstanceId! InstanceName Description HostName Password UserData DeletionProtection:bool "
    "CreditSpecification SecurityGroupIds[]",
    "instance/{InstanceId} securitygroup/{SecurityGroupIds}",
)
def modify_instance_attribute(request: Request) -> Reply:
    instance = request.find(Instance, request["InstanceId"])
    names = {
        "InstanceName": "name",
        "Description": "description",
        "HostName": "host_name",
        "Password": "password",
        "UserData": "user_data",
        "DeletionProtection": "protection",
        "CreditSpecification": "credit",
        "SecurityGroupIds": "groups",
    }
    for name, attribute in names.items():
        if name in request:
            setattr(instance, attribute, request[name])
    return {}


@action("ecs", "GetInstanceConsoleOutput", "RegionId! InstanceId! RemoveSymbols:bool", "instance/{InstanceId}")
def get_instance_console_output(request: Request) -> Reply:
    world, instance = request.world, request.find(Instance, request["InstanceId"])
    guest = world.guests.get(instance.id)
    old = instance.started is not None and (world.time() - instance.started).total_seconds() >= world.delays.console
    text = guest.console[-65536:] if guest and old else ""
    return {
        "InstanceId": instance.id,
        "ConsoleOutput": base64.b64encode(text.encode()).decode(),
        "LastUpdateTime": moment(world.time(), seconds=True),
    }
