# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares that cannot work are refused in plan, in an account emulated over plain HTTP."""

from __future__ import annotations

import contextlib
import json
import subprocess

import boto3
import pytest

from support.aws_account import KEYS, environment_of
from support.emulated_build import HOME

OTHER = "123456789012"
COPY = "eu-west-1"


def ec2(aws, region=HOME, service="ec2"):
    """A client of the account's owner."""
    keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client(service, region_name=region, endpoint_url=aws.endpoint_url, **keys)


@contextlib.contextmanager
def encrypted_by_default(client):
    client.enable_ebs_encryption_by_default()
    yield
    client.disable_ebs_encryption_by_default()


@pytest.fixture
def snapshot(aws):
    """Makes a snapshot of an empty volume, encrypted as it is told; all of them go."""
    client, made = ec2(aws), []

    def make(**cipher):
        volume = client.create_volume(AvailabilityZone=f"{HOME}a", Size=1, **cipher)["VolumeId"]
        made.append(client.create_snapshot(VolumeId=volume)["SnapshotId"])
        client.delete_volume(VolumeId=volume)
        return made[-1]

    yield make
    for identifier in made:
        client.delete_snapshot(SnapshotId=identifier)


def plan(build, run="fail", **options):
    """What planning the image says, with a share."""
    return build.image(run, **{"launch_users": [OTHER], "check_mode": True, **options})


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"kms_key_id": "alias/mine", "copies": [{"region": COPY}]}, COPY),
        ({"data_disks": [{"device_name": "/dev/sdf", "size": 1, "encrypted": True}]}, HOME),
        ({"disks": [{"device_name": "/dev/sdf", "size": 1, "encrypted": True}]}, HOME),
        ({"copies": [{"region": COPY, "encrypted": True}]}, COPY),
    ],
)
def test_what_options_encrypt_with_amazons_key_cannot_be_shared(emulated_build, options, where):
    assert f"launch_users: the image in {where} is encrypted with Amazon's own key" in plan(emulated_build, **options)


def test_keys_of_ones_own_everywhere_can_be_shared(emulated_build):
    disk = {"device_name": "/dev/sdf", "size": 1, "kms_key_id": "alias/data"}
    copy = {"region": COPY, "kms_key_id": "alias/there"}
    plan(emulated_build, "succeed", kms_key_id="alias/mine", data_disks=[disk], copies=[copy])


def test_amazons_key_is_known_by_any_name(aws, emulated_build, snapshot):
    """An own snapshot that it encrypts names it by its ARN."""
    kms, amazons = ec2(aws, service="kms"), snapshot(Encrypted=True)
    (arn,) = {item["KmsKeyId"] for item in ec2(aws).describe_snapshots(SnapshotIds=[amazons])["Snapshots"]}
    told = f"launch_users: the image in {HOME} is encrypted with Amazon's own key"
    mine = kms.create_key()["KeyMetadata"]
    for amazons, own in ((arn, mine["Arn"]), (arn.rpartition("/")[2], mine["KeyId"])):
        assert told in plan(emulated_build, kms_key_id=amazons)
        plan(emulated_build, "succeed", kms_key_id=own)


@pytest.mark.parametrize("region", [HOME, COPY])
def test_the_default_encryption_of_each_region_counts(aws, emulated_build, region):
    copies = [{"region": COPY}]
    plan(emulated_build, "succeed", copies=copies)
    with encrypted_by_default(ec2(aws, region)):
        message = plan(emulated_build, copies=copies)
    assert f"launch_users: the image in {region} is encrypted with Amazon's own key" in message


def test_encrypted_disks_of_the_source_image_count(aws, emulated_build):
    source = aws.add_image("encrypted", owner="111122223333")
    plan(emulated_build, "succeed", source={"id": source})
    (disk,) = aws.backend().amis[source].devices.values()
    disk["Ebs"]["Encrypted"] = True
    told = f"launch_users: the image in {HOME} is encrypted with Amazon's own key"
    assert told in plan(emulated_build, source={"id": source})
    plan(emulated_build, "succeed", source={"id": source}, kms_key_id="alias/mine")
    # What is one's own passes its key on.
    snapshot = aws.backend().snapshots[disk["Ebs"]["SnapshotId"]]
    snapshot.owner_id, snapshot.encrypted = OTHER, True
    snapshot.kms_key_id = f"arn:aws:kms:{HOME}:{OTHER}:key/mine"
    plan(emulated_build, "succeed", source={"id": source})


@pytest.mark.parametrize("option", ["data_disks", "disks"])
def test_what_a_disk_is_made_of_counts(aws, emulated_build, snapshot, option):
    def disk(identifier, **more):
        return {option: [{"device_name": "/dev/sdf", "snapshot_id": identifier, **more}]}

    mine = ec2(aws, service="kms").create_key()["KeyMetadata"]["Arn"]
    plan(emulated_build, "succeed", **disk(snapshot()))
    # One's own passes its key on, also where it is encrypted anyhow.
    own = snapshot(Encrypted=True, KmsKeyId=mine)
    plan(emulated_build, "succeed", **disk(own))
    plan(emulated_build, "succeed", **disk(own, encrypted=True))
    amazons = disk(snapshot(Encrypted=True))
    assert f"launch_users: the image in {HOME} is encrypted with Amazon's own key" in plan(emulated_build, **amazons)
    assert "launch_groups: all, and the image" in plan(
        emulated_build, launch_users=[], launch_groups=["all"], **amazons
    )
    plan(emulated_build, "succeed", launch_users=[], **amazons)
    # An image without the disk, and copies with a key of one's own, are something else.
    plan(emulated_build, "succeed", **({**amazons, "no_devices": ["/dev/sdf"]} if option == "data_disks" else {}))
    away = {"copies": [{"region": COPY, "kms_key_id": "alias/there"}], "keep_in_build_region": False}
    plan(emulated_build, "succeed", **amazons, **away)


