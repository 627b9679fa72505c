# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances and disks of the Alibaba Cloud emulator: states over time, launches, disks, release at a time."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from emulators.alicloud import Delays, difference
from emulators.alicloud.fixtures import Client, pairs
from emulators.alicloud.world import moment


def later(cloud, **duration):
    """A time from now, as the API wants it."""
    return moment(cloud.cloud.world.time() + timedelta(**duration), seconds=True)


def test_an_instance_comes_up_in_steps_and_stops_without_being_waited_for(start_cloud):
    cloud = start_cloud(delays=Delays(running=10, stopped=10))
    instance = cloud.launch()
    assert cloud.state(instance) == "Pending"
    refused = cloud.refused("DeleteInstance", InstanceId=instance, Force=True)
    assert refused == "IncorrectInstanceStatus.Initializing"
    cloud.cloud.advance(5)
    assert cloud.state(instance) == "Stopped"
    cloud.cloud.advance(2.5)
    assert cloud.state(instance) == "Starting"
    assert cloud.refused("StopInstance", InstanceId=instance) == "IncorrectInstanceStatus"
    cloud.cloud.advance(2.5)
    assert cloud.state(instance) == "Running"
    assert cloud.refused("DeleteInstance", InstanceId=instance) == "IncorrectInstanceStatus"
    cloud.StopInstance(InstanceId=instance, StoppedMode="StopCharging")
    assert cloud.state(instance) == "Stopping"
    cloud.cloud.advance(10)
    assert (cloud.state(instance), cloud.instance(instance)["StoppedMode"]) == ("Stopped", "StopCharging")
    cloud.StartInstance(InstanceId=instance)
    assert cloud.state(instance) == "Starting"
    cloud.cloud.advance(5)
    cloud.RebootInstance(InstanceId=instance)
    assert cloud.state(instance) == "Stopping"
    for _step in range(2):
        cloud.cloud.advance(10)
        cloud.state(instance)
    assert cloud.state(instance) == "Running"


def test_an_instance_that_is_only_created_waits_to_be_started(start_cloud):
    cloud = start_cloud(delays=Delays(running=10))
    given = {"ImageId": cloud.cloud.image, "InstanceType": "ecs.c6.large"} | cloud.network()
    instance = cloud.CreateInstance(**given, InternetMaxBandwidthOut=5)["InstanceId"]
    assert cloud.state(instance) == "Pending"
    cloud.cloud.advance(5)
    assert cloud.state(instance) == "Stopped"
    assert cloud.instance(instance)["PublicIpAddress"]["IpAddress"] == []
    (disk,) = cloud.DescribeDisks(InstanceId=instance)["Disks"]["Disk"]
    assert cloud.refused("CreateSnapshot", DiskId=disk["DiskId"]) == "IncorrectDiskStatus.NeverUsed"
    address = cloud.AllocatePublicIpAddress(InstanceId=instance)["IpAddress"]
    assert cloud.instance(instance)["PublicIpAddress"]["IpAddress"] == [address]
    assert cloud.refused("AllocatePublicIpAddress", InstanceId=instance) == "AllocatedAlready"


