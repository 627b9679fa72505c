# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of the Alibaba Cloud emulator: signatures, parameters, client tokens, pages, sessions, checks only."""

from __future__ import annotations

import http.client
import importlib
import json
import re
import ssl
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from emulators.alicloud import difference, signing
from emulators.alicloud.api import ACTIONS
from emulators.alicloud.fixtures import Client, Refused, pairs

PLACES = {
    "ecs": "aliyunsdkecs.request.v20140526",
    "vpc": "aliyunsdkvpc.request.v20160428",
    "sts": "aliyunsdksts.request.v20150401",
    "kms": "aliyunsdkkms.request.v20160120",
}
#: What the SDK has no method for in the version that is locked, although the API has it.
NEWER = {"CreateInstance": {"SystemDisk.Encrypted", "SystemDisk.KMSKeyId"}}


def code(answer):
    """The error code in an answer."""
    return answer[1].get("Code", "")


def test_the_string_to_sign_is_that_of_the_public_example():
    # From the public page on request signatures of RPC calls: DescribeRegions with the secret "testsecret".
    params = {
        "Timestamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }
    text = signing.string_to_sign("GET", params)
    assert text.startswith("GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26")
    assert "Timestamp%3D2016-02-23T12%253A46%253A24Z" in text
    assert signing.signature("testsecret", text) == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="
    assert signing.encode("a b*c~d+e/f") == "a%20b%2Ac~d%2Be%2Ff"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("form", [False, True])
def test_query_and_form_are_signed_and_read_together(cloud, method, form):
    params = cloud.signed("DescribeKeyPairs", method=method, KeyPairName="a b*~")
    status, document = cloud.send(params, method, form=form)
    assert (status, document["TotalCount"]) == (200, 0)
    assert cloud.cloud.calls[-1].params["KeyPairName"] == "a b*~"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"AccessKeyId": "LTAInobody"}, "InvalidAccessKeyId.NotFound"),
        ({"Timestamp": "2026-01-01T00:00:00Z"}, "InvalidTimeStamp.Expired"),
        ({"Timestamp": "now"}, "InvalidTimeStamp.Format"),
        ({"SignatureNonce": ""}, "MissingSignatureNonce"),
        ({"Signature": "bm8="}, "SignatureDoesNotMatch"),
        ({"PageSize": "5"}, "SignatureDoesNotMatch"),
        ({"Action": "DescribeNothing"}, "InvalidAction.NotFound"),
        ({"Version": "2000-01-01"}, "InvalidVersion"),
        ({"SecurityToken": "made-up"}, "SignatureDoesNotMatch"),
    ],
)
def test_what_is_not_signed_as_it_should_be_is_refused(cloud, change, error):
    assert code(cloud.send(cloud.signed("DescribeKeyPairs") | change)) == error
    assert cloud.cloud.calls[-1].error == error


def test_a_wrong_secret_is_told_what_was_to_be_signed(cloud):
    wrong = Client(cloud.cloud, keys=(cloud.keys[0], "wrong"))
    with pytest.raises(Refused) as caught:
        wrong.DescribeKeyPairs()
    start = "Specified signature is not matched with our calculation. server string to sign is:POST&%2F&"
    assert (caught.value.status, caught.value.code) == (400, "SignatureDoesNotMatch")
    assert caught.value.message.startswith(start)


def test_a_nonce_is_good_once(cloud):
    params = cloud.signed("DescribeKeyPairs")
    assert cloud.send(params)[0] == 200
    assert code(cloud.send(params)) == "SignatureNonceUsed"


def test_nobody_is_trusted_who_does_not_know_the_authority(cloud):
    connection = http.client.HTTPSConnection(urlsplit(cloud.cloud.endpoint_url).netloc, timeout=10)
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/")


def test_the_plain_endpoint_is_a_proxy_for_whichever_host_is_named(cloud):
    connection = http.client.HTTPConnection(urlsplit(cloud.cloud.http_url).netloc, timeout=10)
    query = urlencode(cloud.signed("DescribeRegions"))
    connection.request("POST", f"http://ecs-cn-hangzhou.aliyuncs.com/?{query}")
    with connection.getresponse() as answer:
        regions = json.loads(answer.read())["Regions"]["Region"]
    assert {"cn-hangzhou", "cn-beijing", "eu-central-1"} <= {region["RegionId"] for region in regions}


