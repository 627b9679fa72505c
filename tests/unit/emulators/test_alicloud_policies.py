# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RAM policies in the Alibaba Cloud emulator: actions, resources, conditions, roles."""

from __future__ import annotations

import json

import pytest

from emulators.alicloud import policies
from emulators.alicloud.fixtures import Client, pairs

ALL = "acs:ecs:cn-hangzhou:1000000000000001:instance/i-1"


def statement(effect="Allow", action="ecs:StartInstance", resource="*", **more):
    """A statement."""
    return {"Effect": effect, "Action": action, "Resource": resource} | more


def document(*statements):
    """A policy."""
    return {"Version": "1", "Statement": list(statements)}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([statement()], True),
        ([statement(action="ecs:startinstance")], False),
        ([statement(action=["ecs:StopInstance", "ecs:Start*"])], True),
        ([statement(action="ecs:St?rtInstance")], True),
        ([statement(action="*"), statement("Deny")], False),
        ([statement("Deny", "ecs:Stop*"), statement()], True),
        ([{"Effect": "Allow", "NotAction": "ecs:Delete*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "ecs:Start*", "Resource": "*"}], False),
        ([statement(resource="acs:ecs:*:*:instance/*")], True),
        ([statement(resource="acs:ecs:cn-beijing:*:instance/*")], False),
        ([statement(resource=["acs:ecs:*:*:image/*", ALL])], True),
        ([statement(resource="acs:ecs:*:*:instance/i-2")], False),
        ([statement(Condition={"StringEquals": {"acs:ResourceTag/a": ["x", "b"]}})], True),
        ([statement(Condition={"StringEquals": {"acs:ResourceTag/a": "x"}})], False),
        ([statement(Condition={"StringEquals": {"acs:ResourceTag/none": "b"}})], False),
        ([statement(Condition={"StringNotEquals": {"acs:ResourceTag/none": "b"}})], True),
        ([statement(Condition={"StringLike": {"acs:ResourceTag/a": "B*"}})], False),
        ([statement(Condition={"StringEqualsIgnoreCase": {"acs:ResourceTag/a": "B"}})], True),
        ([statement(Condition={"Bool": {"acs:SecureTransport": True}})], True),
        ([statement(Condition={"IpAddress": {"acs:SourceIp": ["10.0.0.0/8", "127.0.0.0/8"]}})], True),
        ([statement(Condition={"NotIpAddress": {"acs:SourceIp": "127.0.0.0/8"}})], False),
    ],
)
def test_documents_allow_what_they_say(statements, allowed):
    context = {"acs:ResourceTag/a": ["b"], "acs:SourceIp": ["127.0.0.1"], "acs:SecureTransport": ["true"]}
    found = policies.allows([policies.check(document(*statements))], "ecs:StartInstance", ALL, context)
    assert found is allowed


@pytest.mark.parametrize(
    "wrong",
    [
        {"Statement": []},
        {"Version": "2012-10-17", "Statement": []},
        document(statement("Permit")),
        document({"Effect": "Allow", "Action": "*"}),
        document(statement(NotAction="*")),
        document(statement(Principal="*")),
        document(statement(Condition={"NumericEquals": {"acs:SourceIp": 1}})),
        document(statement(Condition={"StringEquals": {"ecs:tag/a": "b"}})),
    ],
)
def test_a_document_that_cannot_be_evaluated_whole_is_refused(cloud, wrong):
    with pytest.raises(ValueError, match=r"\w"):
        cloud.cloud.add_user(wrong)


def test_a_user_may_do_what_the_policy_says_and_no_more(cloud):
    instance = cloud.launch()
    user = cloud.user(document(statement(action=["ecs:Describe*", "ecs:StopInstance"])))
    user.StopInstance(InstanceId=instance)
    assert user.DescribeInstances()["TotalCount"] == 1
    assert user.refused("StartInstance", InstanceId=instance) == "Forbidden.RAM"
    assert user.refused("DescribeVpcs") == "Forbidden.RAM"  # VPC's, also where ECS answers
    assert cloud.cloud.calls[-1].status == 403
    assert user.refused("DeleteInstance", InstanceId=instance, DryRun=True) == "Forbidden.RAM"


def test_a_launch_is_allowed_on_all_that_it_uses(cloud):
    cloud.CreateKeyPair(KeyPairName="k1")
    role = cloud.cloud.add_role("app")
    resources = ["instance/*", "image/*", "securitygroup/*", "keypair/k1"]
    whole = [
        statement(action="ecs:RunInstances", resource=[f"acs:ecs:*:*:{name}" for name in resources]),
        statement(action="ecs:RunInstances", resource="acs:vpc:*:*:vswitch/*"),
        statement(action="ram:PassRole", resource=role.arn),
    ]
    params = {"ImageId": cloud.cloud.image, "InstanceType": "ecs.c6.large", "KeyPairName": "k1", "RamRoleName": "app"}
    params |= cloud.network()
    cloud.user(document(*whole)).RunInstances(**params)
    for part in range(3):
        user = cloud.user(document(*(whole[:part] + whole[part + 1 :])))
        assert user.refused("RunInstances", **params) == "Forbidden.RAM"
    for name in resources:
        less = [f"acs:ecs:*:*:{other}" for other in resources if other != name]
        user = cloud.user(document(statement(action="ecs:RunInstances", resource=less), *whole[1:]))
        assert user.refused("RunInstances", **params) == "Forbidden.RAM"


def test_conditions_look_at_the_tags_of_the_request_and_of_the_thing(cloud):
    tag = {"StringEquals": {"acs:RequestTag/hallmark:build": "b1"}}
    own = {"StringEquals": {"acs:ResourceTag/hallmark:build": "b1"}}
    user = cloud.user(
        document(
            statement(action="vpc:CreateVpc", Condition=tag),
            statement(action=["vpc:DeleteVpc", "ecs:DeleteKeyPairs"], Condition=own),
        )
    )
    assert user.refused("CreateVpc") == "Forbidden.RAM"
    vpc = user.CreateVpc(Tag=pairs(**{"hallmark:build": "b1"}))["VpcId"]
    assert user.refused("DeleteVpc", VpcId=cloud.CreateVpc()["VpcId"]) == "Forbidden.RAM"
    user.DeleteVpc(VpcId=vpc)
    cloud.CreateKeyPair(KeyPairName="ours", Tag=pairs(**{"hallmark:build": "b1"}))
    cloud.CreateKeyPair(KeyPairName="theirs")
    assert user.refused("DeleteKeyPairs", KeyPairNames=json.dumps(["ours", "theirs"])) == "Forbidden.RAM"
    user.DeleteKeyPairs(KeyPairNames=json.dumps(["ours"]))


def test_a_session_may_do_what_its_role_and_its_own_policy_allow(cloud):
    role = cloud.cloud.add_role("builder", document(statement(action=["vpc:DescribeVpcs", "vpc:CreateVpc"])))
    given = {"RoleArn": role.arn, "RoleSessionName": "build"}
    nobody = cloud.user(document(statement()))
    assert nobody.refused("sts_AssumeRole", **given) == "NoPermission"
    user = cloud.user(document(statement(action="sts:AssumeRole", resource=role.arn)))
    narrow = json.dumps(document(statement(action=["vpc:DescribeVpcs", "ecs:*"])))
    made = user.sts_AssumeRole(**given, Policy=narrow)["Credentials"]
    session = Client(cloud.cloud, keys=(made["AccessKeyId"], made["AccessKeySecret"], made["SecurityToken"]))
    assert session.DescribeVpcs()["TotalCount"] == 0
    assert session.refused("CreateVpc") == "Forbidden.RAM"
    assert session.refused("DescribeInstances") == "Forbidden.RAM"
