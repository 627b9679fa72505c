# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and snapshots of the Alibaba Cloud emulator: made, copied, shared, deprecated, deleted."""

from __future__ import annotations

import pytest

from emulators.alicloud import Delays, difference
from emulators.alicloud.fixtures import Client, pairs

OTHER = "2000000000000002"


@pytest.fixture
def instance(cloud):
    """An instance with a data disk."""
    return cloud.launch(DataDisk=[{"Size": 20}])


def disk(cloud, instance, kind="system"):
    """The id of one disk of an instance."""
    return cloud.DescribeDisks(InstanceId=instance, DiskType=kind)["Disks"]["Disk"][0]["DiskId"]


def test_an_image_grows_with_its_snapshots(start_cloud):
    cloud = start_cloud(delays=Delays(image=10_000))
    instance = cloud.launch(DataDisk=[{"Size": 20}], **{"SystemDisk.Size": 30})
    image = cloud.CreateImage(
        InstanceId=instance,
        ImageName="web",
        ImageFamily="web",
        ImageVersion="1",
        BootMode="UEFI",
        ResourceGroupId="rg-1",
        Tag=pairs(a="b"),
    )["ImageId"]
    assert cloud.DescribeImages(ImageId=image)["TotalCount"] == 0  # only what is available, unless it is asked for
    assert (cloud.image(image)["Status"], cloud.image(image)["Progress"]) == ("Creating", "0%")
    assert cloud.refused("DeleteImage", ImageId=image) == "ImageIsCreating"
    cloud.cloud.advance(5_050)
    assert cloud.image(image)["Progress"] == "50%"
    assert [one["Progress"] for one in cloud.snapshots(image)] == ["50%", "50%"]
    launch = {"ImageId": image, "InstanceType": "ecs.c6.large"} | cloud.network()
    assert cloud.refused("RunInstances", **launch) == "IncorrectImageStatus"
    cloud.cloud.advance(5_000)
    shown = cloud.DescribeImages(ImageId=image)["Images"]["Image"][0]
    assert (shown["Status"], shown["Size"], shown["BootMode"], shown["ImageOwnerAlias"]) == (
        "Available",
        30,
        "UEFI",
        "self",
    )
    assert [(one["SourceDiskType"], one["SourceDiskSize"], one["Status"]) for one in cloud.snapshots(image)] == [
        ("system", "30", "accomplished"),
        ("data", "20", "accomplished"),
    ]
    other = cloud.launch(image)
    disks = cloud.DescribeDisks(InstanceId=other)["Disks"]["Disk"]
    assert [(one["Type"], one["Size"]) for one in disks] == [("system", 40), ("data", 20)]


def test_an_image_of_a_snapshot_lacks_the_data_disks(cloud, instance):
    snapshot = cloud.CreateSnapshot(DiskId=disk(cloud, instance), SnapshotName="s1", Tag=pairs(a="b"))["SnapshotId"]
    image = cloud.CreateImage(SnapshotId=snapshot, ImageName="web")["ImageId"]
    assert [one["Type"] for one in cloud.image(image)["DiskDeviceMappings"]["DiskDeviceMapping"]] == ["system"]
    assert cloud.refused("DeleteSnapshot", SnapshotId=snapshot, Force=True) == "SnapshotCreatedImage"
    cloud.DeleteImage(ImageId=image)
    cloud.DeleteSnapshot(SnapshotId=snapshot)


def test_an_image_of_several_snapshots_and_an_empty_disk(cloud, instance):
    kinds = ("system", "data")
    made = [cloud.CreateSnapshot(DiskId=disk(cloud, instance, kind))["SnapshotId"] for kind in kinds]
    mapping = [{"SnapshotId": snapshot} for snapshot in made] + [{"Size": 100, "Device": "/dev/xvdc"}]
    image = cloud.CreateImage(DiskDeviceMapping=mapping, ImageName="web")["ImageId"]
    shown = cloud.image(image)["DiskDeviceMappings"]["DiskDeviceMapping"]
    assert [(one["Device"], one["Type"], one["Size"], bool(one["SnapshotId"])) for one in shown] == [
        ("/dev/xvda", "system", "40", True),
        ("/dev/xvdb", "data", "20", True),
        ("/dev/xvdc", "data", "100", False),
    ]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ImageName": "1web"}, "InvalidImageName.Malformed"),
        ({"ImageName": "http://web"}, "InvalidImageName.Malformed"),
        ({"ImageName": "taken"}, "InvalidImageName.Duplicated"),
        ({"InstanceId": "i-none"}, "InvalidInstanceId.NotFound"),
        ({"InstanceId": ""}, "MissingParameter"),
        ({"SnapshotId": "s-none"}, "InvalidParameter"),
        ({"InstanceId": "", "SnapshotId": "s-none"}, "InvalidSnapshotId.NotFound"),
        ({"BootMode": "MBR"}, "InvalidParameter"),
    ],
)
def test_an_image_that_cannot_be_is_refused(cloud, instance, change, error):
    cloud.CreateImage(InstanceId=instance, ImageName="taken")
    before = cloud.cloud.snapshot()
    assert cloud.refused("CreateImage", **{"InstanceId": instance, "ImageName": "web"} | change) == error
    assert difference(before, cloud.cloud.snapshot()) == {}