@pytest.mark.parametrize(
    ("action", "params", "error"),
    [
        ("CreateKeyPair", {}, "MissingKeyPairName"),
        ("DescribeKeyPairs", {"PageSize": "many"}, "InvalidParameter"),
        ("DescribeKeyPairs", {"PageSize": 51}, "InvalidParameter"),
        ("DescribeKeyPairs", {"PageNumber": 0}, "InvalidParameter"),
        ("DescribeKeyPairs", {"Keypairname": "k"}, "UnknownParameter"),
        ("DescribeKeyPairs", {"Tag": [{"Colour": "k"}]}, "UnknownParameter"),
        ("DescribeKeyPairs", {"KeyPairName.1": "k"}, "UnknownParameter"),
        ("DescribeInstances", {"InstanceIds": "i-1"}, "InvalidParameter"),
        ("DescribeInstances", {"InstanceIds": "[1]"}, "InvalidParameter"),
        ("DescribeInstances", {"Status": "running"}, "InvalidParameter"),
        ("DeleteImage", {"ImageId": "m-1", "Force": "yes"}, "InvalidParameter"),
        ("TagResources", {"ResourceType": "image", "Tag": pairs(a="b")}, "MissingResourceId"),
        ("DescribeKeyPairs", {"RegionId": "cn-nowhere"}, "InvalidRegionId.NotFound"),
    ],
)
def test_parameters_are_checked_by_name_type_and_need(cloud, action, params, error):
    assert cloud.refused(action, **params) == error


@pytest.mark.parametrize("entry", ACTIONS.values(), ids=lambda entry: f"{entry.product}-{entry.name}")
def test_the_table_of_parameters_agrees_with_the_official_sdk(entry):
    module = importlib.import_module(f"{PLACES[entry.product]}.{entry.name}Request")
    source = Path(module.__file__).read_text(encoding="utf-8")
    known = set(re.findall(r"(?:add_query_param|add_body_params)\('([\w.]+)'", source))
    names = {name.rstrip(".") for name in known}
    ours = set(entry.parameters) - {"RegionId"} - NEWER.get(entry.name, set())
    assert not ours - names
    for parameter in entry.parameters.values():
        columns = set(re.findall(rf"'{parameter.name}\.' \+ str\(\w+1 \+ 1\) \+ '\.(\w+)'", source))
        assert not set(parameter.columns) - columns


def test_a_client_token_is_good_for_one_request_and_the_same_answer(cloud):
    first = cloud.CreateVpc(ClientToken="t-1", VpcName="one")
    again = cloud.CreateVpc(ClientToken="t-1", VpcName="one")
    assert again["VpcId"] == first["VpcId"]
    assert again["RequestId"] != first["RequestId"]
    assert cloud.refused("CreateVpc", ClientToken="t-1", VpcName="two") == "IdempotentParameterMismatch"
    assert cloud.CreateVpc(ClientToken="t-2", VpcName="one")["VpcId"] != first["VpcId"]
    beijing = Client(cloud.cloud, "cn-beijing")
    assert beijing.CreateVpc(ClientToken="t-1", VpcName="one")["VpcId"] != first["VpcId"]
    assert cloud.DescribeVpcs()["TotalCount"] == 2
    assert cloud.refused("CreateVpc", ClientToken="t" * 65) == "InvalidClientToken.ValueNotSupported"


def test_an_error_does_not_use_a_client_token_up(cloud):
    assert cloud.refused("CreateVpc", ClientToken="t-1", CidrBlock="8.0.0.0/8") == "InvalidParameter"
    assert cloud.refused("CreateVpc", ClientToken="t-2", DryRun=True) == "DryRunOperation"
    cloud.CreateVpc(ClientToken="t-1")
    cloud.CreateVpc(ClientToken="t-2")


def test_lists_come_in_pages(cloud):
    made = [cloud.CreateVpc(VpcName=f"v{number}")["VpcId"] for number in range(12)]
    first, second = cloud.DescribeVpcs(), cloud.DescribeVpcs(PageNumber=2)
    assert (first["TotalCount"], first["PageNumber"], first["PageSize"]) == (12, 1, 10)
    assert [vpc["VpcId"] for page in (first, second) for vpc in page["Vpcs"]["Vpc"]] == made
    assert cloud.DescribeVpcs(PageNumber=3)["Vpcs"]["Vpc"] == []


def test_lists_of_newer_actions_come_with_a_token_for_the_next_page(cloud):
    vpc = cloud.CreateVpc()["VpcId"]
    made = [cloud.CreateSecurityGroup(VpcId=vpc)["SecurityGroupId"] for _number in range(5)]
    found, token = [], ""
    while True:
        page = cloud.DescribeSecurityGroups(MaxResults=2, **({"NextToken": token} if token else {}))
        found += [group["SecurityGroupId"] for group in page["SecurityGroups"]["SecurityGroup"]]
        token = page["NextToken"]
        if not token:
            break
    assert found == made
    assert cloud.refused("DescribeSecurityGroups", NextToken="made-up") == "InvalidParameter.NextToken"