def test_a_snapshot_of_another_account_gets_the_default_key(aws, emulated_build, snapshot):
    shared = snapshot(Encrypted=True, KmsKeyId=ec2(aws, service="kms").create_key()["KeyMetadata"]["Arn"])
    thing = aws.backend().snapshots[shared]
    thing.owner_id, own = "111122223333", thing.owner_id
    disk = {"device_name": "/dev/sdf", "snapshot_id": shared}
    message = plan(emulated_build, data_disks=[disk])
    plan(emulated_build, "succeed", data_disks=[{**disk, "kms_key_id": "alias/mine"}])
    plan(emulated_build, "succeed", data_disks=[disk], kms_key_id="alias/mine")
    thing.owner_id = own
    assert f"launch_users: the image in {HOME} is encrypted with Amazon's own key" in message


@pytest.fixture
def encrypted_data(aws):
    """An image of somebody else, with a second disk that Amazon's key encrypts."""
    source = aws.add_image("encrypted data", owner="111122223333")
    (root,) = aws.backend().amis[source].devices.values()
    aws.backend().amis[source].devices["/dev/sdf"] = {
        "DeviceName": "/dev/sdf",
        "Ebs": {**root["Ebs"], "Encrypted": True},
    }
    return source


def test_what_takes_the_place_of_an_encrypted_disk_of_the_source_image_counts_instead(
    emulated_build, encrypted_data, snapshot
):
    source = encrypted_data
    assert "Amazon's own key" in plan(emulated_build, source={"id": source})
    plan(emulated_build, "succeed", source={"id": source}, no_devices=["/dev/sdf"])
    for other in ({"kms_key_id": "alias/mine"}, {"snapshot_id": snapshot()}):
        plan(emulated_build, "succeed", source={"id": source}, data_disks=[{"device_name": "/dev/sdf", **other}])
    assert "Amazon's own key" in plan(emulated_build, source={"id": source}, data_disks=[{"device_name": "/dev/sdf"}])


@pytest.mark.parametrize("left_out", [[], ["/dev/sdf"]])
def test_what_a_build_does_not_give_its_machine_does_not_count(aws, encrypted_data, left_out, tmp_path):
    folder = tmp_path / "images/aws/linux/web"
    folder.mkdir(parents=True)
    (tmp_path / "images/hallmark.yml").write_text("plugin: hallmark.images.definitions\n")
    builder = {"region": HOME, "source_cidrs": ["203.0.113.7/32"], "no_devices": left_out}
    definition = {"source": {"id": encrypted_data}, "builder": builder, "image": {"launch_users": [OTHER]}}
    (folder / "main.yml").write_text(json.dumps(definition))
    done = subprocess.run(
        ["ansible-playbook", "-i", "images/hallmark.yml", "hallmark.images.build", "--check"],
        cwd=tmp_path,
        env=environment_of(aws.endpoint_url, tmp_path / "state"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("Amazon's own key" in done.stdout) == (not left_out), done.stdout + done.stderr
    assert (done.returncode == 0) == bool(left_out), done.stdout + done.stderr


def test_a_machine_is_not_stopped_for_an_image_that_cannot_be_shared(aws, emulated_build, snapshot):
    disks = [{"device_name": "/dev/sdf", "snapshot_id": snapshot(Encrypted=True)}]
    emulated_build.launch(data_disks=disks)
    first = len(aws.calls)
    assert "Amazon's own key" in emulated_build.image("fail", launch_users=[OTHER], data_disks=disks)
    assert [call.action for call in list(aws.calls)[first:] if call.mutates] == []
    assert emulated_build.tear_down() == ["snapshots"], "the one that the disk was made of"


def test_block_public_access_keeps_images_and_snapshots_from_being_public(aws, emulated_build):
    here, there = ec2(aws), ec2(aws, COPY)
    public = {"launch_users": [], "launch_groups": ["all"], "snapshot_groups": ["all"], "copies": [{"region": COPY}]}
    plan(emulated_build, "succeed", **public)
    there.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
    message = plan(emulated_build, **public)
    there.disable_image_block_public_access()
    assert f"launch_groups: all, and Block Public Access in {COPY} is block-new-sharing" in message
    here.enable_snapshot_block_public_access(State="block-all-sharing")
    message = plan(emulated_build, **public)
    plan(emulated_build, "succeed", launch_groups=["all"])  # its snapshots stay private
    here.disable_snapshot_block_public_access()
    assert f"snapshot_groups: all, and Block Public Access in {HOME} is block-all-sharing" in message


def test_what_may_not_be_asked_is_not_refused(aws, emulated_build):
    disk = {"device_name": "/dev/sdf", "snapshot_id": "snap-0123456789abcdef0"}
    aws.fault("error", action="DescribeSnapshots", code="UnauthorizedOperation", message="no", times=0, status=403)
    plan(emulated_build, "succeed", data_disks=[disk])
    for action in ("GetImageBlockPublicAccessState", "GetSnapshotBlockPublicAccessState"):
        aws.fault("error", action=action, code="UnauthorizedOperation", message="no", times=0, status=403)
    plan(emulated_build, "succeed", launch_users=[], launch_groups=["all"], snapshot_groups=["all"])
