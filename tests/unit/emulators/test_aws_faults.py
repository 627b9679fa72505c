# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults, log, control URL and account snapshot of the AWS emulator, with boto3 as the client."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from emulators.aws import AwsEmulator, Delays, difference
from emulators.aws.fixtures import SESSION, Client, eventually, tags


def control(aws, method, name, document=None):
    """What a control URL answers."""
    data = json.dumps(document).encode() if document is not None else None
    request = urllib.request.Request(f"{aws.endpoint_url}/_emulator/{name}", data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("throttle", 503, "RequestLimitExceeded"),
        ("internal", 500, "InternalError"),
        ("unavailable", 503, "Unavailable"),
    ],
)
def test_an_error_hits_as_often_as_declared_and_has_no_effect(ec2, kind, status, code):
    ec2.aws.fault(kind, action="CreateKeyPair", times=2)
    ec2.describe_key_pairs()
    for _attempt in range(2):
        with pytest.raises(ClientError) as caught:
            ec2.create_key_pair(KeyName="key")
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    ec2.create_key_pair(KeyName="key")


def test_boto3_itself_tries_again_what_is_throttled(ec2):
    ec2.aws.fault("throttle", action="CreateKeyPair", times=2)
    config = Config(retries={"mode": "standard", "max_attempts": 5})
    patient = SESSION.client("ec2", region_name="us-east-1", endpoint_url=ec2.aws.endpoint_url, config=config)
    patient.create_key_pair(KeyName="key")
    assert [call.error for call in ec2.aws.calls.of("CreateKeyPair")] == ["RequestLimitExceeded"] * 2 + [""]


def test_other_services_are_throttled_in_their_own_words(ec2):
    ec2.aws.fault("throttle", times=0)
    sts, ssm, iam = (Client(ec2.aws, service) for service in ("sts", "ssm", "iam"))
    assert sts.refused("get_caller_identity") == "Throttling"
    assert iam.refused("list_roles") == "Throttling"
    assert ssm.refused("get_parameter", Name="x") == "ThrottlingException"


def codes(ec2, *names):
    """The error codes of all calls so far, after some more; empty for those that succeeded."""
    for name in names:
        try:
            getattr(ec2, name)()
        except ClientError:
            continue
    return [call.error for call in ec2.aws.calls]


def test_a_fault_on_call_n(ec2):
    ec2.aws.fault("error", call=2, code="AuthFailure")
    assert codes(ec2, *["describe_vpcs"] * 4) == ["", "AuthFailure", "", ""]


def test_a_fault_on_every_kth_call(ec2):
    ec2.aws.fault("throttle", every=3)
    assert codes(ec2, *["describe_vpcs"] * 6) == ["", "", "RequestLimitExceeded"] * 2


def test_a_fault_on_the_nth_call_of_an_action_and_of_two_the_first_declared(ec2):
    ec2.aws.fault("error", action="DescribeSubnets", nth=2, code="First")
    ec2.aws.fault("error", action="DescribeSubnets", times=0, code="Then")
    found = codes(ec2, "describe_subnets", "describe_vpcs", "describe_subnets", "describe_subnets")
    assert found == ["Then", "", "First", "Then"]
    ec2.aws.world.faults.clear()
    assert codes(ec2, "describe_subnets")[-1] == ""


def test_a_lost_answer_has_its_effect_and_a_dropped_call_has_none(ec2):
    ec2.aws.fault("drop", action="CreateKeyPair")
    ec2.aws.fault("lose", action="CreateKeyPair", nth=2)
    with pytest.raises(ConnectionClosedError):
        ec2.create_key_pair(KeyName="key")
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    with pytest.raises(ConnectionClosedError):
        ec2.create_key_pair(KeyName="key")
    assert len(ec2.describe_key_pairs()["KeyPairs"]) == 1
    assert [(call.fault, call.status) for call in ec2.aws.calls.of("CreateKeyPair")] == [("drop", 0), ("lose", 0)]


def test_a_slow_answer_outlasts_the_clients_patience(ec2):
    ec2.aws.fault("slow", action="CreateKeyPair", seconds=1.5)
    config = Config(read_timeout=0.3, retries={"total_max_attempts": 1})
    hasty = SESSION.client("ec2", region_name="us-east-1", endpoint_url=ec2.aws.endpoint_url, config=config)
    with pytest.raises(ReadTimeoutError):
        hasty.create_key_pair(KeyName="key")
    assert len(ec2.describe_key_pairs()["KeyPairs"]) == 1


