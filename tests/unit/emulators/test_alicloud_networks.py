# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks, security groups, key pairs, public addresses, tags and offers of the Alibaba Cloud emulator."""

from __future__ import annotations

import json

import pytest

from emulators.alicloud import Delays, difference
from emulators.alicloud.fixtures import Client, pairs


def test_a_network_takes_time_and_goes_in_the_order_of_what_holds_what(start_cloud):
    cloud = start_cloud(delays=Delays(vpc=10, vswitch=10))
    before = cloud.cloud.snapshot()
    vpc = cloud.CreateVpc(CidrBlock="172.16.0.0/16", VpcName="v", Tag=pairs(a="b"))["VpcId"]
    zone = cloud.DescribeZones()["Zones"]["Zone"][0]["ZoneId"]
    place = {"VpcId": vpc, "ZoneId": zone, "CidrBlock": "172.16.1.0/24"}
    assert cloud.DescribeVpcAttribute(VpcId=vpc)["Status"] == "Pending"
    assert cloud.refused("CreateVSwitch", **place) == "IncorrectVpcStatus"
    assert cloud.refused("DeleteVpc", VpcId=vpc) == "IncorrectVpcStatus"
    cloud.cloud.advance(10)
    switch = cloud.CreateVSwitch(**place, Tag=pairs(a="b"))["VSwitchId"]
    assert cloud.DescribeVSwitchAttributes(VSwitchId=switch)["Status"] == "Pending"
    assert cloud.refused("DeleteVSwitch", VSwitchId=switch) == "IncorrectVSwitchStatus"
    assert cloud.refused("CreateVSwitch", **place) == "InvalidCidrBlock.Overlapped"
    cloud.cloud.advance(10)
    (shown,) = cloud.DescribeVSwitches(VpcId=vpc)["VSwitches"]["VSwitch"]
    assert (shown["Status"], shown["ZoneId"], shown["AvailableIpAddressCount"]) == ("Available", zone, 252)
    assert cloud.refused("DeleteVpc", VpcId=vpc) == "DependencyViolation.VSwitch"
    group = cloud.CreateSecurityGroup(VpcId=vpc)["SecurityGroupId"]
    cloud.DeleteVSwitch(VSwitchId=switch)
    assert cloud.refused("DeleteVpc", VpcId=vpc) == "DependencyViolation.SecurityGroup"
    cloud.DeleteSecurityGroup(SecurityGroupId=group)
    cloud.DeleteVpc(VpcId=vpc)
    assert cloud.refused("DeleteVpc", VpcId=vpc) == "InvalidVpcId.NotFound"
    assert difference(before, cloud.cloud.snapshot()) == {}


def test_an_instance_holds_its_network_until_it_is_gone(start_cloud):
    cloud = start_cloud(delays=Delays(released=10))
    network = cloud.network()
    cloud.CreateKeyPair(KeyPairName="k1")
    instance = cloud.launch(**network, KeyPairName="k1")
    names = {"SecurityGroupId": network["SecurityGroupId"]}, {"VSwitchId": network["VSwitchId"]}
    assert cloud.refused("DeleteSecurityGroup", **names[0]) == "DependencyViolation"
    assert cloud.refused("DeleteVSwitch", **names[1]) == "DependencyViolation"
    assert cloud.refused("DeleteKeyPairs", KeyPairNames='["k1"]') == "InvalidParameter.KeypairAlreadyAttachedInstance"
    cloud.DeleteInstance(InstanceId=instance, Force=True)
    assert cloud.instance(instance) is None
    assert cloud.refused("DeleteInstance", InstanceId=instance) == "InvalidInstanceId.NotFound"
    assert cloud.refused("DeleteSecurityGroup", **names[0]) == "DependencyViolation"
    cloud.cloud.advance(10)
    cloud.DeleteSecurityGroup(**names[0])
    cloud.DeleteVSwitch(**names[1])
    cloud.DeleteKeyPairs(KeyPairNames='["k1", "never-there"]')


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({}, ""),
        ({"PortRange": "22"}, "InvalidPortRange.Malformed"),
        ({"PortRange": "-1/-1"}, "InvalidPortRange.Malformed"),
        ({"PortRange": "90/80"}, "InvalidPortRange.Malformed"),
        ({"IpProtocol": "ssh"}, "InvalidIpProtocol.ValueNotSupported"),
        ({"SourceCidrIp": "10.0.0.1/8"}, "InvalidSourceCidrIp.Malformed"),
        ({"SourceCidrIp": ""}, "MissingParameter"),
        ({"Priority": "0"}, "InvalidPriority.ValueNotSupported"),
        ({"SourceGroupId": "sg-none"}, "InvalidSecurityGroupId.NotFound"),
    ],
)
@pytest.mark.parametrize("in_rows", [False, True])
def test_a_rule_is_checked_and_kept_once(cloud, change, error, in_rows):
    group = {"SecurityGroupId": cloud.network()["SecurityGroupId"]}
    rule = {"IpProtocol": "tcp", "PortRange": "22/22", "SourceCidrIp": "203.0.113.7/32"} | change
    params = group | ({"Permissions": [rule]} if in_rows else rule)
    if error:
        assert cloud.refused("AuthorizeSecurityGroup", **params) == error
    else:
        cloud.AuthorizeSecurityGroup(**params)
        cloud.AuthorizeSecurityGroup(**params)
    rules = cloud.DescribeSecurityGroupAttribute(**group, Direction="ingress")["Permissions"]["Permission"]
    assert len(rules) == (0 if error else 1)
    if not error:
        assert cloud.cloud.snapshot()["cn-hangzhou/securitygroup"][group["SecurityGroupId"]]["rules"] == [
            "ingress tcp 22/22 203.0.113.7/32"
        ]
        cloud.RevokeSecurityGroup(**params)
        assert not cloud.DescribeSecurityGroupAttribute(**group)["Permissions"]["Permission"]


