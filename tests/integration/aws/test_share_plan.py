# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares that cannot work are refused in plan, in an account emulated over plain HTTP."""

from __future__ import annotations

import contextlib

import boto3
import pytest
from moto.kms.models import kms_backends

from support.aws_account import KEYS
from support.emulated_build import HOME

OTHER = "123456789012"
COPY = "eu-west-1"


def ec2(aws, region=HOME):
    """A client of the account's owner."""
    keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client("ec2", region_name=region, endpoint_url=aws.endpoint_url, **keys)


@contextlib.contextmanager
def encrypted_by_default(client):
    client.enable_ebs_encryption_by_default()
    yield
    client.disable_ebs_encryption_by_default()


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


def test_amazons_key_is_known_by_any_name(aws, emulated_build):
    """An own snapshot that it encrypts names it by its ARN."""
    keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    kms = boto3.client("kms", region_name=HOME, endpoint_url=aws.endpoint_url, **keys)
    amazons, mine = (kms.create_key()["KeyMetadata"] for dummy in range(2))
    kms_backends[OTHER][HOME].keys[amazons["KeyId"]].key_manager = "AWS"  # moto's are all customers'
    told = f"launch_users: the image in {HOME} is encrypted with Amazon's own key"
    for name in ("KeyId", "Arn"):
        assert told in plan(emulated_build, kms_key_id=amazons[name])
        plan(emulated_build, "succeed", kms_key_id=mine[name])


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
    for action in ("GetImageBlockPublicAccessState", "GetSnapshotBlockPublicAccessState"):
        aws.fault("error", action=action, code="UnauthorizedOperation", message="no", times=0, status=403)
    plan(emulated_build, "succeed", launch_users=[], launch_groups=["all"], snapshot_groups=["all"])
