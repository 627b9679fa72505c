# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IAM policies that are shipped: a build passes with exactly them, and fails without any one action of them.

moto looks at actions only, so resources and conditions are left out here. It does not ask for the rights that AWS asks
for besides the action that is called (tags of a create call, roles that are passed, keys). All of that is held against
recorded calls by test_policy_conditions.py.
"""

from __future__ import annotations

import json
import secrets

import boto3
import pytest

from emulators.aws import AwsEmulator
from support.aws_policies import POLICIES, actions, allow, modules_of_a_user
from support.iam import WITH_REFERENCES, request_tags

HOME = "us-east-1"
USED = ("build", "copy", "share", "replace", "ssm_source")
#: What actions begin with that change nothing.
LOOKS = ("Decode", "Describe", "Get", "List")
#: Asked for by AWS where moto does not, or only when an answer was lost.
NOT_CALLED = {"ec2:CreateTags", "ec2:DescribeKeyPairs"}
NOT_CALLED |= {*WITH_REFERENCES} - {"ec2:DescribeInstances", "ec2:DescribeLaunchTemplateVersions"}
#: What the module goes on without: a share that cannot work is then told by the share itself.
GOES_ON_WITHOUT = {"ec2:GetEbsDefaultKmsKeyId", "ec2:GetEbsEncryptionByDefault"}
GOES_ON_WITHOUT |= {"kms:DescribeKey"}
GOES_ON_WITHOUT |= {"ec2:GetImageBlockPublicAccessState", "ec2:GetSnapshotBlockPublicAccessState"}


@pytest.fixture(scope="module")
def aws():
    with AwsEmulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def host(aws, tmp_path_factory):
    with modules_of_a_user(aws, tmp_path_factory.mktemp("state")) as found:
        yield found


@pytest.fixture
def pipeline(aws, host):
    """A build with all features of the tested policies; the first failure, or an empty text."""
    old = []

    def run():
        build = f"20261124t180000-{secrets.token_hex(3)}"
        name = f"web-{build}"
        aws.enforce_iam(False)
        owner = boto3.Session(aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret").client(
            "ec2", region_name=HOME, endpoint_url=aws.endpoint_url
        )
        old.append(owner.register_image(Name=name, Architecture="x86_64", RootDeviceName="/dev/xvda")["ImageId"])
        aws.enforce_iam(True)
        launch = {
            "region": HOME,
            "build_id": build,
            "lifetime": "deadline",
            "source": {"ssm_parameter": "/aws/service/debian/release/12/latest/amd64"},
            "source_cidrs": ["203.0.113.7/32"],
            "max_attempts": 1,
            "timeout": 5,
        }
        image = {
            **{"region": HOME, "build_id": build, "name": name, "replace": True, "max_attempts": 1, "timeout": 20},
            **{
                "copies": [{"region": "eu-west-1"}],
                "launch_users": ["123456789012"],
                "snapshot_users": ["123456789012"],
            },
            **{"deprecate_at": "+90d", "deregistration_protection": "yes"},
        }
        steps = [
            ("aws_builder", {**launch, "wait": False}),
            ("aws_image", image),
            ("aws_image", {"state": "absent", **image}),
            ("aws_builder", {"state": "absent", "build_id": build, "timeout": 3}),
        ]
        failed = ""
        for module, options in steps:
            result = host.run(module, **options).result
            if result.get("failed") and not failed:
                failed = result["msg"]
        return failed

    yield run
    aws.enforce_iam(False)


def test_the_policies_are_enough_and_every_action_is_needed(aws, host, pipeline):
    every = set(actions(*USED))
    allow(aws, host, every)
    assert pipeline() == ""
    unneeded = []
    for action in sorted(every - NOT_CALLED - GOES_ON_WITHOUT - {"ec2:GetConsoleOutput"}):
        allow(aws, host, every - {action})
        message = pipeline()
        if "AccessDenied" not in message and "UnauthorizedOperation" not in message:
            unneeded.append((action, message))
    assert unneeded == []


def test_a_console_that_may_not_be_read_is_told_at_once(aws, host):
    every = set(actions(*USED))
    allow(aws, host, every - {"ec2:GetConsoleOutput"})
    build = f"20261124t180000-{secrets.token_hex(3)}"
    launch = {"region": HOME, "build_id": build, "lifetime": "deadline", "source": {"id": aws.image}, "timeout": 60}
    message = host.fail("aws_builder", **launch, source_cidrs=["203.0.113.7/32"], max_attempts=1)
    aws.enforce_iam(False)
    assert "credentials that allow GetConsoleOutput" in message


def test_marking_an_image_for_ena_needs_its_policy(aws, host):
    def run():
        build = f"20261124t180000-{secrets.token_hex(3)}"
        common = {"region": HOME, "build_id": build, "max_attempts": 1, "timeout": 5}
        launch = {"lifetime": "deadline", "source": {"id": aws.image}, "source_cidrs": ["203.0.113.7/32"]}
        steps = [
            ("aws_builder", {**common, **launch, "wait": False}),
            ("aws_image", {**common, "name": f"web-{build}", "ena_support": True}),
            ("aws_builder", {"state": "absent", "build_id": build, "timeout": 3}),
        ]
        results = [host.run(module, **options).result for module, options in steps]
        return next((result["msg"] for result in results if result.get("failed")), "")

    allow(aws, host, actions("build"))
    assert "credentials that allow ModifyInstanceAttribute" in run()
    allow(aws, host, actions("build", "ena"))
    assert run() == ""
    aws.enforce_iam(False)


def test_rights_to_capture_are_asked_for_as_soon_as_there_is_a_machine(aws, host):
    every, build = set(actions("build")), f"20261124t180000-{secrets.token_hex(3)}"
    common = {"region": HOME, "build_id": build, "max_attempts": 1, "timeout": 5}
    launch = {"lifetime": "deadline", "source": {"id": aws.image}, "source_cidrs": ["203.0.113.7/32"], "wait": False}
    image = {"name": f"web-{build}", "publish": False, "tags": {"team": "platform"}, "check_mode": True}

    def asked(*without):
        allow(aws, host, every - {*without})
        first = len(aws.calls)
        result = host.run("aws_image", **common, **image).result
        return result, list(aws.calls)[first:]

    assert [call.action for call in asked()[1]] == ["DescribeImages"], "nothing of a machine that is not there"
    allow(aws, host, every)
    host.succeed("aws_builder", **common, **launch)
    result, calls = asked()
    assert not result.get("failed"), result["msg"]
    assert [call.action for call in calls if call.dry_run] == ["StopInstances", "CreateImage"]
    assert [call.action for call in calls if call.mutates] == []
    tagged = request_tags(calls[-2].params)
    assert tagged["image"]["team"] == tagged["snapshot"]["team"] == "platform", "as it will be made"
    for action in ("StopInstances", "CreateImage"):
        assert f"credentials that allow {action}" in asked(f"ec2:{action}")[0]["msg"]
    allow(aws, host, every)
    host.succeed("aws_builder", state="absent", build_id=build, timeout=10)
    aws.enforce_iam(False)


def test_quotas_are_read_with_their_policy_only(aws, host):
    launch = {"region": HOME, "lifetime": "deadline", "source": {"id": aws.image}, "max_attempts": 1}
    launch |= {"source_cidrs": ["203.0.113.7/32"], "check_mode": True}

    def planned(*names):
        allow(aws, host, actions(*names))
        return host.succeed("aws_builder", build_id=f"20261124t180000-{secrets.token_hex(3)}", **launch)["plan"][-1]

    aws.world.quotas["L-1216C47A"] = 32.0
    assert "quotas" not in planned("build")
    assert planned("build", "quotas")["quotas"][0]["limit"] == 32.0
    aws.world.quotas.clear()
    aws.enforce_iam(False)


def test_a_refusal_is_explained_with_its_policy_only(aws, host):
    launch = {"region": HOME, "lifetime": "deadline", "source": {"id": aws.image}, "max_attempts": 1}
    launch |= {"source_cidrs": ["203.0.113.7/32"], "wait": False}
    encoded = "You are not authorized. Encoded authorization failure message: c2VjcmV0"

    def refused(*names):
        allow(aws, host, actions(*names))
        first = len(aws.calls)
        aws.fault("error", action="RunInstances", code="UnauthorizedOperation", message=encoded, status=403)
        message = host.fail("aws_builder", build_id=f"20261124t180000-{secrets.token_hex(3)}", **launch)
        asked = [call for call in list(aws.calls)[first:] if call.action == "DecodeAuthorizationMessage"]
        return message, [call.error for call in asked]

    message, errors = refused("build")
    assert "credentials that allow RunInstances" in message
    assert errors == ["AccessDenied"]
    assert refused("build", "explain")[1] == ["InvalidAction"]  # moto lets it through, and does not know it
    aws.enforce_iam(False)


def test_a_temporary_profile_needs_every_action_of_its_policy(aws, host):
    every = set(actions("build", "temporary_profile"))
    not_asked = {"iam:TagRole", "iam:TagInstanceProfile", "iam:PassRole"}
    policy = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}

    def run():
        build = f"20261124t180000-{secrets.token_hex(3)}"
        launch = {"region": HOME, "build_id": build, "lifetime": "deadline", "source": {"id": aws.image}, "wait": False}
        launch |= {"source_cidrs": ["203.0.113.7/32"], "max_attempts": 1, "timeout": 5}
        started = host.run("aws_builder", **launch, instance_profile_policy=policy).result
        ended = host.run("aws_builder", state="absent", build_id=build, timeout=1).result
        return next((result["msg"] for result in (started, ended) if result.get("failed")), "")

    allow(aws, host, every)
    assert run() == ""
    unneeded = []
    for action in sorted(set(actions("temporary_profile")) - not_asked):
        allow(aws, host, every - {action})
        if "AccessDenied" not in run():
            unneeded.append(action)
    aws.enforce_iam(False)
    assert unneeded == []


def test_reap_needs_every_action_of_its_policy(aws, host):
    every = set(actions("build", "temporary_profile", "reap"))
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret"}
    owner = boto3.Session(**keys).client("ec2", region_name=HOME, endpoint_url=aws.endpoint_url)
    tags = {"hallmark:build": "20260101t000000-aaaaaa", "hallmark:expires": "2026-01-01T00:00:00+00:00"}
    owner.create_volume(
        AvailabilityZone=f"{HOME}a",
        Size=1,
        TagSpecifications=[
            {"ResourceType": "volume", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        ],
    )
    for action in actions("reap"):
        allow(aws, host, every - {action})
        told = json.dumps(host.run("reap", aws_regions=[HOME]).result)
        assert f"credentials that allow {action.split(':')[1]}" in told
    allow(aws, host, every)
    assert host.succeed("reap", aws_regions=[HOME])["builds"] == []
    aws.enforce_iam(False)
    # It went as soon as that was allowed, although roles could not be looked for yet.
    expired = [{"Name": "tag:hallmark:build", "Values": [tags["hallmark:build"]]}]
    assert owner.describe_volumes(Filters=expired)["Volumes"] == []


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.json")), ids=lambda path: path.stem)
def test_what_changes_things_is_bound_to_the_tags_of_a_build_or_to_the_things_it_refers_to(path):
    for statement in json.loads(path.read_text())["Statement"]:
        looks = [action for action in statement["Action"] if action.split(":")[1].startswith(LOOKS)]
        if len(looks) < len(statement["Action"]):
            assert statement["Resource"] != "*" or "Condition" in statement, statement["Sid"]
        assert "*" not in "".join(statement["Action"]), statement["Sid"]
        destroys = [action for action in statement["Action"] if ":Delete" in action or ":Terminate" in action]
        if destroys:
            assert "hallmark" in json.dumps([statement.get("Condition", {}), statement["Resource"]]), statement["Sid"]
