# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of an image: copies, tags, permissions, deprecation. How it takes the place of an older one is
in test_replace.py."""

from __future__ import annotations

import pytest

from support.aws_account import HOME, REGIONS

OTHERS = [region for region in REGIONS if region != HOME]


@pytest.fixture
def image(modules, account, launch, build):
    """Options of aws_image for a machine that runs; afterwards everything is gone again."""
    before = account.everything()
    modules.succeed("aws_builder", **{**launch, "wait": False, "tags": {"team": "platform"}})
    options = {"build_id": build, "region": HOME, "name": f"web-{build}", "tags": {"team": "platform"}}
    yield options
    for region in REGIONS:
        ec2 = account.ec2(region)
        for found in ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [f"web-{build}"]}])[
            "Images"
        ]:
            ec2.deregister_image(ImageId=found["ImageId"])
            for mapping in found["BlockDeviceMappings"]:
                ec2.delete_snapshot(SnapshotId=mapping["Ebs"]["SnapshotId"])
    modules.run("aws_builder", state="absent", build_id=build)
    assert account.everything() == before


def described(account, identifier, region=HOME):
    (found,) = account.ec2(region).describe_images(ImageIds=[identifier])["Images"]
    return found


def labels(things):
    return {tag["Key"]: tag["Value"] for tag in things["Tags"]}


def test_until_it_is_published_it_is_private_and_expires(account, modules, image, build):
    made = modules.succeed("aws_image", publish=False, **image)["images"][0]
    (snapshot,) = account.ec2().describe_snapshots(SnapshotIds=made["snapshots"])["Snapshots"]
    for thing in (described(account, made["id"]), snapshot):
        assert labels(thing)["hallmark:build"] == build
        assert labels(thing)["hallmark:definition"] == "web"
        assert labels(thing)["team"] == "platform"
        assert "hallmark:expires" in labels(thing)
    assert described(account, made["id"])["Public"] is False


def test_where_the_build_is_unknown_its_images_are_too(modules):
    options = {"region": HOME, "build_id": "20260101t000000-zzzzzz", "name": "web", "state": "absent"}
    said = modules.succeed("aws_image", **options)
    assert said["changed"] is False
    assert said["msg"].endswith(f"{HOME} has nothing of that name with the tag of build 20260101t000000-zzzzzz")


def test_copies_permissions_and_deprecation(account, modules, image, build):
    options = {
        **image,
        "copies": [{"region": region} for region in OTHERS],
        "launch_users": ["123456789012"],
        "snapshot_users": ["210987654321"],
        "deprecate_at": "+90d",
    }
    outcome = modules.run("aws_image", **options)
    result = outcome.result
    assert not result.get("failed"), result["msg"]
    assert [made["region"] for made in result["images"]] == [HOME, *OTHERS]
    for made in result["images"]:
        ec2 = account.ec2(made["region"])
        found = labels(described(account, made["id"], made["region"]))
        assert "hallmark:expires" not in found
        assert found["hallmark:build"] == build
        assert found["moto:deprecation"]
        launch = ec2.describe_image_attribute(ImageId=made["id"], Attribute="launchPermission")
        assert launch["LaunchPermissions"] == [{"UserId": "123456789012"}]
        volume = ec2.describe_snapshot_attribute(SnapshotId=made["snapshots"][0], Attribute="createVolumePermission")
        assert volume["CreateVolumePermissions"] == [{"UserId": "210987654321"}]
    actions = [call.split()[0] for call in outcome.calls]
    # Both copies are under way before either is waited for, and nobody else sees anything before all of it is there.
    assert actions.index("CopyImage") + 1 == len(actions) - 1 - actions[::-1].index("CopyImage")
    shares = [number for number, action in enumerate(actions) if action == "ModifySnapshotAttribute"]
    assert min(shares) > max(number for number, action in enumerate(actions) if action == "EnableImageDeprecation")
    assert modules.succeed("aws_image", **options)["changed"] is False
    modules.succeed("aws_image", state="absent", **options)


def test_a_region_that_does_not_exist_is_told_before_anything(account, modules, image):
    there = account.everything()
    assert "copies: region: 'mars'" in modules.fail("aws_image", **image, copies=[{"region": "mars"}])
    assert "each region once" in modules.fail("aws_image", **image, copies=[{"region": HOME}])
    assert account.everything() == there


def test_a_taken_name_is_told_before_the_machine_is_stopped(account, modules, image):
    old = account.ec2().register_image(Name=image["name"], Architecture="x86_64", RootDeviceName="/dev/xvda")
    outcome = modules.run("aws_image", **image)
    assert f"name: {image['name']}: {old['ImageId']} in {HOME} has it" in outcome.result["msg"]
    assert "StopInstances" not in " ".join(outcome.calls)


MANY_TAGS = {str(number): "x" for number in range(42)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a"}, "name: 'a': 3 to 128 of letters"),
        ({"encrypted": True, "launch_users": ["123456789012"]}, "encrypted with Amazon's own key"),
        ({"copies": [{"region": "eu-west-1", "encrypted": True}], "launch_users": ["123456789012"]}, "in eu-west-1"),
        ({"deprecate_at": "soon"}, "deprecate_at: 'soon': as +90d"),
        ({"description": "x" * 256}, "description: 256 characters: at most 255"),
        ({"tags": dict.fromkeys("abc", "x"), "snapshot_tags": MANY_TAGS}, "snapshot_tags: 45 tags with those of tags"),
        ({"disks": [{"device_name": "sdb", "size": 3}]}, "disks: device_name: 'sdb'"),
    ],
)
def test_what_cannot_be_is_told_in_plan(account, modules, build, options, message):
    before = account.everything()
    wanted = {"build_id": build, "region": HOME, "name": "web", "check_mode": True, **options}
    assert message in modules.fail("aws_image", **wanted)
    assert account.everything() == before
