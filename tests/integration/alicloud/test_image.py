# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of an image: snapshots, copies, tags, shares, family, and the place of an older one."""

from __future__ import annotations

import json
import re

import pytest

from emulators.alicloud import difference
from emulators.alicloud.fixtures import Client
from support.alicloud_build import HOME

OTHERS = ["cn-beijing", "eu-central-1"]
USER, OTHER = "1234567890123456", "6543210987654321"
DATA = [{"size": 20}]


@pytest.fixture
def image(build):
    """Options of alicloud_image for a machine that runs; afterwards everything is gone again."""
    build.launch(tags={"team": "platform"}, data_disks=DATA)
    options = {"tags": {"team": "platform"}}
    yield options
    build.cloud.world.faults.clear()
    build.tear_down()
    for region in (HOME, *OTHERS):
        client = Client(build.cloud, region)
        for found in client.DescribeImages(ImageOwnerAlias="self", Status="Creating,Available,CreateFailed,Deprecated")[
            "Images"
        ]["Image"]:
            client.DeleteImage(ImageId=found["ImageId"], Force=True)
            for mapping in found["DiskDeviceMappings"]["DiskDeviceMapping"]:
                if mapping["SnapshotId"]:
                    client.DeleteSnapshot(SnapshotId=mapping["SnapshotId"], Force=True)
    assert build.left() == []


def labels(thing):
    return {tag["TagKey"]: tag["TagValue"] for tag in thing["Tags"]["Tag"]}


def described(build, made):
    return Client(build.cloud, made["region"]).image(made["id"])


def snapshots(build, made):
    client = Client(build.cloud, made["region"])
    return client.DescribeSnapshots(SnapshotIds=json.dumps(made["snapshots"]))["Snapshots"]["Snapshot"]


def shared(build, made):
    answer = Client(build.cloud, made["region"]).DescribeImageSharePermission(ImageId=made["id"], PageSize=50)
    return {account["AliyunId"] for account in answer["Accounts"]["Account"]}


def actions(build, since=0):
    return [call.action for call in build.cloud.calls[since:] if call.mutates]


def test_until_it_is_published_it_is_private_and_expires(build, image):
    since = len(build.cloud.calls)
    (made,) = build.image(publish=False, snapshot_tags={"kept": "long"}, **image)["images"]
    assert len(made["snapshots"]) == 2
    for thing in (described(build, made), *snapshots(build, made)):
        assert labels(thing)["hallmark:build"] == build.id
        assert labels(thing)["hallmark:definition"] == "web"
        assert labels(thing)["team"] == "platform"
        assert "hallmark:expires" in labels(thing)
    assert {labels(snapshot)["kept"] for snapshot in snapshots(build, made)} == {"long"}
    assert shared(build, made) == set()
    assert actions(build, since) == ["StopInstance", "CreateImage", "TagResources"]
    (call,) = [call for call in build.cloud.calls[since:] if call.action == "CreateImage"]
    assert call.params["ClientToken"]
    assert call.params["Features.ImdsSupport"] == "v2"
    assert build.image(publish=False, snapshot_tags={"kept": "long"}, **image)["changed"] is False


def test_what_an_image_is_to_be_gets_there(build, image):
    options = {"description": "made here", "version": "1.2", "boot_mode": "UEFI", "imds_v2": False}
    (made,) = build.image(**options, **image)["images"]
    found = described(build, made)
    assert (found["Description"], found["ImageVersion"], found["BootMode"]) == ("made here", "1.2", "UEFI")
    assert made["boot_mode"] == "UEFI"