def test_a_snapshot_of_a_data_disk_alone_is_no_image(cloud, instance):
    snapshot = cloud.CreateSnapshot(DiskId=disk(cloud, instance, "data"))["SnapshotId"]
    assert cloud.refused("CreateImage", SnapshotId=snapshot, ImageName="web") == "InvalidSnapshotType.NotSupported"


def test_a_disk_has_one_snapshot_in_the_making(start_cloud):
    cloud = start_cloud(delays=Delays(snapshot=10))
    name = disk(cloud, cloud.launch())
    snapshot = cloud.CreateSnapshot(DiskId=name)["SnapshotId"]
    assert cloud.refused("CreateSnapshot", DiskId=name) == "IncorrectDiskStatus.CreatingSnapshot"
    assert cloud.refused("CreateImage", SnapshotId=snapshot) == "InvalidSnapshotId.NotReady"
    (shown,) = cloud.DescribeSnapshots(DiskId=name, Status="progressing")["Snapshots"]["Snapshot"]
    assert (shown["SnapshotId"], shown["Usage"]) == (snapshot, "none")
    cloud.cloud.advance(10)
    cloud.CreateImage(SnapshotId=snapshot)
    assert cloud.DescribeSnapshots(Usage="image")["TotalCount"] == 1


def test_an_image_in_use_goes_by_force_only_and_its_snapshots_stay(cloud, instance):
    image = cloud.CreateImage(InstanceId=instance, ImageName="web")["ImageId"]
    user = cloud.launch(image)
    assert cloud.DescribeImages(ImageId=image, Usage="instance")["TotalCount"] == 1
    assert cloud.refused("DeleteImage", ImageId=image) == "ImageUsingByInstance"
    snapshots = [one["SnapshotId"] for one in cloud.snapshots(image)]
    cloud.DeleteImage(ImageId=image, Force=True)
    assert cloud.refused("DeleteSnapshot", SnapshotId=snapshots[0]) == "SnapshotCreatedDisk"
    cloud.DeleteInstance(InstanceId=user, Force=True)
    for snapshot in snapshots:
        cloud.DeleteSnapshot(SnapshotId=snapshot)
    assert cloud.refused("DeleteImage", ImageId=image) == "InvalidImageId.NotFound"


def test_a_copy_takes_time_in_its_own_region(start_cloud):
    cloud = start_cloud(delays=Delays(copy=10))
    beijing, key = Client(cloud.cloud, "cn-beijing"), cloud.cloud.add_key("cn-beijing")
    image = cloud.CreateImage(InstanceId=cloud.launch(), ImageName="web")["ImageId"]
    where = {"ImageId": image, "DestinationRegionId": "cn-beijing", "DestinationImageName": "web"}
    copy = cloud.CopyImage(**where, Encrypted=True, KMSKeyId=key, Tag=pairs(a="b"))["ImageId"]
    assert cloud.image(copy) is None
    assert beijing.image(copy)["Status"] == "Creating"
    assert cloud.refused("CopyImage", **where) == "OperationDenied.ImageCopyConflict"
    assert cloud.refused("DeleteImage", ImageId=image) == "OperationDenied.ImageCopying"
    beijing.ModifyImageSharePermission(ImageId=copy, AddAccount=[OTHER])  # which need not wait for it
    cloud.cloud.advance(10)
    shown = beijing.image(copy)
    assert (shown["Status"], shown["Tags"]["Tag"]) == ("Available", [{"TagKey": "a", "TagValue": "b"}])
    (snapshot,) = beijing.snapshots(copy)
    assert (snapshot["Encrypted"], snapshot["KMSKeyId"], snapshot["SourceDiskSize"]) == (True, key, "40")
    assert cloud.refused("CopyImage", **where) == "InvalidImageName.Duplicated"
    cloud.DeleteImage(ImageId=image)


