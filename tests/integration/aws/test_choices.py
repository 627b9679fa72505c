# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is chosen by filters, what quotas allow, and how AWS is asked, in an account emulated over plain HTTP."""

from __future__ import annotations

from datetime import timedelta

import boto3
import pytest
from moto.core.utils import utcnow
from moto.sts.models import AssumedRole

from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from support.aws_account import KEYS
from support.emulated_build import HOME


@pytest.fixture
def ec2(aws):
    """A client that the test itself asks with."""
    keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client("ec2", region_name=HOME, endpoint_url=aws.endpoint_url, **keys)


@pytest.fixture
def network(ec2):
    """A VPC with a small and a large subnet and two security groups, all named builds."""
    named = [{"Key": "Name", "Value": "builds"}]

    def tags(kind):
        return [{"ResourceType": kind, "Tags": named}]

    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags("vpc"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone, TagSpecifications=tags("subnet"))["Subnet"]
        for block, zone in (("10.9.1.0/28", f"{HOME}a"), ("10.9.2.0/24", f"{HOME}b"))
    ]
    groups = [
        ec2.create_security_group(
            GroupName=name, Description=name, VpcId=vpc, TagSpecifications=tags("security-group")
        )["GroupId"]
        for name in ("ssh", "proxy")
    ]
    yield {"vpc": vpc, "subnets": [subnet["SubnetId"] for subnet in subnets], "groups": sorted(groups)}
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for group in groups:
        ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)


def launched(aws):
    """The parameters of the last launch."""
    return [call for call in aws.calls if call.action == "RunInstances" and not call.dry_run][-1].params


NAMED = {"tag:Name": "builds"}


def test_network_and_groups_are_found_by_filters(aws, network, emulated_build):
    plan = emulated_build.launch(vpc_filters=NAMED, subnet_filters=NAMED, security_group_filters=NAMED)["plan"]
    assert [item["kind"] for item in plan] == ["runtime", "key", "machine"]
    asked = launched(aws)
    assert asked["NetworkInterface.1.SubnetId"] == network["subnets"][1]  # it has more free addresses
    groups = [asked[f"NetworkInterface.1.SecurityGroupId.{number}"] for number in (1, 2)]
    assert sorted(groups) == network["groups"]
    assert emulated_build.tear_down() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vpc_filters": {"tag:Name": "nothing"}}, f"vpc_filters: no VPC in {HOME} matches"),
        ({"vpc_filters": {"state": "available"}}, "vpc_filters: 2 match"),
        ({"vpc_filters": NAMED, "subnet_filters": {"tag:Name": "nothing"}}, "subnet_filters: no subnet of"),
        (
            {"vpc_filters": NAMED, "security_group_filters": {"group-name": "nothing"}},
            "security_group_filters: no group of",
        ),
        ({"vpc_filters": NAMED, "vpc_id": "vpc-1"}, "vpc_filters: with vpc_id"),
        ({"vpc_filters": NAMED, "subnet_ids": ["subnet-1"]}, "vpc_filters: with subnet_ids: only one of them"),
        ({"security_group_filters": NAMED, "security_group_ids": ["sg-1"]}, "with security_group_ids"),
    ],
)
def test_what_filters_do_not_choose_is_told(network, emulated_build, options, message):
    assert message in emulated_build.launch("fail", **options)


def test_plan_tells_the_quotas_that_can_be_read(aws, emulated_build):
    aws.world.quotas["L-1216C47A"] = 32.0
    plan = emulated_build.launch(check_mode=True, instance_types=["t3.small", "g4dn.xlarge"])["plan"]
    assert plan[-1]["quotas"] == [
        {"name": "vCPUs of on-demand t3.small", "region": HOME, "limit": 32.0, "used": 0, "needed": 2},
        {"name": "security groups", "region": HOME, "limit": 2500.0, "used": 1, "needed": 1},
    ]


@pytest.mark.parametrize("check_mode", [True, False])
def test_groups_of_another_network_are_told_before_anything_is_made(aws, network, emulated_build, check_mode):
    first = len(aws.calls)
    elsewhere, nowhere = network["groups"][:1], ["sg-0123456789abcdef0"]
    message = emulated_build.launch("fail", security_group_ids=elsewhere, check_mode=check_mode)
    assert message.startswith(f"security_group_ids: {elsewhere[0]}: in {network['vpc']}: a security group of vpc-")
    message = emulated_build.launch("fail", security_group_ids=nowhere, check_mode=check_mode)
    assert message.startswith("security_group_ids: InvalidGroup.NotFound: ")
    assert not [call for call in list(aws.calls)[first:] if call.mutates]
    emulated_build.launch(vpc_id=network["vpc"], security_group_ids=network["groups"], check_mode=True)