def test_copies_shares_and_family(build, image):
    build.cloud.delays.copy = 0.5
    users = [USER, *(str(2 * 10**15 + number) for number in range(11))]
    options = {**image, "copies": [{"region": region} for region in OTHERS], "launch_users": users, "family": "web"}
    options["copies"][1] |= {"name": f"there-{build.id}", "kms_key_id": build.cloud.add_key("eu-central-1")}
    options["system_disk_only"] = True  # an encrypted image with more disks cannot be shared
    since = len(build.cloud.calls)
    result = build.image(**options)
    assert result["published"] is True
    assert [made["region"] for made in result["images"]] == [HOME, *OTHERS]
    assert [made["name"] for made in result["images"]] == [f"web-{build.id}", f"web-{build.id}", f"there-{build.id}"]
    for made in result["images"]:
        found = described(build, made)
        assert (found["Status"], found["ImageFamily"]) == ("Available", "web")
        for thing in (found, *snapshots(build, made)):
            assert "hallmark:expires" not in labels(thing)
            assert labels(thing)["hallmark:build"] == build.id
        assert shared(build, made) == set(users)
    encrypted = [snapshot["Encrypted"] for made in result["images"] for snapshot in snapshots(build, made)]
    assert encrypted == [False, False, True]
    done = actions(build, since)
    # Both copies are under way before anything else is done, and nobody else sees anything before all of it is there.
    assert done.index("CopyImage") + 1 == len(done) - 1 - done[::-1].index("CopyImage")
    assert done.count("ModifyImageSharePermission") == 6
    assert done[-3:] == ["ModifyImageAttribute"] * 3
    assert build.image(**options)["changed"] is False


def test_copies_of_an_encrypted_image_are_encrypted(cloud, build):
    """Though the definition says nothing of them: CopyImage has to be told."""
    build.launch(encrypted=True)
    result = build.image(copies=[{"region": OTHERS[0]}])
    assert [snapshot["Encrypted"] for made in result["images"] for snapshot in snapshots(build, made)] == [True, True]
    build.image(copies=[{"region": OTHERS[0]}], state="absent")
    assert build.tear_down() == []


def test_other_accounts_for_the_same_image(build, image):
    build.image(launch_users=[USER, OTHER], **image)
    changed = build.image(launch_users=[USER], unshare_users=[OTHER], **image)
    assert changed["changed"] is True
    assert shared(build, changed["images"][0]) == {USER}
    assert build.image(launch_users=[USER], unshare_users=[OTHER], **image)["changed"] is False


def test_without_data_disks(build, image):
    since = len(build.cloud.calls)
    (made,) = build.image(system_disk_only=True, **image)["images"]
    mappings = described(build, made)["DiskDeviceMappings"]["DiskDeviceMapping"]
    assert [mapping["Type"] for mapping in mappings] == ["system"]
    (snapshot,) = snapshots(build, made)
    assert labels(snapshot)["hallmark:build"] == build.id
    assert "hallmark:expires" not in labels(snapshot)
    assert actions(build, since)[:3] == ["StopInstance", "CreateSnapshot", "CreateImage"]
    assert build.image(system_disk_only=True, **image)["changed"] is False
    assert build.tear_down() == ["image", "snapshot"]
    build.image(system_disk_only=True, state="absent", **image)
    assert build.left() == []


def test_only_the_copies_stay(build, image):
    options = {**image, "keep_in_build_region": False, "copies": [{"region": OTHERS[0]}], "system_disk_only": True}
    result = build.image(**options)
    assert [made["region"] for made in result["images"]] == [OTHERS[0]]
    assert build.image(**options)["changed"] is False
    assert build.tear_down() == ["image", "snapshot"]
    assert f"{HOME}/image" not in difference(build.before, build.cloud.snapshot())
    build.image(state="absent", **options)
    assert build.left() == []