def test_a_launch_has_what_it_was_given(cloud):
    cloud.CreateKeyPair(KeyPairName="k1")
    cloud.cloud.add_role("app")
    key = cloud.cloud.add_key()
    instance = cloud.launch(
        KeyPairName="k1",
        InstanceName="web",
        HostName="web",
        Description="a web server",
        RamRoleName="app",
        ResourceGroupId="rg-1",
        UserData=base64.b64encode(b"#!/bin/sh\n").decode(),
        SpotStrategy="SpotWithPriceLimit",
        SpotPriceLimit=0.25,
        HttpTokens="required",
        InternetMaxBandwidthOut=10,
        Tag=pairs(a="b"),
        **{"SystemDisk.Category": "cloud_essd", "SystemDisk.PerformanceLevel": "PL0", "SystemDisk.Size": 30},
        DataDisk=[{"Size": 50, "Encrypted": True, "KMSKeyId": key, "DeleteWithInstance": False, "DiskName": "data"}],
    )
    shown = cloud.instance(instance)
    assert (shown["InstanceName"], shown["KeyPairName"], shown["SpotPriceLimit"]) == ("web", "k1", 0.25)
    assert shown["MetadataOptions"]["HttpTokens"] == "required"
    assert len(shown["PublicIpAddress"]["IpAddress"]) == 1
    assert cloud.DescribeUserData(InstanceId=instance)["UserData"] == "IyEvYmluL3NoCg=="
    roles = cloud.DescribeInstanceRamRole(InstanceIds=json.dumps([instance]))["InstanceRamRoleSets"]
    assert roles["InstanceRamRoleSet"] == [{"InstanceId": instance, "RamRoleName": "app"}]
    system, data = cloud.DescribeDisks(InstanceId=instance, Tag=pairs(a="b"))["Disks"]["Disk"]
    assert (system["Type"], system["Size"], system["PerformanceLevel"]) == ("system", 30, "PL0")
    assert (data["Device"], data["Size"], data["KMSKeyId"], data["Encrypted"]) == ("/dev/xvdb", 50, key, True)
    assert cloud.DescribeInstances(Tag=pairs(a="b"), ResourceGroupId="rg-1")["TotalCount"] == 1
    cloud.DeleteInstance(InstanceId=instance, Force=True)
    (left,) = cloud.DescribeDisks()["Disks"]["Disk"]
    assert (left["DiskId"], left["Status"], left["InstanceId"]) == (data["DiskId"], "Available", "")
    cloud.DeleteDisk(DiskId=left["DiskId"])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ImageId": "m-none"}, "InvalidImageId.NotFound"),
        ({"InstanceType": "ecs.none"}, "InvalidInstanceType.ValueNotSupported"),
        ({"InstanceType": "ecs.c8y.large"}, "InvalidInstanceType.NotSupportedArchitecture"),
        ({"KeyPairName": "none"}, "InvalidKeyPairName.NotFound"),
        ({"VSwitchId": "vsw-none"}, "InvalidVSwitchId.NotFound"),
        ({"VSwitchId": ""}, "MissingParameter"),
        ({"SecurityGroupId": ""}, "MissingParameter"),
        ({"SecurityGroupId": "sg-none"}, "InvalidSecurityGroupId.NotFound"),
        ({"ZoneId": "cn-hangzhou-k"}, "InvalidParameter.Mismatch"),
        ({"ZoneId": "cn-beijing-f"}, "InvalidZoneId.NotFound"),
        ({"SystemDisk.Category": "fast"}, "InvalidSystemDiskCategory.ValueNotSupported"),
        ({"SystemDisk.Size": 19}, "InvalidSystemDiskSize.ValueNotSupported"),
        ({"SystemDisk.Category": "cloud_efficiency", "SystemDisk.PerformanceLevel": "PL1"}, "InvalidParameter"),
        ({"SystemDisk.KMSKeyId": "none"}, "InvalidParameter.KMSKeyId.NotFound"),
        ({"DataDisk": [{"Category": "cloud_essd"}]}, "MissingParameter"),
        ({"DataDisk": [{"Size": 20, "Category": "fast"}]}, "InvalidDataDiskCategory.ValueNotSupported"),
        ({"DataDisk": [{"Size": 99999}]}, "InvalidDataDiskSize.ValueNotSupported"),
        ({"DataDisk": [{"Size": 20, "Device": "/dev/xvdb"}] * 2}, "InvalidDevice.InUse"),
        ({"DataDisk": [{"Size": 20}] * 17}, "InstanceDiskNumber.LimitExceed"),
        ({"DataDisk": [{"SnapshotId": "s-none"}]}, "InvalidSnapshotId.NotFound"),
        ({"SpotStrategy": "cheap"}, "InvalidParameter"),
        ({"SpotPriceLimit": 1.0}, "InvalidParameter"),
        ({"HttpTokens": "always"}, "InvalidParameter"),
        ({"InternetMaxBandwidthOut": 101}, "InvalidInternetMaxBandwidthOut.Malformed"),
        ({"UserData": "#!/bin/sh"}, "InvalidParameter"),
        ({"RamRoleName": "nobody"}, "InvalidRamRole.NotFound"),
        ({"Password": "short"}, "InvalidPassword.Malformed"),
        ({"Amount": 2}, "InvalidParameter"),
        ({"AutoReleaseTime": "tomorrow"}, "InvalidAutoReleaseTime.Malformed"),
        ({"AutoReleaseTime": "2026-01-01T00:00:00Z"}, "InvalidAutoReleaseTime.Malformed"),
        ({"InstanceName": "-"}, "InvalidInstanceName.Malformed"),
        ({"InstanceName": "a b"}, "InvalidInstanceName.Malformed"),
        ({"Description": "d"}, "InvalidDescription.Malformed"),
        ({"SystemDisk.DiskName": "1"}, "InvalidDiskName.Malformed"),
        ({"SystemDisk.Description": "http://d"}, "InvalidDiskDescription.Malformed"),
        ({"DataDisk": [{"Size": 20, "DiskName": "a/b"}]}, "InvalidDiskName.Malformed"),
    ],
)
def test_a_launch_that_cannot_be_is_refused_and_leaves_nothing(cloud, change, error):
    given = {"ImageId": cloud.cloud.image, "InstanceType": "ecs.c6.large"} | cloud.network("cn-hangzhou-h")
    before = cloud.cloud.snapshot()
    assert cloud.refused("RunInstances", **given | change) == error
    assert difference(before, cloud.cloud.snapshot()) == {}


