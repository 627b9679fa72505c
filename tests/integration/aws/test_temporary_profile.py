# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role and an instance profile made for one machine: waited for, used, and gone with it, whatever happens.

The account is emulated over plain HTTP, without machines behind its instances.
"""

from __future__ import annotations

import json
import shutil

import boto3
import pytest

from emulators.aws import difference
from support.aws_account import KEYS
from support.emulated_build import HOME, Build

POLICY = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::packages/*"}]}
CALLS = ("CreateRole", "PutRolePolicy", "CreateInstanceProfile", "AddRoleToInstanceProfile", "RunInstances")


@pytest.fixture
def iam(aws):
    """A client that the test itself asks with."""
    keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client("iam", region_name=HOME, endpoint_url=aws.endpoint_url, **keys)


def labels(things):
    return {tag["Key"]: tag["Value"] for tag in things}


def test_a_machine_has_a_role_with_that_policy_and_leaves_nothing(aws, emulated_build, iam):
    build = emulated_build
    plan = build.launch(instance_profile_policy=POLICY, tags={"team": "platform"})["plan"]
    assert [item["kind"] for item in plan] == ["runtime", "key", "firewall", "role", "profile", "machine"]
    name = f"hallmark-{build.id}-builder"
    role = iam.get_role(RoleName=name)["Role"]
    assert role["Path"] == "/hallmark/"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}
    policy = iam.get_role_policy(RoleName=name, PolicyName="hallmark")["PolicyDocument"]
    assert policy == {"Version": "2012-10-17", **POLICY}
    profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    for thing in (role, profile):
        assert {"hallmark:build", "hallmark:definition", "hallmark:expires", "hallmark:token", "team"} <= set(
            labels(thing["Tags"])
        )
    launched = [call for call in aws.calls if call.action == "RunInstances" and not call.dry_run][-1]
    assert launched.params["IamInstanceProfile.Name"] == name
    assert build.launch(instance_profile_policy=POLICY)["changed"] is False
    assert build.tear_down() == []


def test_the_launch_waits_until_ec2_knows_the_profile(aws, emulated_build):
    aws.delays.profile = 1.5
    first = len(aws.calls)
    emulated_build.launch(instance_profile_policy=POLICY)
    runs = [call for call in list(aws.calls)[first:] if call.action == "RunInstances"]
    refused = [call for call in runs if call.error == "InvalidParameterValue"]
    assert refused
    assert all(call.dry_run for call in refused)
    assert runs[-1].status == 200
    assert emulated_build.tear_down() == []


@pytest.mark.parametrize("kind", ["throttle", "lose"])
@pytest.mark.parametrize("action", CALLS[:-1])
def test_a_call_that_fails_once_is_made_again_and_makes_one_thing(aws, emulated_build, action, kind):
    fault = aws.fault(kind, action=action)
    emulated_build.launch(instance_profile_policy=POLICY)
    assert fault.hits == 1
    assert emulated_build.tear_down() == []


@pytest.mark.parametrize(
    "action", ["RemoveRoleFromInstanceProfile", "DeleteInstanceProfile", "DeleteRolePolicy", "DeleteRole"]
)
@pytest.mark.parametrize("code", ["ServiceFailure", "DeleteConflict"])
def test_tear_down_goes_on(aws, emulated_build, action, code):
    emulated_build.launch(instance_profile_policy=POLICY)
    status = 500 if code == "ServiceFailure" else 409
    fault = aws.fault("error", action=action, code=code, message="not now", status=status)
    assert emulated_build.tear_down() == []
    assert fault.hits == 1


# Those of which the first makes something, and those that add to it what has to be taken away first.
@pytest.mark.parametrize(
    ("action", "lost"),
    [
        ("CreateRole", True),
        ("PutRolePolicy", False),
        ("CreateInstanceProfile", True),
        ("AddRoleToInstanceProfile", False),
        ("AddRoleToInstanceProfile", True),
        ("RunInstances", True),
    ],
)
def test_reap_after_a_kill_at_every_call(aws, host, emulated_build, action, lost):
    """Also what the second of two calls adds to what the first has made is taken away again."""
    first = len(aws.calls)
    other = Build(aws, host)
    other.launch(instance_profile_policy=POLICY)
    made = [call.action for call in list(aws.calls)[first:] if not (call.dry_run and call.action == action)]
    assert other.tear_down() == []
    kill = made.index(action) + 1
    if action == "RunInstances":  # asked before whether it may be launched
        kill += 1
    outcome = emulated_build.launch("run", instance_profile_policy=POLICY, kill=kill, lost=lost)
    assert outcome.result is None
    assert outcome.calls[-1].startswith(action) or "iam" in outcome.calls[-1]
    host.succeed("reap", build=emulated_build.id)
    assert difference(emulated_build.before, aws.snapshot()) == {}


def test_tags_alone_are_enough(aws, host, emulated_build, iam):
    host.open_expired("aws", emulated_build.id)
    made = emulated_build.launch(instance_profile_policy=POLICY)
    iam.create_role(RoleName="hallmark-somebody", Path="/hallmark/", AssumeRolePolicyDocument="{}")
    shutil.rmtree(made["state_folder"])
    done = host.succeed("reap", aws_regions=[HOME])
    removed = [name for item in done["builds"] if item["build"] == emulated_build.id for name in item["removed"]]
    assert {f"profile/hallmark-{emulated_build.id}-builder", f"role/hallmark-{emulated_build.id}-builder"} < set(
        removed
    )
    iam.get_role(RoleName="hallmark-somebody")  # it carries no tags of a build
    iam.delete_role(RoleName="hallmark-somebody")
    assert difference(emulated_build.before, aws.snapshot()) == {}


def test_without_the_rights_to_list_roles_reap_says_so_and_goes_on(aws, host, emulated_build):
    aws.fault("error", action="ListInstanceProfiles", code="AccessDenied", message="no", status=403)
    assert "were not looked for" in json.dumps(host.succeed("reap", aws_regions=[HOME])["warnings"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"instance_profile_policy": {"Statement": []}}, "instance_profile_policy: Statement: missing"),
        (
            {"instance_profile_policy": {"Statement": [{"Effect": "Maybe", "Action": "s3:*", "Resource": "*"}]}},
            "Statement[0]: Effect: missing or wrong: Allow or Deny",
        ),
        (
            {"instance_profile_policy": {"Statement": {"Effect": "Allow", "Resource": "*"}}},
            "Statement[0]: Action: missing: Action or NotAction",
        ),
        (
            {"instance_profile_policy": POLICY, "instance_profile": "web"},
            "instance_profile_policy: with instance_profile",
        ),
        (
            {"instance_profile_policy": POLICY, "tags": {"team": "a, b"}},
            "tags: team: 'a, b' with instance_profile_policy",
        ),
        ({"instance_profile_boundary": "arn:aws:iam::123456789012:policy/b"}, "without instance_profile_policy"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_created(aws, emulated_build, options, message):
    assert message in emulated_build.launch("fail", **options)
    assert difference(emulated_build.before, aws.snapshot()) == {}
