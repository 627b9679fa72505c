# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IAM policies that are shipped, with resources and conditions, held against the calls of recorded builds.

The builds run over plain HTTP against the emulated account, once, with all features. `support.iam` says what AWS would
evaluate for each of their calls. Every call must be allowed by the policies; and every action of every policy must be
needed by some call, which is refused without it.
"""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from emulators.aws import AwsEmulator
from emulators.aws.instances import PASSWORD
from emulators.machines.winrm import WinrmMachines
from support.aws_account import KEYS
from support.emulated_build import HOME, Build
from support.iam import ACCOUNT, Demand, allowed, demands

POLICIES = {
    path.stem: json.loads(path.read_text())["Statement"]
    for path in sorted((Path(__file__).resolve().parents[3] / "policies/aws").glob("*.json"))
}
ACTIONS = sorted({(name, action) for name, found in POLICIES.items() for item in found for action in item["Action"]})
PROFILE = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
OLD = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """An account whose machines are doors of Windows, which is enough to be asked for a password."""
    with AwsEmulator(machines=WinrmMachines(tmp_path_factory.mktemp("machines") / "m", PASSWORD)) as emulator:
        yield emulator


def clients(aws, service, region=HOME):
    """A client of the account's owner."""
    keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client(service, region_name=region, endpoint_url=aws.endpoint_url, **keys)


def whole_build(aws, host, key):
    """On-demand, of a parameter, encrypted, with a role of its own; captured, copied, shared, replaced, removed."""
    build = Build(aws, host)
    options = {
        "source": {"ssm_parameter": "/aws/service/debian/release/12/latest/amd64"},
        "kms_key_id": key,
        "instance_profile_policy": PROFILE,
    }
    build.launch(check_mode=True, **options)
    aws.fault("lose", action="ImportKeyPair")
    build.launch(**options)
    name = f"web-{build.id}"
    tags = [{"Key": "hallmark:build", "Value": "20260101t000000-aaaaaa"}]
    clients(aws, "ec2").register_image(
        **{"Name": name, "Architecture": "x86_64", "RootDeviceName": "/dev/xvda"},
        TagSpecifications=[{"ResourceType": "image", "Tags": tags}],
    )
    image = {
        **{"kms_key_id": key, "copies": [{"region": "eu-west-1", "kms_key_id": "alias/images"}], "replace": True},
        **{"launch_users": [ACCOUNT], "snapshot_users": [ACCOUNT], "deprecate_at": "+90d", "ena_support": True},
        "deregistration_protection": "yes",
    }
    build.image(**image)
    build.image(**image, state="absent")
    assert build.tear_down() == []


def spot_build(aws, host):
    """On the spot market, with an instance profile that exists."""
    iam = clients(aws, "iam")
    iam.create_instance_profile(InstanceProfileName="web")
    build = Build(aws, host)
    build.launch(market="spot", instance_profile="web")
    build.tear_down()
    iam.delete_instance_profile(InstanceProfileName="web")


def odd_builds(aws, host):
    """One that waits for its guest, a refused one, one planned where every volume is encrypted, a public one."""
    build = Build(aws, host)
    assert "not ready within 2 s" in build.launch("fail", wait=True, timeout=2)
    build.tear_down()
    build = Build(aws, host)
    encoded = "You are not authorized. Encoded authorization failure message: c2VjcmV0"
    aws.fault("error", action="RunInstances", code="UnauthorizedOperation", message=encoded, status=403)
    build.launch("fail")
    build.tear_down()
    ec2 = clients(aws, "ec2")
    ec2.enable_ebs_encryption_by_default()
    build.image("run", launch_users=[ACCOUNT], check_mode=True)
    ec2.disable_ebs_encryption_by_default()
    build.image("run", launch_groups=["all"], snapshot_groups=["all"], check_mode=True)


def windows_build(aws, host):
    """Up to the machine that can be logged in to."""
    image = aws.add_image("Windows_Server-2022-English-Full-Base", root="/dev/sda1", platform="windows", size=30)
    build = Build(aws, host)
    build.launch(source={"id": image}, communicator="winrm", wait=True)
    build.tear_down()


def reap(aws, host):
    """Of what has expired, a volume that no machine has any more among it."""
    tags = [{"Key": "hallmark:build", "Value": "20260101t000000-aaaaaa"}, {"Key": "hallmark:expires", "Value": OLD}]
    specification = [{"ResourceType": "volume", "Tags": tags}]
    clients(aws, "ec2").create_volume(AvailabilityZone=f"{HOME}a", Size=1, TagSpecifications=specification)
    host.succeed("reap", aws_regions=[HOME])


