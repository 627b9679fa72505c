# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of a build are removed from another computer, which has no ledger of it; in an account over plain HTTP."""

from __future__ import annotations

import pytest

from support.aws_account import environment_of
from support.emulated_build import HOME
from support.module_host import AT_ONCE, ModuleHost
from support.replacement import owner

THERE = "eu-west-1"
COPIES = {"copies": [{"region": THERE}]}


@pytest.fixture(scope="module")
def elsewhere(aws, tmp_path_factory):
    """Runs modules on another computer."""
    environment = environment_of(aws.endpoint_url, tmp_path_factory.mktemp("elsewhere"))
    found = ModuleHost(environment, looks=AT_ONCE)
    yield found
    found.stop()


@pytest.fixture
def published(aws, emulated_build):
    """A build with an image in two regions, torn down; everything it made is gone afterwards."""
    emulated_build.launch()
    made = emulated_build.image(**COPIES, deregistration_protection="yes")["images"]
    assert emulated_build.tear_down() == ["amis", "amis", "snapshots", "snapshots"]
    emulated_build.made = {image["region"]: image for image in made}
    yield emulated_build
    emulated_build.image(state="absent", **COPIES)
    assert emulated_build.tear_down() == []


def remove(elsewhere, build, run="succeed", **options):
    """What removing the images from the other computer says."""
    wanted = {"region": HOME, "build_id": build.id, "name": f"web-{build.id}", "state": "absent", "timeout": 5}
    return getattr(elsewhere, run)("aws_image", **{**wanted, **COPIES, **options})


def ec2(aws, region=HOME):
    return owner(aws.endpoint_url, region)


def changes(aws, first):
    return [call.action for call in list(aws.calls)[first:] if call.mutates]


def test_images_and_snapshots_go_in_every_region_that_is_named(aws, elsewhere, published):
    aws.delays.in_use = 0.5
    assert remove(elsewhere, published, copies=[])["changed"], "of the build's region alone"
    assert published.tear_down() == ["amis", "snapshots"]
    assert remove(elsewhere, published)["changed"]
    assert published.tear_down() == []
    said = remove(elsewhere, published)
    assert not said["changed"]
    told = f"nothing is there: {HOME}, {THERE} has nothing of that name with the tag of build {published.id}"
    assert said["msg"] == told
    assert not (elsewhere.home / published.id).exists()


def test_check_mode_removes_nothing(aws, elsewhere, published):
    first = len(aws.calls)
    said = remove(elsewhere, published, check_mode=True)
    assert said["changed"]
    assert said["diff"]["before"] == f"web-{published.id} ({HOME})\nweb-{published.id} ({THERE})\n"
    assert changes(aws, first) == []


def test_what_is_in_use_stays_in_every_region(aws, elsewhere, published):
    image = published.made[THERE]["id"]
    there = ec2(aws, THERE)
    (machine,) = there.run_instances(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1)["Instances"]
    first = len(aws.calls)
    message = remove(elsewhere, published, "fail")
    assert f"state: absent: {image} in {THERE} is in use by instance/{machine['InstanceId']}: end its use" in message
    assert changes(aws, first) == []
    there.terminate_instances(InstanceIds=[machine["InstanceId"]])
    assert remove(elsewhere, published)["changed"]


def test_what_another_image_is_made_of_stays(aws, elsewhere, published):
    (snapshot,) = published.made[HOME]["snapshots"]
    mapping = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}
    request = {"Name": "other", "Architecture": "x86_64", "RootDeviceName": "/dev/xvda"}
    other = ec2(aws).register_image(**request, BlockDeviceMappings=[mapping])["ImageId"]
    first = len(aws.calls)
    message = remove(elsewhere, published, "fail")
    assert f"state: absent: {snapshot} in {HOME} is in use by image/{other}" in message
    assert changes(aws, first) == []
    ec2(aws).deregister_image(ImageId=other)
    assert remove(elsewhere, published)["changed"]


def test_what_use_cannot_be_asked_of_stays(aws, elsewhere, published):
    denied = {"code": "UnauthorizedOperation", "message": "no", "status": 403, "times": 0}
    aws.fault("error", action="DescribeImageReferences", **denied)
    first = len(aws.calls)
    assert "credentials that allow DescribeImageReferences" in remove(elsewhere, published, "fail")
    assert changes(aws, first) == []


def test_snapshots_go_whose_image_went_before(aws, elsewhere, published):
    """As when a removal was cut short: nothing but their tags tells whose they are."""
    for region, image in published.made.items():
        client = ec2(aws, region)
        client.disable_image_deregistration_protection(ImageId=image["id"])
        client.deregister_image(ImageId=image["id"])
    assert published.tear_down() == ["snapshots", "snapshots"]
    assert remove(elsewhere, published)["changed"]
    assert published.tear_down() == []


def test_other_images_stay(aws, elsewhere, published):
    """The build's own of another name, and one of that name that no build made."""
    here, abroad = ec2(aws), ec2(aws, "us-west-2")
    request = {"InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
    machine = here.run_instances(ImageId=aws.image, **request)["Instances"][0]["InstanceId"]
    tags = [{"Key": "hallmark:build", "Value": published.id}, {"Key": "hallmark:token", "Value": "of the other"}]
    specifications = [{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")]
    made = here.create_image(InstanceId=machine, Name=f"db-{published.id}", TagSpecifications=specifications)["ImageId"]
    request = {"Architecture": "x86_64", "RootDeviceName": "/dev/xvda"}
    named = abroad.register_image(Name=f"web-{published.id}", **request)["ImageId"]
    remove(elsewhere, published, copies=[{"region": THERE}, {"region": "us-west-2"}])
    for client, image in ((here, made), (abroad, named)):
        (found,) = client.describe_images(ImageIds=[image])["Images"]
        client.deregister_image(ImageId=image)
        for mapping in found["BlockDeviceMappings"]:
            client.delete_snapshot(SnapshotId=mapping["Ebs"]["SnapshotId"])  # so it is there
    here.terminate_instances(InstanceIds=[machine])