def test_a_group_that_another_one_names_stays(cloud):
    network = cloud.network()
    other = cloud.CreateSecurityGroup(VpcId=cloud.DescribeVpcs()["Vpcs"]["Vpc"][0]["VpcId"])["SecurityGroupId"]
    rule = {"IpProtocol": "tcp", "PortRange": "22/22", "SourceGroupId": other}
    cloud.AuthorizeSecurityGroup(SecurityGroupId=network["SecurityGroupId"], **rule)
    assert cloud.refused("DeleteSecurityGroup", SecurityGroupId=other) == "DependencyViolation"


def test_an_eip_takes_time_to_come_and_go(start_cloud):
    cloud = start_cloud(delays=Delays(eip=10))
    instance = cloud.launch()
    made = cloud.AllocateEipAddress(Bandwidth="5", InternetChargeType="PayByTraffic", Tag=pairs(a="b"))
    name = {"AllocationId": made["AllocationId"]}

    def state():
        (shown,) = cloud.DescribeEipAddresses(**name)["EipAddresses"]["EipAddress"]
        return shown["Status"], shown["InstanceId"]

    assert state() == ("Available", "")
    cloud.AssociateEipAddress(**name, InstanceId=instance)
    assert state() == ("Associating", instance)
    assert cloud.instance(instance)["EipAddress"]["IpAddress"] == ""
    assert cloud.refused("UnassociateEipAddress", **name) == "IncorrectEipStatus"
    cloud.cloud.advance(10)
    assert state() == ("InUse", instance)
    assert cloud.instance(instance)["EipAddress"]["IpAddress"] == made["EipAddress"]
    assert cloud.refused("ReleaseEipAddress", **name) == "IncorrectEipStatus"
    cloud.UnassociateEipAddress(**name, InstanceId=instance)
    assert state() == ("Unassociating", instance)
    cloud.cloud.advance(10)
    assert state() == ("Available", "")
    cloud.ReleaseEipAddress(**name)
    assert cloud.refused("ReleaseEipAddress", **name) == "InvalidAllocationId.NotFound"


def test_an_eip_outlives_its_instance(cloud):
    instance, name = cloud.launch(), {"AllocationId": cloud.AllocateEipAddress()["AllocationId"]}
    cloud.AssociateEipAddress(**name, InstanceId=instance)
    other = cloud.AllocateEipAddress()["AllocationId"]
    refused = cloud.refused("AssociateEipAddress", AllocationId=other, InstanceId=instance)
    assert refused == "InvalidInstance.AlreadyHasPublicIp"
    cloud.DeleteInstance(InstanceId=instance, Force=True)
    cloud.ReleaseEipAddress(**name)


def test_a_key_pair_has_one_name(cloud, key):
    public = key.with_suffix(".pub").read_text()
    cloud.ImportKeyPair(KeyPairName="k1", PublicKeyBody=public, Tag=pairs(a="b"))
    assert cloud.refused("CreateKeyPair", KeyPairName="k1") == "KeyPair.AlreadyExist"
    assert cloud.refused("ImportKeyPair", KeyPairName="k2", PublicKeyBody="ssh-rsa x") == (
        "InvalidPublicKeyBody.Malformed"
    )
    assert cloud.refused("CreateKeyPair", KeyPairName="1") == "InvalidKeyPairName.Malformed"
    Client(cloud.cloud, "cn-beijing").CreateKeyPair(KeyPairName="k1")
    (shown,) = cloud.DescribeKeyPairs(KeyPairName="k*", IncludePublicKey=True)["KeyPairs"]["KeyPair"]
    assert shown["PublicKey"] == public.strip()
    assert shown["Tags"]["Tag"] == [{"TagKey": "a", "TagValue": "b"}]