def test_capacity_is_missing_for_one_type_only_and_not_for_dry_runs(ec2):
    given = {"action": "RunInstances", "code": "InsufficientInstanceCapacity", "status": 500, "times": 0}
    ec2.aws.fault("error", where={"InstanceType": "t3.large"}, **given)
    launch = {"ImageId": ec2.aws.image, "MinCount": 1, "MaxCount": 1}
    assert ec2.refused("run_instances", InstanceType="t3.large", DryRun=True, **launch) == "DryRunOperation"
    assert ec2.refused("run_instances", InstanceType="t3.large", **launch) == "InsufficientInstanceCapacity"
    assert ec2.launch(InstanceType="t3.small")


def test_what_a_call_creates_can_fail_later(start):
    ec2 = start(delays=Delays(running=60, image=60, copy=60))
    west = Client(ec2.aws, region="eu-west-1")
    ec2.aws.fault("fail", action="RunInstances", message="no luck")
    ec2.aws.fault("fail", action="CreateImage")
    ec2.aws.fault("fail", action="CopyImage", region="eu-west-1", message="disk is full")
    unlucky, lucky = ec2.launch(), ec2.launch()
    assert [ec2.state(instance) for instance in (unlucky, lucky)] == ["pending", "pending"]
    ec2.aws.advance(60)
    assert [ec2.state(instance) for instance in (unlucky, lucky)] == ["terminated", "running"]
    assert ec2.instance(unlucky)["StateReason"]["Code"] == "Server.InternalError"
    image = ec2.create_image(InstanceId=lucky, Name="web")["ImageId"]
    source = {"SourceImageId": ec2.aws.image, "SourceRegion": "us-east-1", "Name": "copy"}
    bad, good = west.copy_image(**source)["ImageId"], ec2.copy_image(**source)["ImageId"]
    assert west.image(bad)["State"] == "pending"
    ec2.aws.advance(60)
    assert ec2.image(good)["State"] == "available"
    assert (ec2.image(image)["State"], ec2.snapshot(image)["State"]) == ("failed", "error")
    assert west.image(bad)["StateReason"]["Message"] == "disk is full"


def test_code_of_the_test_runs_between_effect_and_answer(ec2):
    seen = []
    ec2.aws.fault(
        "call", action="CreateKeyPair", function=lambda call: seen.append((call.number, len(backend.key_pairs)))
    )
    backend = ec2.aws.backend()
    ec2.describe_key_pairs()
    ec2.create_key_pair(KeyName="key")
    assert seen == [(2, 1)]


def test_a_process_is_killed_on_call_n_after_the_effect(ec2):
    script = (
        "import boto3, sys; sys.stdin.readline();"
        "c = boto3.Session('a', 'b').client('ec2', 'us-east-1', endpoint_url=sys.argv[1]);"
        "[c.create_key_pair(KeyName=f'key{n}') for n in range(5)]"
    )
    command = [sys.executable, "-c", script, ec2.aws.endpoint_url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    control(ec2.aws, "POST", "faults", {"kind": "signal", "call": 3, "pid": process.pid})
    process.communicate("go\n", timeout=60)
    assert process.returncode == -9
    assert len(ec2.describe_key_pairs()["KeyPairs"]) == 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"kind": "flood"}, "flood"), ({"kind": "error"}, "needs a code"), ({"kind": "signal"}, "needs a pid")],
)
def test_a_wrong_fault_is_refused(ec2, fields, words):
    with pytest.raises(ValueError, match=words):
        ec2.aws.fault(**fields)
    with pytest.raises(urllib.error.HTTPError) as caught:
        control(ec2.aws, "POST", "faults", fields)
    assert (caught.value.code, words in caught.value.read().decode()) == (400, True)