def test_vpc_is_answered_at_the_version_of_ecs_too(cloud):
    assert cloud.vpc_DescribeVpcs() | {"RequestId": ""} == cloud.DescribeVpcs() | {"RequestId": ""}
    assert cloud.refused("vpc_DescribeInstances") == "InvalidAction.NotFound"


def test_no_action_that_is_only_checked_changes_anything(cloud):
    network, key = cloud.network(), cloud.cloud.add_key("cn-beijing")
    instance = cloud.launch(**network)
    image = cloud.CreateImage(InstanceId=instance, ImageName="web")["ImageId"]
    running, stopped = cloud.launch(**network), cloud.launch(**network)
    cloud.StopInstance(InstanceId=stopped)
    vpc = cloud.CreateVpc()["VpcId"]
    zone = cloud.instance(running)["ZoneId"]
    switch = cloud.CreateVSwitch(VpcId=vpc, ZoneId=zone, CidrBlock="172.16.0.0/24")["VSwitchId"]
    launch = {"ImageId": image, "InstanceType": "ecs.c6.large", **network}
    calls = {
        "CreateVpc": {},
        "DeleteVSwitch": {"VSwitchId": switch},
        "DeleteVpc": {"VpcId": cloud.CreateVpc()["VpcId"]},
        "RunInstances": launch,
        "CreateInstance": launch,
        "StartInstance": {"InstanceId": stopped},
        "StopInstance": {"InstanceId": running},
        "RebootInstance": {"InstanceId": running},
        "DeleteInstance": {"InstanceId": stopped},
        "DeleteInstances": {"InstanceId": [stopped]},
        "CreateImage": {"InstanceId": running, "ImageName": "other"},
        "CopyImage": {"ImageId": image, "DestinationRegionId": "cn-beijing", "Encrypted": True, "KMSKeyId": key},
        "ModifyImageAttribute": {"ImageId": image, "ImageName": "other"},
        "ModifyImageSharePermission": {"ImageId": image, "AddAccount": ["1234567890123456"]},
        "DeleteImage": {"ImageId": image},
    }
    changing = {entry.name for entry in ACTIONS.values() if "DryRun" in entry.parameters}
    assert set(calls) == {name for name in changing if not name.startswith("Describe")}
    before = cloud.cloud.snapshot()
    for name, params in calls.items():
        assert cloud.refused(name, DryRun=True, **params) == "DryRunOperation", name
    assert difference(before, cloud.cloud.snapshot()) == {}
    assert not any(call.mutates for call in list(cloud.cloud.calls)[-len(calls) :])


def test_a_session_of_a_role_has_a_token_and_an_end(cloud):
    role = cloud.cloud.add_role("builder")
    made = cloud.sts_AssumeRole(RoleArn=role.arn, RoleSessionName="build", DurationSeconds=900)["Credentials"]
    keys = (made["AccessKeyId"], made["AccessKeySecret"], made["SecurityToken"])
    session = Client(cloud.cloud, keys=keys)
    assert session.sts_GetCallerIdentity()["Arn"].endswith("assumed-role/builder/build")
    assert Client(cloud.cloud, keys=keys[:2]).refused("DescribeKeyPairs") == "MissingSecurityToken"
    other = Client(cloud.cloud, keys=(*keys[:2], "made-up"))
    assert other.refused("DescribeKeyPairs") == "InvalidSecurityToken.MismatchWithAccessKey"
    cloud.cloud.advance(901)
    assert session.refused("DescribeKeyPairs") == "InvalidSecurityToken.Expired"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"RoleArn": "acs:ram::1000000000000001:role/nobody"}, "EntityNotExist.Role"),
        ({"RoleArn": "builder"}, "InvalidParameter.RoleArn"),
        ({"RoleSessionName": "a b"}, "InvalidParameter.RoleSessionName"),
        ({"DurationSeconds": 899}, "InvalidParameter.DurationSeconds"),
        ({"Policy": "{}"}, "InvalidParameter.PolicyGrammar"),
    ],
)
def test_a_role_is_assumed_with_parameters_that_make_sense(cloud, change, error):
    given = {"RoleArn": cloud.cloud.add_role("builder").arn, "RoleSessionName": "build"} | change
    assert cloud.refused("sts_AssumeRole", **given) == error


def test_a_key_of_kms_is_known_in_its_region(cloud):
    key = cloud.cloud.add_key()
    assert cloud.kms_DescribeKey(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert Client(cloud.cloud, "cn-beijing").refused("kms_DescribeKey", KeyId=key) == "Forbidden.KeyNotFound"