def test_plan_refuses_what_no_quota_has_room_for(aws, ec2, host, emulated_build):
    aws.world.quotas |= {"L-1216C47A": 3.0, "L-34B43A08": 1.0}
    emulated_build.launch()
    second = {"name": "second", "check_mode": True}
    message = emulated_build.launch("fail", market="spot-first", **second)
    assert f"vCPUs of spot t3.small needed, 0 of 1 in use in {HOME}" in message
    assert f"2 vCPUs of on-demand t3.small needed, 2 of 3 in use in {HOME}" in message
    # Another family has a quota of its own, of which nothing is known.
    emulated_build.launch(instance_types=["t3.small", "g4dn.xlarge"], **second)
    aws.world.quotas = {"L-1216C47A": 5.0}
    emulated_build.launch(**second)
    assert "4 vCPUs of on-demand t3.small needed" in emulated_build.launch("fail", planned_machines=2, **second)
    aws.world.quotas = {"L-E79EC296": 2.0}
    assert "security groups needed, 2 of 2 in use" in emulated_build.launch("fail", **second)
    (group,) = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"]
    emulated_build.launch(security_group_ids=[group["GroupId"]], **second)
    assert emulated_build.tear_down() == []


def test_plan_refuses_to_publish_more_images_than_may_be_public(aws, emulated_build):
    aws.world.quotas["L-0E3CBAB9"] = 0.0
    message = emulated_build.image("fail", launch_groups=["all"], check_mode=True)
    assert f"launch_groups: quota: 1 public images needed, 0 of 0 in use in {HOME}" in message
    emulated_build.image(check_mode=True)


def test_quotas_that_may_not_be_read_are_no_reason_to_stop(aws, emulated_build):
    aws.fault("error", action="GetServiceQuota", code="AccessDeniedException", message="no", times=0)
    assert "quotas" not in emulated_build.launch(check_mode=True)["plan"][-1]


def test_a_used_up_quota_is_like_missing_capacity(aws, emulated_build):
    fault = {"code": "VcpuLimitExceeded", "where": {"InstanceType": "t3.small"}, "times": 0}
    aws.fault("error", action="RunInstances", **fault)
    emulated_build.launch(instance_types=["t3.small", "g4dn.xlarge"])
    assert launched(aws)["InstanceType"] == "g4dn.xlarge"
    assert emulated_build.tear_down() == []


def test_what_is_asked_with_dry_run_carries_the_tags_that_policies_ask_for(aws, emulated_build):
    first = len(aws.calls)
    emulated_build.launch(check_mode=True)
    asked = [call for call in list(aws.calls)[first:] if call.dry_run]
    assert {call.action for call in asked} == {"ImportKeyPair", "CreateSecurityGroup", "RunInstances"}
    assert all("hallmark:build" in call.params.values() for call in asked)


def test_tags_of_volumes_and_of_snapshots_alone(aws, emulated_build, ec2):
    emulated_build.launch(volume_tags={"of": "volume"}, imds_tags=True)
    asked = launched(aws)
    assert asked["MetadataOptions.InstanceMetadataTags"] == "enabled"
    instance = ec2.describe_instances(Filters=[{"Name": "tag:hallmark:build", "Values": [emulated_build.id]}])
    (machine,) = instance["Reservations"][0]["Instances"]
    (volume,) = [mapping["Ebs"]["VolumeId"] for mapping in machine["BlockDeviceMappings"]]

    def tags(thing):
        found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [thing]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    assert tags(volume)["of"] == "volume"
    assert "of" not in tags(machine["InstanceId"])
    (made,) = emulated_build.image(snapshot_tags={"of": "snapshot"}, ena_support=True)["images"]
    assert made["ena_support"] is True
    assert tags(made["snapshots"][0])["of"] == "snapshot"
    assert "of" not in tags(made["id"])
    enabled = [call for call in aws.calls if call.action == "ModifyInstanceAttribute"][-1]
    assert enabled.params["EnaSupport.Value"] == "true"
    emulated_build.image(state="absent")
    assert emulated_build.tear_down() == []


def test_a_spot_instance_need_not_be_stopped(aws, emulated_build):
    emulated_build.launch(market="spot")
    first = len(aws.calls)
    emulated_build.image(check_mode=True)
    assert [call.action for call in list(aws.calls)[first:] if call.dry_run] == ["CreateImage"]
    assert emulated_build.tear_down() == []


def test_a_snapshot_that_an_option_names_stays_when_the_image_goes(aws, emulated_build, ec2):
    volume = ec2.create_volume(AvailabilityZone=f"{HOME}a", Size=1)["VolumeId"]
    mine = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.delete_volume(VolumeId=volume)
    emulated_build.launch()
    options = {"disks": [{"device_name": "/dev/sdg", "snapshot_id": mine}]}
    (image,) = emulated_build.image(**options)["images"]
    assert mine in image["snapshots"]
    emulated_build.image(state="absent", **options)
    assert emulated_build.tear_down() == ["snapshots"]
    ec2.delete_snapshot(SnapshotId=mine)