def test_a_made_key_pair_gives_its_private_key_once(cloud):
    body = cloud.CreateKeyPair(KeyPairName="k1")["PrivateKeyBody"]
    assert body.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert "PrivateKeyBody" not in cloud.DescribeKeyPairs()["KeyPairs"]["KeyPair"][0]


def test_a_key_pair_is_attached_to_an_instance_and_detached(cloud):
    cloud.CreateKeyPair(KeyPairName="k1")
    instance = cloud.launch()
    names = {"KeyPairName": "k1", "InstanceIds": json.dumps([instance])}
    cloud.AttachKeyPair(**names)
    assert cloud.instance(instance)["KeyPairName"] == "k1"
    cloud.DetachKeyPair(**names)
    cloud.DeleteKeyPairs(KeyPairNames='["k1"]')
    assert cloud.refused("AttachKeyPair", **names) == "InvalidKeyPairName.NotFound"


@pytest.mark.parametrize("product", ["ecs", "vpc"])
def test_tags_are_put_on_taken_off_and_asked_for(cloud, product):
    network = cloud.network()
    kind, name = {"ecs": ("securitygroup", "SecurityGroupId"), "vpc": ("VSWITCH", "VSwitchId")}[product]
    given = {"ResourceType": kind, "ResourceId": [network[name]]}
    cloud.call("TagResources", product, **given, Tag=pairs(a="b", c="d"))
    listed = cloud.call("ListTagResources", product, ResourceType=kind, Tag=pairs(a="b"))
    assert {row["TagKey"] for row in listed["TagResources"]["TagResource"]} == {"a", "c"}
    action, outer, inner = {
        "ecs": ("DescribeSecurityGroups", "SecurityGroups", "SecurityGroup"),
        "vpc": ("DescribeVSwitches", "VSwitches", "VSwitch"),
    }[product]
    assert len(cloud.call(action, Tag=pairs(a="b"))[outer][inner]) == 1
    assert cloud.call(action, Tag=pairs(a="other"))[outer][inner] == []
    untag = {"ecs": "UntagResources", "vpc": "UnTagResources"}[product]
    cloud.call(untag, product, **given, TagKey=["a"])
    assert cloud.call(action, Tag=pairs(a="b"))[outer][inner] == []
    cloud.call(untag, product, **given, All=True)
    assert cloud.call("ListTagResources", product, **given)["TagResources"]["TagResource"] == []


@pytest.mark.parametrize(
    ("tags", "error"),
    [
        ([{"Key": "acs:x", "Value": ""}], "InvalidTagKey.Malformed"),
        ([{"Key": "a", "Value": "http://x"}], "InvalidTagValue.Malformed"),
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "Duplicate.TagKey"),
        ([{"Key": f"k{number}", "Value": ""} for number in range(21)], "InvalidTagCount"),
    ],
)
def test_tags_follow_the_rules(cloud, tags, error):
    assert cloud.refused("CreateVpc", Tag=tags) == error


def test_tags_of_what_does_not_exist_are_refused(cloud):
    given = {"ResourceId": "m-none", "ResourceType": "image", "Tag": pairs(a="b")}
    assert cloud.refused("AddTags", **given) == "InvalidResourceId.NotFound"
    assert cloud.refused("AddTags", **given | {"ResourceType": "vpc"}) == "InvalidResourceType.NotFound"


def test_what_is_sold_out_is_told_and_refused(cloud):
    network = cloud.network("cn-hangzhou-i")
    cloud.cloud.sell_out("ecs.c6.large", "cn-hangzhou-i")

    def offered():
        found = cloud.DescribeAvailableResource(DestinationResource="InstanceType", InstanceType="ecs.c6.large")
        zones = found["AvailableZones"]["AvailableZone"]
        return {zone["ZoneId"] for zone in zones if zone["StatusCategory"] == "WithStock"}

    assert offered() == {"cn-hangzhou-h", "cn-hangzhou-j", "cn-hangzhou-k"}
    launch = {"ImageId": cloud.cloud.image, "InstanceType": "ecs.c6.large", **network}
    assert cloud.refused("RunInstances", **launch) == "OperationDenied.NoStock"
    cloud.launch(**network, InstanceType="ecs.g6.large")
    cloud.cloud.restock()
    assert "cn-hangzhou-i" in offered()
    cloud.launch(**network)