@pytest.mark.parametrize(
    ("fault", "delay", "message"),
    [
        ({"kind": "error", "code": "QuotaExceed.Image"}, 3600, "copy image .*QuotaExceed.Image"),
        ({"kind": "fail"}, 0.3, "copies: web-.* in eu-central-1 is CreateFailed"),
    ],
    ids=["refused", "failed"],
)
def test_a_copy_that_fails_is_told_and_nothing_stays(build, image, fault, delay, message):
    """The other copy, which may be on its way for an hour, is called off; nothing was shared."""
    build.cloud.delays.copy = delay
    build.cloud.fault(action="CopyImage", nth=2, **fault)
    since = len(build.cloud.calls)
    told = build.image("fail", copies=[{"region": region} for region in OTHERS], launch_users=[USER], **image)
    assert re.search(message, told), told
    assert "ModifyImageSharePermission" not in actions(build, since)
    assert {"image", "snapshot"}.isdisjoint(build.left())


def test_a_region_that_does_not_exist_is_told_before_anything(build, image):
    there = build.left()
    assert "copies: region: '-'" in build.image("fail", copies=[{"region": "-"}], **image)
    assert "each region once" in build.image("fail", copies=[{"region": HOME}], **image)
    assert build.left() == there


def test_a_taken_name_is_told_before_the_machine_is_stopped(build, image):
    old = build.cloud.add_image(f"web-{build.id}", owner=build.cloud.account, alias="")
    since = len(build.cloud.calls)
    message = build.image("fail", **image)
    assert f"name: web-{build.id}: {old} in {HOME} has it" in message
    assert actions(build, since) == []


def test_the_old_image_is_replaced_after_everything_else(build, image):
    old = build.image(**image)["images"][0]
    second = type(build)(build.cloud, build.host)
    second.launch()
    options = {**image, "name": f"web-{build.id}", "launch_users": [USER], "family": "web"}
    assert "has it" in second.image("fail", **options)
    since = len(build.cloud.calls)
    (made,) = second.image(**options, replace=True)["images"]
    found = Client(build.cloud).DescribeImages(ImageOwnerAlias="self")["Images"]["Image"]
    assert [(one["ImageId"], one["ImageName"]) for one in found] == [(made["id"], f"web-{build.id}")]
    assert made["id"] != old["id"]
    assert shared(build, made) == {USER}
    done = actions(build, since)
    share, removed = done.index("ModifyImageSharePermission"), done.index("DeleteImage")
    assert done.index("CreateImage") < share < removed < done.index("ModifyImageAttribute")
    assert second.image(**options, replace=True)["changed"] is False
    second.tear_down()
    assert len(snapshots(build, made)) == 1


def test_an_image_in_use_is_not_replaced(build, image):
    old = build.image(**image)["images"][0]
    user, second = (type(build)(build.cloud, build.host) for _which in range(2))
    user.launch(source={"id": old["id"]})
    (machine,) = [
        found["InstanceId"]
        for found in Client(build.cloud).DescribeInstances(ImageId=old["id"])["Instances"]["Instance"]
    ]
    second.launch()
    since = len(build.cloud.calls)
    message = second.image("fail", name=f"web-{build.id}", replace=True)
    assert f"replace: {old['id']} in {HOME} is in use by {machine}" in message
    assert actions(build, since) == []
    assert f"is in use by {machine}" in build.image("fail", state="absent", **image)
    assert described(build, old)["Status"] == "Available"
    user.tear_down()
    second.tear_down()


def test_nothing_is_replaced_when_the_capture_fails(build, image):
    old = build.cloud.add_image(f"web-{build.id}", owner=build.cloud.account, alias="")
    build.host.succeed("alicloud_builder", state="absent", build_id=build.id, name="builder")
    assert "is gone" in build.image("fail", replace=True, **image)
    assert Client(build.cloud).image(old)["Status"] == "Available"


def test_older_images_of_the_family_are_deprecated_last(build, image):
    old = build.cloud.add_image("old", owner=build.cloud.account, alias="", family="web")
    (made,) = build.image(family="web", deprecate_previous=True, **image)["images"]
    assert Client(build.cloud).image(old)["Status"] == "Deprecated"
    assert made["family"] == "web"
    assert described(build, made)["Status"] == "Available"