@pytest.mark.parametrize("replace", [False, True])
def test_only_the_copies_are_kept(aws, emulated_build, ec2, replace):
    """Also where an older image has the name, in the build's region and in the other."""
    name = f"web-{emulated_build.id}"
    options = {"copies": [{"region": "eu-west-1"}], "keep_in_build_region": False, "launch_users": ["123456789012"]}
    if replace:
        ec2.register_image(Name=name, Architecture="x86_64", RootDeviceName="/dev/xvda")
        options["replace"] = True
    emulated_build.launch()
    (held,) = emulated_build.image(publish=False, **options)["images"]
    assert held["region"] == HOME
    made = emulated_build.image(**options)
    assert made["published"] is True
    assert [image["region"] for image in made["images"]] == ["eu-west-1"]
    assert emulated_build.image(**options)["changed"] is False
    left = ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [f"{name}*"]}])["Images"]
    assert [image["Name"] for image in left] == ([name] if replace else [])
    for image in left:
        ec2.deregister_image(ImageId=image["ImageId"])
    emulated_build.image(state="absent", **options)
    assert emulated_build.tear_down() == []
    assert "keep_in_build_region: false, and no copies" in emulated_build.image("fail", keep_in_build_region=False)


def test_a_failed_copy_takes_the_image_that_was_only_there_to_be_copied(aws, emulated_build):
    aws.fault("fail", action="CopyImage", message="the disk is on fire")
    emulated_build.launch()
    options = {"copies": [{"region": "eu-west-1"}], "keep_in_build_region": False}
    assert "the disk is on fire" in emulated_build.image("fail", **options)
    assert emulated_build.tear_down() == []


def test_a_role_is_taken_on_with_all_that_narrows_it(aws, emulated_build):
    role = {
        "arn": "arn:aws:iam::123456789012:role/images",
        "policy": {"Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]},
        "policy_arns": ["arn:aws:iam::aws:policy/AmazonEC2FullAccess"],
        "tags": {"team": "platform"},
        "transitive_tag_keys": ["team"],
    }
    emulated_build.launch(check_mode=True, assume_role=role)
    asked = [call for call in aws.calls if call.action == "AssumeRole"][-1].params
    assert '"Action": "ec2:*"' in asked["Policy"]
    assert asked["PolicyArns.member.1.arn"] == "arn:aws:iam::aws:policy/AmazonEC2FullAccess"
    assert (asked["Tags.member.1.Key"], asked["Tags.member.1.Value"]) == ("team", "platform")
    assert asked["TransitiveTagKeys.member.1"] == "team"


@pytest.fixture
def in_role(aws):
    """The account, in a role."""
    role = {"arn": "arn:aws:iam::123456789012:role/images", "duration": 3600}
    keys = {"access_key": KEYS["AWS_ACCESS_KEY_ID"], "secret_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    return Connection({"region": HOME, "endpoint_url": aws.endpoint_url, "assume_role": role, **keys})


def taken_on(aws, first):
    """How often a role was taken on since a number of calls."""
    return [call.action for call in list(aws.calls)[first:]].count("AssumeRole")


def test_a_role_is_taken_on_once_for_all_regions(aws, in_role):
    first = len(aws.calls)
    for connection in (in_role, in_role.elsewhere("eu-west-1"), in_role.elsewhere("us-west-2"), in_role):
        connection.call("VPCs", "describe_vpcs")
    assert taken_on(aws, first) == 1


def test_a_role_is_taken_on_once_when_a_replacement_is_rehearsed(aws, emulated_build):
    aws.add_image("web", owner="123456789012", public=False)
    emulated_build.launch()
    first = len(aws.calls)
    role = {"arn": "arn:aws:iam::123456789012:role/images"}
    emulated_build.image(name="web", replace=True, assume_role=role, check_mode=True)
    rehearsed = [call.action for call in list(aws.calls)[first:] if call.dry_run]
    assert "DeregisterImage" in rehearsed
    assert taken_on(aws, first) == 1


def test_a_role_is_taken_on_again_before_its_keys_expire(aws, in_role, monkeypatch):
    first, make = len(aws.calls), AssumedRole.__init__

    def soon(self, *arguments, **options):
        make(self, *arguments, **options)
        self.expiration = utcnow() + timedelta(minutes=5)

    with monkeypatch.context() as patched:
        patched.setattr(AssumedRole, "__init__", soon)
        in_role.client()
    in_role.call("VPCs", "describe_vpcs")
    assert taken_on(aws, first) == 2
    in_role.call("VPCs", "describe_vpcs")
    assert taken_on(aws, first) == 2
