# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the AWS emulator, asked for by boto3: what moto lacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from emulators.aws import Delays
from emulators.aws.fixtures import Client, tags

ROOT = {"DeviceName": "/dev/xvda"}


def names(pairs: list[dict]) -> dict:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def test_an_image_gets_the_disks_of_its_instance_and_tags_for_itself_and_its_snapshots(ec2):
    disk = {"VolumeSize": 10, "VolumeType": "gp3", "Iops": 4000, "Throughput": 200, "Encrypted": True}
    instance = ec2.launch(BlockDeviceMappings=[ROOT | {"Ebs": disk}])
    both = [*tags("image", role="image"), *tags("snapshot", role="snapshot")]
    image = ec2.create_image(InstanceId=instance, Name="web", TagSpecifications=both)["ImageId"]
    assert ec2.image(image)["State"] == "available"
    assert names(ec2.image(image)["Tags"]) == {"role": "image"}
    (device,) = ec2.image(image)["BlockDeviceMappings"]
    assert disk.items() <= device["Ebs"].items()
    snapshot = ec2.snapshot(image)
    assert names(snapshot["Tags"]) == {"role": "snapshot"}
    assert (snapshot["VolumeSize"], snapshot["Encrypted"]) == (10, True)
    assert snapshot["Description"] == f"Created by CreateImage({instance}) for {image}"


def test_create_image_changes_devices_as_asked(ec2):
    instance = ec2.launch(BlockDeviceMappings=[{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 3}}])
    changes = [
        ROOT | {"Ebs": {"DeleteOnTermination": False}},
        {"DeviceName": "/dev/sdb", "NoDevice": ""},
        {"DeviceName": "/dev/sdc", "VirtualName": "ephemeral0"},
        {"DeviceName": "/dev/sdd", "Ebs": {"VolumeSize": 5, "VolumeType": "gp3"}},
    ]
    image = ec2.create_image(InstanceId=instance, Name="web", BlockDeviceMappings=changes)["ImageId"]
    devices = {device["DeviceName"]: device for device in ec2.image(image)["BlockDeviceMappings"]}
    assert sorted(devices) == ["/dev/sdc", "/dev/sdd", "/dev/xvda"]
    assert devices["/dev/xvda"]["Ebs"]["DeleteOnTermination"] is False
    assert devices["/dev/sdc"]["VirtualName"] == "ephemeral0"
    assert "SnapshotId" not in devices["/dev/sdd"]["Ebs"]
    launched = ec2.instance(ec2.launch(image))["BlockDeviceMappings"]
    assert sorted(device["DeviceName"] for device in launched) == ["/dev/sdd", "/dev/xvda"]


def test_an_image_takes_its_time_and_shows_progress(start):
    ec2 = start(delays=Delays(image=100))
    image = ec2.create_image(InstanceId=ec2.launch(), Name="web")["ImageId"]
    ec2.aws.advance(50)
    assert ec2.image(image)["State"] == "pending"
    assert ec2.refused("run_instances", ImageId=image, MinCount=1, MaxCount=1) == "InvalidAMIID.Unavailable"
    snapshot = ec2.snapshot(image)
    assert snapshot["State"] == "pending"
    assert 50 <= int(snapshot["Progress"].rstrip("%")) < 90
    ec2.aws.advance(50)
    assert ec2.image(image)["State"] == "available"
    assert (ec2.snapshot(image)["State"], ec2.snapshot(image)["Progress"]) == ("completed", "100%")


def test_names_are_checked_and_unique(ec2):
    instance = ec2.launch()
    ec2.create_image(InstanceId=instance, Name="web")
    assert ec2.refused("create_image", InstanceId=instance, Name="web") == "InvalidAMIName.Duplicate"
    assert ec2.refused("create_image", InstanceId=instance, Name="w*b") == "InvalidAMIName.Malformed"


def test_only_a_running_or_stopped_instance_becomes_an_image(start):
    ec2 = start(delays=Delays(running=60))
    assert ec2.refused("create_image", InstanceId=ec2.launch(), Name="web") == "IncorrectState"