def test_every_call_is_written_down(ec2):
    west = Client(ec2.aws, "ssm", "eu-west-1")
    ec2.create_key_pair(KeyName="key", TagSpecifications=tags("key-pair", a="1"))
    assert west.refused("get_parameter", Name="none") == "ParameterNotFound"
    assert ec2.refused("create_key_pair", KeyName="key") == "InvalidKeyPair.Duplicate"
    first, second, third = ec2.aws.calls
    assert (first.number, first.service, first.region, first.action) == (1, "ec2", "us-east-1", "CreateKeyPair")
    assert first.params["TagSpecification.1.Tag.1.Key"] == "a"
    assert (first.status, first.access_key, first.mutates) == (200, "AKIAEXAMPLE", True)
    assert (second.service, second.region, second.error, second.mutates) == (
        "ssm",
        "eu-west-1",
        "ParameterNotFound",
        False,
    )
    assert (second.params["Name"], third.error) == ("none", "InvalidKeyPair.Duplicate")
    listed = json.loads(control(ec2.aws, "GET", "calls"))
    assert [entry["action"] for entry in listed] == ec2.aws.calls.actions()
    assert ec2.aws.calls.actions(mutating=True) == ["CreateKeyPair", "CreateKeyPair"]


def test_the_control_url_changes_delays_adds_images_and_tells_the_callers_address(ec2):
    assert json.loads(control(ec2.aws, "POST", "delays", {"running": 60}))["running"] == 60
    image = json.loads(control(ec2.aws, "POST", "images", {"name": "other", "size": 3}))["ImageId"]
    assert ec2.state(ec2.launch(image)) == "pending"
    assert control(ec2.aws, "GET", "checkip") == "127.0.0.1\n"
    with pytest.raises(urllib.error.HTTPError):
        control(ec2.aws, "POST", "delays", {"runing": 60})


def test_the_account_is_the_same_after_all_is_deleted_and_names_what_is_left(ec2):
    west, iam, keys = Client(ec2.aws, region="eu-west-1"), Client(ec2.aws, "iam"), Client(ec2.aws, "kms")
    before = ec2.aws.snapshot()
    ec2.create_key_pair(KeyName="key")
    group = ec2.create_security_group(GroupName="builder", Description="d")["GroupId"]
    instance = ec2.launch(KeyName="key", SecurityGroupIds=[group], TagSpecifications=tags("instance", a="1"))
    image = ec2.create_image(InstanceId=instance, Name="web")["ImageId"]
    source = {"SourceImageId": image, "SourceRegion": "us-east-1", "Name": "web"}
    copy = west.copy_image(Encrypted=True, **source)["ImageId"]
    iam.create_role(RoleName="builder", AssumeRolePolicyDocument="{}")
    key = keys.create_key()["KeyMetadata"]["KeyId"]
    found = difference(before, json.loads(control(ec2.aws, "GET", "snapshot")))
    kinds = sorted(name.rsplit("/", 1)[0] for name in found)
    east = [f"us-east-1/{kind}" for kind in ("amis", "enis", "groups", "instances", "key_pairs", "kms_keys")]
    east += ["us-east-1/snapshots", "us-east-1/volumes"]
    assert kinds == ["eu-west-1/amis", "eu-west-1/snapshots", "iam/roles", *east]
    assert found[f"us-east-1/instances/{instance}"][1]["tags"] == {"a": "1"}
    ec2.create_tags(Resources=[image], Tags=[{"Key": "b", "Value": "2"}])
    assert f"us-east-1/amis/{image}" in difference(found and before, ec2.aws.snapshot())
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.delete_security_group(GroupId=group)
    ec2.delete_key_pair(KeyName="key")
    iam.delete_role(RoleName="builder")
    keys.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    west.deregister_image(ImageId=copy)
    assert [name.rsplit("/", 1)[0] for name in difference(before, ec2.aws.snapshot())] == [
        "eu-west-1/snapshots",
        "us-east-1/kms_keys",
    ]