def test_removal_in_all_regions(build, image):
    options = {**image, "copies": [{"region": OTHERS[0]}], "launch_users": [USER]}
    build.image(**options)
    assert build.tear_down() == ["image", "image", *["snapshot"] * 4]
    assert build.image(state="absent", check_mode=True, **options)["changed"] is True
    assert build.image(state="absent", **options)["changed"] is True
    assert build.left() == []
    assert build.image(state="absent", **options)["changed"] is False


def everything(build):
    """Options with all that can be asked for."""
    options = {
        "system_disk_only": True,
        "replace": True,
        "family": "web",
        "launch_users": [USER],
        "name": f"web-{build.id}",
    }
    options |= {"region": HOME, "endpoint_url": build.cloud.endpoint_url, "build_id": build.id, "timeout": 60}
    return {**options, "copies": [{"region": OTHERS[0]}]}


def complete(build):
    """Whether the image is there once in both regions, and nothing of it can expire."""
    for region in (HOME, OTHERS[0]):
        found = Client(build.cloud, region).DescribeImages(ImageOwnerAlias="self")["Images"]["Image"]
        assert [one["ImageName"] for one in found] == [f"web-{build.id}"]
        assert "hallmark:expires" not in labels(found[0])
        (snapshot,) = Client(build.cloud, region).DescribeSnapshots()["Snapshots"]["Snapshot"]
        assert labels(snapshot)["hallmark:build"] == build.id
        assert "hallmark:expires" not in labels(snapshot)


@pytest.mark.parametrize("lost", [True, False], ids=["answer-lost", "never-made"])
def test_killed_at_any_change_it_goes_on_where_it_was(build, image, lost):
    """The next run, told the same, completes the image, and makes nothing twice."""
    build.cloud.fault("unavailable", action="DescribeImages", every=7)  # as a busy day would have it
    clean = build.host.run("alicloud_image", **everything(build))
    assert not clean.result.get("failed"), clean.result["msg"]
    build.host.succeed("alicloud_image", state="absent", **everything(build))
    build.cloud.world.faults.clear()
    changes = [number for number, call in enumerate(clean.calls, 1) if not call.startswith("Describe")]
    assert len(changes) > 12
    for number in changes:
        other = type(build)(build.cloud, build.host)
        other.launch(data_disks=DATA)
        assert build.host.run("alicloud_image", kill=number, lost=lost, **everything(other)).result is None
        build.host.succeed("alicloud_image", **everything(other))
        complete(other)
        assert build.host.succeed("alicloud_image", **everything(other))["changed"] is False
        assert other.tear_down() == ["image", "image", "snapshot", "snapshot"]
        build.host.succeed("alicloud_image", state="absent", **everything(other))
        assert other.left() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a"}, "name: 'a': 2 to 128 of letters"),
        ({"encrypted": True, "launch_users": [USER]}, "encrypted with the service key"),
        ({"copies": [{"region": "cn-beijing", "encrypted": True}], "launch_users": [USER]}, "in cn-beijing"),
        ({"deprecate_previous": True}, "deprecate_previous: true, and no family"),
        ({"family": "acs:web"}, "family: 'acs:web'"),
        ({"keep_in_build_region": False}, "keep_in_build_region: false, and no copies"),
        ({"tags": {"acs:x": "y"}}, "tags: 'acs:x'"),
        ({"tags": {"a": "b"}, "snapshot_tags": {str(number): "x" for number in range(14)}}, "15 tags with those of"),
    ],
)
def test_what_cannot_be_is_told_in_plan(build, options, message):
    since = len(build.cloud.calls)
    assert message in build.image("fail", check_mode=True, **options)
    assert actions(build, since) == []


def test_check_mode_changes_nothing(build, image):
    since = len(build.cloud.calls)
    planned = build.image(check_mode=True, copies=[{"region": OTHERS[0]}], launch_users=[USER], **image)
    assert planned["msg"] == f"would make web-{build.id} ({HOME}), web-{build.id} ({OTHERS[0]})"
    assert actions(build, since) == []