def test_a_copy_is_encrypted_with_the_key_of_its_region(ec2):
    image = ec2.create_image(InstanceId=ec2.launch(), Name="web", TagSpecifications=tags("image", a="1"))["ImageId"]
    west, keys = Client(ec2.aws, region="eu-west-1"), Client(ec2.aws, "kms", "eu-west-1")
    key = keys.create_key()["KeyMetadata"]
    keys.create_alias(AliasName="alias/images", TargetKeyId=key["KeyId"])
    source = {"SourceImageId": image, "SourceRegion": "us-east-1"}
    given = {"Encrypted": True, "KmsKeyId": "alias/images", "CopyImageTags": True}
    specifications = [*tags("image", b="2"), *tags("snapshot", c="3")]
    copy = west.copy_image(Name="web", TagSpecifications=specifications, **source, **given)["ImageId"]
    assert names(west.image(copy)["Tags"]) == {"a": "1", "b": "2"}
    snapshot = west.snapshot(copy)
    assert (snapshot["Encrypted"], snapshot["KmsKeyId"]) == (True, key["Arn"])
    assert names(snapshot["Tags"]) == {"c": "3"}
    plain = west.copy_image(Name="plain", **source)["ImageId"]
    assert west.snapshot(plain)["Encrypted"] is False
    again = ec2.copy_image(Name="again", SourceImageId=copy, SourceRegion="eu-west-1")["ImageId"]
    assert ec2.snapshot(again)["Encrypted"] is True
    assert west.refused("copy_image", Name="key", KmsKeyId="alias/images", **source) == "InvalidParameterDependency"


def test_a_copy_with_a_wrong_key_fails_after_a_while(start):
    ec2 = start(delays=Delays(copy=60))
    source = {"SourceImageId": ec2.aws.image, "SourceRegion": "us-east-1"}
    copy = ec2.copy_image(Name="web", Encrypted=True, KmsKeyId="alias/nobody", **source)["ImageId"]
    assert ec2.image(copy)["State"] == "pending"
    ec2.aws.advance(60)
    assert ec2.image(copy)["State"] == "failed"
    assert "alias/nobody" in ec2.image(copy)["StateReason"]["Message"]
    assert ec2.snapshot(copy)["State"] == "error"


def test_what_is_encrypted_with_the_default_key_cannot_be_shared(ec2):
    source = {"SourceImageId": ec2.aws.image, "SourceRegion": "us-east-1"}
    shares = {"LaunchPermission": {"Add": [{"UserId": "123456789013"}]}}
    copy = ec2.copy_image(Name="web", Encrypted=True, **source)["ImageId"]
    assert ec2.refused("modify_image_attribute", ImageId=copy, **shares) == "OperationNotPermitted"
    plain = ec2.copy_image(Name="plain", **source)["ImageId"]
    ec2.modify_image_attribute(ImageId=plain, **shares)
    permissions = ec2.describe_image_attribute(ImageId=plain, Attribute="launchPermission")["LaunchPermissions"]
    assert permissions == [{"UserId": "123456789013"}]


def test_deprecation_is_rounded_shown_and_taken_back(ec2):
    image = ec2.create_image(InstanceId=ec2.launch(), Name="web")["ImageId"]
    at = datetime(2040, 1, 2, 3, 4, 40, tzinfo=UTC)
    dry = {"ImageId": image, "DeprecateAt": at, "DryRun": True}
    assert ec2.refused("enable_image_deprecation", **dry) == "DryRunOperation"
    assert "DeprecationTime" not in ec2.image(image)
    ec2.enable_image_deprecation(ImageId=image, DeprecateAt=at)
    assert ec2.image(image)["DeprecationTime"] == "2040-01-02T03:05:00.000Z"
    ec2.disable_image_deprecation(ImageId=image)
    assert "DeprecationTime" not in ec2.image(image)
    past = datetime.now(UTC) - timedelta(days=1)
    assert ec2.refused("enable_image_deprecation", ImageId=image, DeprecateAt=past) == "InvalidParameterValue"