def test_the_rules_of_a_security_group_are_told(ec2):
    group = ec2.create_security_group(GroupName="builder", Description="d")["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.7/32"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    rules = ec2.aws.snapshot()["us-east-1/groups"][group]["rules"]
    assert rules == ["in tcp 22-22 198.51.100.7/32", "out -1 all 0.0.0.0/0"]


def test_a_changed_thing_differs(ec2):
    before = ec2.aws.snapshot()
    ec2.aws.backend().amis[ec2.aws.image].add_tags({"a": "1"})
    assert list(difference(before, ec2.aws.snapshot())) == [f"us-east-1/amis/{ec2.aws.image}"]


def test_policies_are_enforced_by_action_also_for_what_moto_lacks(ec2):
    iam = Client(ec2.aws, "iam")
    iam.create_user(UserName="builder")
    document = {"Effect": "Allow", "Action": ["ec2:DescribeImages", "ec2:EnableImageDeprecation"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [document]})
    iam.put_user_policy(UserName="builder", PolicyName="p", PolicyDocument=policy)
    made = iam.create_access_key(UserName="builder")["AccessKey"]
    session = boto3.Session(made["AccessKeyId"], made["SecretAccessKey"])
    user = Client(ec2.aws, session=session)
    ec2.aws.enforce_iam(True)
    assert user.describe_images(ImageIds=[ec2.aws.image])["Images"]
    user.enable_image_deprecation(ImageId=ec2.aws.image, DeprecateAt="2040-01-01T00:00:00Z")
    assert user.refused("disable_image_deprecation", ImageId=ec2.aws.image) == "UnauthorizedOperation"
    assert user.refused("create_key_pair", KeyName="key", DryRun=True) == "UnauthorizedOperation"
    assert ec2.refused("describe_images") == "AuthFailure"
    ec2.aws.enforce_iam(False)
    ec2.create_key_pair(KeyName="key")


def test_it_runs_on_its_own_for_other_programs(tmp_path):
    command = [sys.executable, "-m", "emulators.aws", "--machines", "sshd", "--ssh-port", "2222", "--delay", "image=60"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        url, image = re.fullmatch(r"endpoint_url=(\S+) image=(\S+)\n", process.stdout.readline()).groups()
        ec2 = Client(SimpleNamespace(endpoint_url=url, image=image))
        instance = ec2.launch()
        made = ec2.create_image(InstanceId=instance, Name="web")["ImageId"]
        assert ec2.image(made)["State"] == "pending"
        control(ec2.aws, "POST", "advance", {"seconds": 60})
        assert eventually(lambda: ec2.image(made)["State"] == "available")
        address = ec2.instance(instance)["PublicIpAddress"]
        assert eventually(lambda: socket.socket().connect_ex((address, 2222)) == 0)
        process.terminate()
        assert process.wait(30) == 0
    assert socket.socket().connect_ex((address, 2222)) != 0


def test_it_starts_quickly_and_once():
    begun = time.monotonic()
    with AwsEmulator() as aws:
        assert time.monotonic() - begun < 2
        with pytest.raises(RuntimeError, match="one AwsEmulator at a time"), AwsEmulator():
            pass
        Client(aws).create_key_pair(KeyName="key")
    with AwsEmulator() as aws:
        assert Client(aws).describe_key_pairs()["KeyPairs"] == []


def test_what_it_cannot_do_is_said(start):
    with AwsEmulator() as aws:
        assert Client(aws).refused("describe_trunk_interface_associations") == "InvalidAction"
        assert "DescribeTrunkInterfaceAssociations" in aws.problems[0]


def test_the_log_knows_the_tags_that_what_is_named_had_then(ec2):
    ec2.create_key_pair(KeyName="k", TagSpecifications=tags("key-pair", role="key"))
    web = tags("image", role="web")
    image = ec2.create_image(InstanceId=ec2.launch(), Name="web", TagSpecifications=web)["ImageId"]
    ec2.delete_tags(Resources=[image], Tags=[{"Key": "role"}])
    ec2.deregister_image(ImageId=image)
    ec2.delete_key_pair(KeyName="k")
    calls = ec2.aws.calls
    assert calls.of("DeleteTags")[0].named == {image: {"role": "web"}}
    assert not calls.of("DeregisterImage")[0].named.get(image)
    assert calls.of("DeleteKeyPair")[0].named == {"k": {"role": "key"}}


def test_a_quota_has_the_value_that_a_test_gives_it(ec2):
    quotas = SESSION.client("service-quotas", region_name="us-east-1", endpoint_url=ec2.aws.endpoint_url)
    wanted = {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"}
    with pytest.raises(ClientError, match="NoSuchResource"):
        quotas.get_service_quota(**wanted)
    ec2.aws.world.quotas["L-1216C47A"] = 32.0
    assert quotas.get_service_quota(**wanted)["Quota"]["Value"] == 32.0
    assert quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-E79EC296")["Quota"]["Value"] == 2500.0