@pytest.fixture(scope="module")
def recorded(aws, host):
    """Everything that AWS would evaluate for those builds."""
    key = clients(aws, "kms").create_key()["KeyMetadata"]["KeyId"]
    there = clients(aws, "kms", "eu-west-1")
    there.create_alias(AliasName="alias/images", TargetKeyId=there.create_key()["KeyMetadata"]["KeyId"])
    first = len(aws.calls)
    whole_build(aws, host, key)
    spot_build(aws, host)
    odd_builds(aws, host)
    windows_build(aws, host)
    reap(aws, host)
    calls = [call for call in list(aws.calls)[first:] if "hallmark.images" in call.user_agent]
    assert len(calls) > 100
    return [demand for call in calls for demand in demands(call)]


def test_every_call_is_allowed(recorded):
    every = [statement for found in POLICIES.values() for statement in found]
    assert sorted({str(demand) for demand in recorded if not allowed(every, demand)}) == []


def others(policy):
    """The statements of all other policies, but those that are given instead of this one."""
    instead = {"temporary_profile": "instance_profile", "instance_profile": "temporary_profile"}.get(policy)
    return [item for name, found in POLICIES.items() if name not in (policy, instead) for item in found]


@pytest.mark.parametrize(("policy", "action"), ACTIONS)
def test_every_action_is_needed(recorded, policy, action):
    left = others(policy)
    for statement in POLICIES[policy]:
        left.append({**statement, "Action": [item for item in statement["Action"] if item != action]})
    assert any(demand.action == action and not allowed(left, demand) for demand in recorded)


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_every_statement_is_needed(recorded, policy):
    with_all = others(policy) + POLICIES[policy]
    granted = [demand for demand in recorded if allowed(with_all, demand)]
    for statement in POLICIES[policy]:
        left = [item for item in with_all if item is not statement]
        assert any(not allowed(left, demand) for demand in granted), statement["Sid"]


EC2 = f"arn:aws:ec2:{HOME}:{ACCOUNT}"
FOREIGN = [
    Demand("ec2:TerminateInstances", f"{EC2}:instance/i-1"),
    Demand("ec2:StopInstances", f"{EC2}:instance/i-1", {"aws:ResourceTag/team": "platform"}),
    Demand("ec2:DeleteSecurityGroup", f"{EC2}:security-group/sg-1"),
    Demand("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-1"),
    Demand("ec2:DeleteVolume", f"{EC2}:volume/vol-1"),
    Demand("ec2:DeleteKeyPair", f"{EC2}:key-pair/alice"),
    Demand("ec2:DeregisterImage", f"arn:aws:ec2:{HOME}::image/ami-1"),
    Demand("ec2:DeleteSnapshot", f"arn:aws:ec2:{HOME}::snapshot/snap-1"),
    Demand("ec2:ModifyImageAttribute", f"arn:aws:ec2:{HOME}::image/ami-1"),
    Demand("ec2:ModifyInstanceAttribute", f"{EC2}:instance/i-1"),
    Demand("ec2:CreateImage", f"{EC2}:instance/i-1"),
    Demand("ec2:CopyImage", f"arn:aws:ec2:{HOME}::image/ami-1"),
    Demand("ec2:RunInstances", f"{EC2}:instance/new"),
    Demand("ec2:CreateTags", f"{EC2}:instance/i-1"),
    Demand("ec2:CreateTags", f"{EC2}:instance/i-1", {"ec2:CreateAction": "CreateVpc"}),
    Demand("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", {"iam:PassedToService": "lambda.amazonaws.com"}),
    Demand("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    Demand("iam:DeleteRole", f"arn:aws:iam::{ACCOUNT}:role/hallmark/other"),
    Demand("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/hallmark/hallmark-x"),
    Demand("kms:Decrypt", f"arn:aws:kms:{HOME}:{ACCOUNT}:key/x"),
    Demand("ssm:GetParameter", f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter/secret"),
]


@pytest.mark.parametrize("demand", FOREIGN, ids=str)
def test_what_is_not_of_a_build_is_left_alone(demand):
    every = [statement for found in POLICIES.values() for statement in found]
    assert not allowed(every, demand)