def test_a_disk_category_that_is_sold_out_is_told_and_refused(cloud):
    network = cloud.network("cn-hangzhou-i")
    cloud.cloud.sell_out_disks("cloud_essd", "cn-hangzhou-i")
    question = {"DestinationResource": "SystemDisk", "ResourceType": "instance"}
    assert cloud.refused("DescribeAvailableResource", **question) == "MissingParameter"
    found = cloud.DescribeAvailableResource(**question, InstanceType="ecs.c6.large", ZoneId="cn-hangzhou-i")
    (zone,) = found["AvailableZones"]["AvailableZone"]
    (resource,) = zone["AvailableResources"]["AvailableResource"]
    entries = {item["Value"]: item["Status"] for item in resource["SupportedResources"]["SupportedResource"]}
    assert (entries["cloud_essd"], entries["cloud_ssd"]) == ("SoldOut", "Available")
    launch = {"ImageId": cloud.cloud.image, "InstanceType": "ecs.c6.large", **network}
    assert cloud.refused("RunInstances", **launch) == "CategoryNotSupported"
    cloud.launch(**network, **{"SystemDisk.Category": "cloud_ssd"})
    cloud.cloud.restock()
    cloud.launch(**network)


def test_instance_types_are_what_they_are(cloud):
    (shown,) = cloud.DescribeInstanceTypes(InstanceTypes=["ecs.c8y.large"])["InstanceTypes"]["InstanceType"]
    assert (shown["CpuArchitecture"], shown["CpuCoreCount"]) == ("ARM", 2)
    assert shown["SupportedBootModes"]["SupportedBootMode"] == ["UEFI"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("vpc", "QuotaExceeded.Vpc"),
        ("vswitch", "QuotaExceeded.VSwitch"),
        ("securitygroup", "QuotaExceed.SecurityGroup"),
        ("keypair", "QuotaExceed.KeyPair"),
        ("eip", "QuotaExceeded.Eip"),
        ("instance", "QuotaExceed.ElasticQuota"),
        ("image", "QuotaExceed.Image"),
        ("snapshot", "QuotaExceed.Snapshot"),
    ],
)
def test_a_quota_holds_one_back(cloud, kind, error):
    network = cloud.network()
    instance = cloud.launch(**network)
    (disk,) = cloud.DescribeDisks(InstanceId=instance)["Disks"]["Disk"]
    vpc = cloud.DescribeVpcs()["Vpcs"]["Vpc"][0]["VpcId"]
    cloud.cloud.world.quotas[kind] = len(cloud.cloud.snapshot().get(f"cn-hangzhou/{kind}", {}))
    calls = {
        "vpc": ("CreateVpc", {}),
        "vswitch": ("CreateVSwitch", {"VpcId": vpc, "ZoneId": "cn-hangzhou-h", "CidrBlock": "172.17.0.0/24"}),
        "securitygroup": ("CreateSecurityGroup", {"VpcId": vpc}),
        "keypair": ("CreateKeyPair", {"KeyPairName": "k1"}),
        "eip": ("AllocateEipAddress", {}),
        "instance": ("RunInstances", {"ImageId": cloud.cloud.image, "InstanceType": "ecs.c6.large", **network}),
        "image": ("CreateImage", {"InstanceId": instance}),
        "snapshot": ("CreateSnapshot", {"DiskId": disk["DiskId"]}),
    }
    before = cloud.cloud.snapshot()
    assert cloud.refused(calls[kind][0], **calls[kind][1]) == error
    assert difference(before, cloud.cloud.snapshot()) == {}


def test_what_was_just_made_is_not_found_for_a_while(start_cloud):
    cloud = start_cloud(delays=Delays(not_found=10))
    vpc = cloud.CreateVpc()["VpcId"]
    assert cloud.DescribeVpcs()["TotalCount"] == 0
    assert cloud.refused("DeleteVpc", VpcId=vpc) == "InvalidVpcId.NotFound"
    assert len(cloud.cloud.snapshot()["cn-hangzhou/vpc"]) == 1
    cloud.cloud.advance(10)
    cloud.DeleteVpc(VpcId=vpc)


def test_another_account_sees_nothing_of_it(cloud):
    vpc = cloud.CreateVpc()["VpcId"]
    other = Client(cloud.cloud, keys=cloud.cloud.add_user(account="2000000000000002"))
    assert other.DescribeVpcs()["TotalCount"] == 0
    assert other.refused("DeleteVpc", VpcId=vpc) == "InvalidVpcId.NotFound"