def test_a_protected_image_is_not_deregistered_and_snapshots_go_with_it(ec2):
    image = ec2.create_image(InstanceId=ec2.launch(), Name="web")["ImageId"]
    snapshot = ec2.snapshot(image)["SnapshotId"]
    assert ec2.refused("delete_snapshot", SnapshotId=snapshot) == "InvalidSnapshot.InUse"
    ec2.enable_image_deregistration_protection(ImageId=image)
    assert ec2.image(image)["DeregistrationProtection"] == "enabled-without-cooldown"
    assert ec2.refused("deregister_image", ImageId=image) == "OperationNotPermitted"
    ec2.disable_image_deregistration_protection(ImageId=image)
    ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_the_base_image_is_found_by_filter_owner_and_parameter(ec2):
    filters = [{"Name": "name", "Values": ["debian-12-amd64-*"]}, {"Name": "root-device-type", "Values": ["ebs"]}]
    (found,) = ec2.describe_images(Owners=["136693071363"], Filters=filters)["Images"]
    assert found["ImageId"] == ec2.aws.image
    ssm = Client(ec2.aws, "ssm")
    parameter = ssm.get_parameter(Name="/aws/service/debian/release/12/latest/amd64")["Parameter"]
    assert parameter["Value"] == ec2.aws.image
    assert ec2.describe_images(Owners=["self"])["Images"] == []


def test_long_lists_come_in_pages(ec2):
    made = [ec2.aws.add_image(f"image-{number}", owner="123456789012") for number in range(5)]
    pages = list(ec2.get_paginator("describe_images").paginate(Owners=["self"], PaginationConfig={"PageSize": 2}))
    assert [len(page["Images"]) for page in pages] == [2, 2, 1]
    assert [image["ImageId"] for page in pages for image in page["Images"]] == made


def test_a_deregistered_image_cannot_be_worked_with(ec2):
    image = ec2.create_image(InstanceId=ec2.launch(), Name="web")["ImageId"]
    ec2.deregister_image(ImageId=image)
    source = {"SourceImageId": image, "SourceRegion": "us-east-1", "Name": "copy"}
    assert ec2.refused("copy_image", **source) == "InvalidAMIID.Unavailable"
    assert ec2.refused("disable_image_deprecation", ImageId=image) == "InvalidAMIID.Unavailable"
    assert ec2.refused("copy_image", **source | {"SourceImageId": "ami-12345678"}) == "InvalidAMIID.NotFound"


def test_an_image_can_be_registered_of_snapshots_that_are_there(ec2):
    disk = ROOT | {"Ebs": {"VolumeSize": 10, "Encrypted": True}}
    first = ec2.create_image(InstanceId=ec2.launch(BlockDeviceMappings=[disk]), Name="web")["ImageId"]
    (device,) = ec2.image(first)["BlockDeviceMappings"]
    snapshot = device["Ebs"]["SnapshotId"]
    kept = {"SnapshotId": snapshot, "DeleteOnTermination": False}
    options = {"Architecture": "x86_64", "RootDeviceName": "/dev/xvda", "ImdsSupport": "v2.0", "EnaSupport": True}
    options["TagSpecifications"] = tags("image", role="second")
    second = ec2.register_image(Name="other", BlockDeviceMappings=[ROOT | {"Ebs": kept}], **options)["ImageId"]
    found = ec2.image(second)
    assert (found["Architecture"], found["ImdsSupport"], found["EnaSupport"]) == ("x86_64", "v2.0", True)
    assert names(found["Tags"]) == {"role": "second"}
    (device,) = found["BlockDeviceMappings"]
    assert device["Ebs"] == kept | {"Encrypted": True, "VolumeSize": 10}
    ec2.deregister_image(ImageId=first)
    assert ec2.refused("delete_snapshot", SnapshotId=snapshot) == "InvalidSnapshot.InUse"
    assert ec2.refused("register_image", Name="other", **options) == "InvalidAMIName.Duplicate"
    missing = [ROOT | {"Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}]
    assert ec2.refused("register_image", Name="third", BlockDeviceMappings=missing) == "InvalidSnapshot.NotFound"