def test_a_copy_can_be_given_up_while_it_is_made(start_cloud):
    cloud = start_cloud(delays=Delays(copy=10))
    beijing = Client(cloud.cloud, "cn-beijing")
    image = cloud.CreateImage(InstanceId=cloud.launch(), ImageName="web")["ImageId"]
    before = cloud.cloud.snapshot()
    copy = cloud.CopyImage(ImageId=image, DestinationRegionId="cn-beijing")["ImageId"]
    beijing.CancelCopyImage(ImageId=copy)
    assert difference(before, cloud.cloud.snapshot()) == {}
    cloud.cloud.advance(10)
    done = cloud.CopyImage(ImageId=image, DestinationRegionId="cn-beijing")["ImageId"]
    cloud.cloud.advance(10)
    assert beijing.image(done)["Status"] == "Available"
    assert beijing.refused("CancelCopyImage", ImageId=done) == "IncorrectImageStatus"
    assert cloud.refused("CancelCopyImage", ImageId=image) == "ImageCreatedNotFromCopy"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"DestinationRegionId": "cn-nowhere"}, "DestinationRegion.NotFound"),
        ({"KMSKeyId": "none", "Encrypted": True}, "InvalidParameter.KMSKeyId.NotFound"),
        ({"KMSKeyId": "none"}, "InvalidEncrypted.NotMatchKmsKeyId"),
        ({"ImageId": "m-none"}, "InvalidImageId.NotFound"),
    ],
)
def test_a_copy_that_cannot_be_is_refused(cloud, instance, change, error):
    image = cloud.CreateImage(InstanceId=instance, ImageName="web")["ImageId"]
    assert cloud.refused("CopyImage", **{"ImageId": image, "DestinationRegionId": "cn-beijing"} | change) == error


def test_sharing_shows_an_image_to_another_account(cloud, instance):
    image = cloud.CreateImage(InstanceId=instance, ImageName="web")["ImageId"]
    other = Client(cloud.cloud, keys=cloud.cloud.add_user(account=OTHER))
    assert other.image(image) is None
    cloud.ModifyImageSharePermission(ImageId=image, AddAccount=[OTHER])
    shown = other.image(image)
    assert (shown["ImageOwnerAlias"], shown["DiskDeviceMappings"]["DiskDeviceMapping"][0]["SnapshotId"]) == (
        "others",
        "",
    )
    accounts = cloud.DescribeImageSharePermission(ImageId=image)["Accounts"]["Account"]
    assert accounts == [{"AliyunId": OTHER}]
    assert cloud.refused("DeleteImage", ImageId=image) == "ImageUseShared"
    assert cloud.refused("ModifyImageAttribute", ImageId=image, Status="Deprecated") == "ImageUseShared"
    assert other.refused("DeleteImage", ImageId=image) == "InvalidImageId.NotFound"
    away = {"ImageId": image, "DestinationRegionId": "cn-beijing"}
    assert other.refused("CopyImage", **away) == "OperationDenied.SameRegionOnly"
    other.CopyImage(ImageId=image)
    cloud.ModifyImageSharePermission(ImageId=image, RemoveAccount=[OTHER])
    assert other.image(image) is None


def test_sharing_has_its_rules(cloud):
    instance = cloud.launch(**{"SystemDisk.Encrypted": True})
    image = cloud.CreateImage(InstanceId=instance, ImageName="web")["ImageId"]
    assert cloud.image(image)["DiskDeviceMappings"]["DiskDeviceMapping"][0]["Encrypted"]

    def sharing(*accounts):
        return cloud.refused("ModifyImageSharePermission", ImageId=image, AddAccount=list(accounts))

    assert sharing(OTHER) == "InvalidOperation.ServiceKeyEncryptedImageUnsupported"
    assert cloud.refused("CopyImage", ImageId=image) == "OperationDeined.EncryptedSnapshot"
    assert sharing("me") == "InvalidAccount.NotFound"
    assert sharing(cloud.cloud.account) == "InvalidAccount.Forbbiden"
    plain = cloud.CreateImage(InstanceId=cloud.launch(), ImageName="plain")["ImageId"]
    cloud.ModifyImageSharePermission(ImageId=plain, AddAccount=[f"{number:016}" for number in range(11)])
    assert cloud.DescribeImageSharePermission(ImageId=plain)["TotalCount"] == 10
    ours = {"SystemDisk.KMSKeyId": cloud.cloud.add_key()}
    one = cloud.CreateImage(InstanceId=cloud.launch(**ours), ImageName="one")["ImageId"]
    cloud.ModifyImageSharePermission(ImageId=one, AddAccount=[OTHER])
    two = cloud.CreateImage(InstanceId=cloud.launch(**ours, DataDisk=[{"Size": 20}]), ImageName="two")["ImageId"]
    refused = cloud.refused("ModifyImageSharePermission", ImageId=two, AddAccount=[OTHER])
    assert refused == "OperationDeined.FullImage"