def test_a_network_is_of_one_piece(cloud):
    first, second = cloud.network(), cloud.network()
    given = {"ImageId": cloud.cloud.image, "InstanceType": "ecs.c6.large"}
    mixed = first | {"SecurityGroupId": second["SecurityGroupId"]}
    assert cloud.refused("RunInstances", **given, **mixed) == "InvalidParameter.Mismatch"
    instance = cloud.launch(**first)
    joined = {"InstanceId": instance, "SecurityGroupId": second["SecurityGroupId"]}
    assert cloud.refused("JoinSecurityGroup", **joined) == "InvalidParameter.Mismatch"
    vpc = cloud.instance(instance)["VpcAttributes"]["VpcId"]
    cloud.JoinSecurityGroup(**joined | {"SecurityGroupId": cloud.CreateSecurityGroup(VpcId=vpc)["SecurityGroupId"]})
    assert len(cloud.instance(instance)["SecurityGroupIds"]["SecurityGroupId"]) == 2


def test_windows_has_a_password_and_no_key_pair(cloud):
    image = cloud.cloud.add_image("win2022", system="windows", platform="Windows Server 2022", size=40)
    cloud.CreateKeyPair(KeyPairName="k1")
    given = {"ImageId": image, "InstanceType": "ecs.c6.large"} | cloud.network()
    assert cloud.refused("RunInstances", **given, KeyPairName="k1") == "DependencyViolation.WindowsInstance"
    instance = cloud.launch(image, Password="Emulated-Windows-1")
    assert cloud.instance(instance)["OSType"] == "windows"
    assert "Emulated-Windows-1" not in json.dumps(cloud.cloud.snapshot())
    assert cloud.DescribeImages(OSType="windows")["Images"]["Image"][0]["ImageId"] == image


def test_an_instance_is_released_with_its_disks_when_its_time_has_come(cloud):
    network = cloud.network()
    before = cloud.cloud.snapshot()
    instance = cloud.launch(**network, AutoReleaseTime=later(cloud, minutes=40), DataDisk=[{"Size": 20}])
    cloud.cloud.advance(38 * 60)
    assert cloud.state(instance) == "Running"
    cloud.cloud.advance(3 * 60)
    assert cloud.state(instance) == "gone"
    assert difference(before, cloud.cloud.snapshot()) == {}


def test_the_time_of_release_can_be_changed_and_taken_away(cloud):
    instance = cloud.launch(AutoReleaseTime=later(cloud, minutes=40))
    cloud.ModifyInstanceAutoReleaseTime(InstanceId=instance, AutoReleaseTime=later(cloud, hours=2))
    cloud.cloud.advance(3600)
    assert cloud.state(instance) == "Running"
    cloud.ModifyInstanceAutoReleaseTime(InstanceId=instance)
    cloud.cloud.advance(7200)
    assert cloud.instance(instance)["AutoReleaseTime"] == ""
    refused = cloud.refused(
        "ModifyInstanceAutoReleaseTime", InstanceId=instance, AutoReleaseTime=later(cloud, minutes=9)
    )
    assert refused == "InvalidAutoReleaseTime.Malformed"


def test_a_protected_instance_stays(cloud):
    instance = cloud.launch(DeletionProtection=True)
    assert cloud.refused("DeleteInstance", InstanceId=instance, Force=True) == "InvalidOperation.DeletionProtection"
    cloud.ModifyInstanceAttribute(InstanceId=instance, DeletionProtection=False, InstanceName="other")
    assert cloud.instance(instance)["InstanceName"] == "other"
    cloud.DeleteInstances(InstanceId=[instance], Force=True)
    assert cloud.state(instance) == "gone"


def test_a_role_is_attached_to_one_that_has_none(cloud):
    instance = json.dumps([cloud.launch()])
    assert cloud.refused("AttachInstanceRamRole", RamRoleName="app", InstanceIds=instance) == "InvalidRamRole.NotFound"
    cloud.cloud.add_role("app")
    cloud.AttachInstanceRamRole(RamRoleName="app", InstanceIds=instance)
    refused = cloud.refused("AttachInstanceRamRole", RamRoleName="app", InstanceIds=instance)
    assert refused == "InvalidOperation.AlreadyAttachRamRole"


def test_instances_are_told_apart_by_what_they_are(cloud):
    network = cloud.network()
    one, two = cloud.launch(**network, InstanceName="web-1"), cloud.launch(**network, InstanceName="db-1")
    cloud.StopInstance(InstanceId=two)

    def found(**wanted):
        return {shown["InstanceId"] for shown in cloud.DescribeInstances(**wanted)["Instances"]["Instance"]}

    assert found(Status="Stopped") == {two}
    assert found(InstanceName="web-*") == {one}
    assert found(VSwitchId=network["VSwitchId"]) == {one, two}
    assert found(SecurityGroupId=network["SecurityGroupId"], Status="Running") == {one}
    assert found(InstanceIds=json.dumps([two])) == {two}
    addresses = [cloud.instance(name)["VpcAttributes"]["PrivateIpAddress"]["IpAddress"][0] for name in (one, two)]
    assert found(PrivateIpAddresses=json.dumps(addresses[:1])) == {one}
    statuses = cloud.DescribeInstanceStatus(InstanceId=[two])["InstanceStatuses"]["InstanceStatus"]
    assert statuses == [{"InstanceId": two, "Status": "Stopped"}]
    assert Client(cloud.cloud, "cn-beijing").DescribeInstances()["TotalCount"] == 0