def test_the_newest_image_of_a_family_is_found_until_it_is_deprecated(cloud, instance):
    images = [
        cloud.CreateImage(InstanceId=instance, ImageName=f"web-{number}", ImageFamily="web")["ImageId"]
        for number in range(2)
    ]

    def newest():
        return cloud.DescribeImageFromFamily(ImageFamily="web")["Image"]["ImageId"]

    assert newest() == images[1]
    cloud.ModifyImageAttribute(ImageId=images[1], Status="Deprecated")
    assert newest() == images[0]
    assert cloud.DescribeImages(ImageFamily="web")["TotalCount"] == 1
    assert cloud.DescribeImages(ImageFamily="web", Status="Deprecated")["TotalCount"] == 1
    launched = cloud.RunInstances(ImageFamily="web", InstanceType="ecs.c6.large", **cloud.network())
    assert cloud.instance(launched["InstanceIdSets"]["InstanceIdSet"][0])["ImageId"] == images[0]
    assert "Image" not in cloud.DescribeImageFromFamily(ImageFamily="none")
    nothing = {"ImageFamily": "none", "InstanceType": "ecs.c6.large"} | cloud.network()
    assert cloud.refused("RunInstances", **nothing) == "InvalidImageFamily.NotFound"


def test_attributes_of_an_image_are_changed_by_the_rules(cloud, instance):
    image = cloud.CreateImage(InstanceId=instance, ImageName="web")["ImageId"]
    cloud.CreateImage(InstanceId=instance, ImageName="taken")
    cloud.ModifyImageAttribute(ImageId=image, ImageName="new", Description="d", ImageFamily="f", BootMode="UEFI")
    shown = cloud.image(image)
    assert (shown["ImageName"], shown["ImageFamily"], shown["BootMode"]) == ("new", "f", "UEFI")
    assert cloud.refused("ModifyImageAttribute", ImageId=image, ImageName="taken") == "InvalidImageName.Duplicated"
    refused = cloud.refused("ModifyImageAttribute", ImageId=image, **{"Features.ImdsSupport": "v1"})
    assert refused == "InvalidOperation.FeaturesImdsSupportNotMatch"
    cloud.launch(image)
    refused = cloud.refused("ModifyImageAttribute", ImageId=image, BootMode="BIOS")
    assert refused == "OperationDeined.ImageUsingByInstance"
    system = cloud.cloud.image
    assert cloud.refused("ModifyImageAttribute", ImageId=system, ImageName="mine") == "InvalidImageId.NotFound"


def test_images_are_told_apart_by_what_they_are(cloud, instance):
    image = cloud.CreateImage(InstanceId=instance, ImageName="web-1", Tag=pairs(a="b"))["ImageId"]
    market = cloud.cloud.add_image("market-1", alias="marketplace")

    def found(**wanted):
        return {shown["ImageId"] for shown in cloud.DescribeImages(**wanted)["Images"]["Image"]}

    assert found(ImageOwnerAlias="self") == found(ImageName="web-*") == found(Tag=pairs(a="b")) == {image}
    assert found(ImageOwnerAlias="system") == found(ImageName="debian_12_*") == {cloud.cloud.image}
    assert found(ImageId=f"{image},{market}") == {image, market}
    assert found(SnapshotId=cloud.snapshots(image)[0]["SnapshotId"]) == {image}
    assert found(ImageOwnerId=cloud.cloud.account) == {image}
    assert cloud.refused("DescribeImages", Status="Ready") == "InvalidStatus.NotFound"
