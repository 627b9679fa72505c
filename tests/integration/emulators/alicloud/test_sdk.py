# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request classes of the official SDKs against the Alibaba Cloud emulator."""

from __future__ import annotations

import json
import logging

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import AccessKeyCredential, RamRoleArnCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkecs.request.v20140526.CreateImageRequest import CreateImageRequest
from aliyunsdkecs.request.v20140526.DescribeImagesRequest import DescribeImagesRequest
from aliyunsdkecs.request.v20140526.DescribeInstancesRequest import DescribeInstancesRequest
from aliyunsdkecs.request.v20140526.RunInstancesRequest import RunInstancesRequest
from aliyunsdkecs.request.v20140526.TagResourcesRequest import TagResourcesRequest
from aliyunsdksts.request.v20150401.AssumeRoleRequest import AssumeRoleRequest
from aliyunsdkvpc.request.v20160428.CreateVpcRequest import CreateVpcRequest
from aliyunsdkvpc.request.v20160428.DescribeVpcsRequest import DescribeVpcsRequest


def ask(client, kind, **values):
    """What a request is answered with."""
    request = kind()
    for name, value in values.items():
        getattr(request, f"set_{name}")(value)
    return json.loads(client.do_action_with_exception(request))


@pytest.fixture
def sdk(reachable):
    """The SDK's client, with the keys of the emulator's user."""
    keys = AccessKeyCredential(reachable.cloud.access_key, reachable.cloud.secret_key)
    return AcsClient(region_id="cn-hangzhou", credential=keys)


@pytest.fixture(autouse=True)
def quiet():
    """The SDK writes every error of a server to standard error, by itself."""
    logger = logging.getLogger("aliyunsdkcore.client")
    logger.disabled = True
    yield
    logger.disabled = False


def test_an_instance_and_its_image(reachable, sdk):
    network = reachable.network()
    launched = ask(
        sdk,
        RunInstancesRequest,
        ImageId=reachable.cloud.image,
        InstanceType="ecs.c6.large",
        VSwitchId=network["VSwitchId"],
        SecurityGroupId=network["SecurityGroupId"],
        SystemDisk={"Encrypted": "true"},
        SystemDiskSize="30",
        DataDisks=[{"Size": 20, "Encrypted": "true"}],
        Tags=[{"Key": "a", "Value": "b"}],
        HttpTokens="required",
    )
    (instance,) = launched["InstanceIdSets"]["InstanceIdSet"]
    image = ask(sdk, CreateImageRequest, InstanceId=instance, ImageName="web", Tags=[{"Key": "a", "Value": "b"}])
    ask(
        sdk,
        TagResourcesRequest,
        ResourceType="image",
        ResourceIds=[image["ImageId"]],
        Tags=[{"Key": "c", "Value": "d"}],
    )
    (shown,) = ask(sdk, DescribeImagesRequest, Tags=[{"Key": "c", "Value": "d"}])["Images"]["Image"]
    assert [one["Encrypted"] for one in shown["DiskDeviceMappings"]["DiskDeviceMapping"]] == [True, True]
    assert ask(sdk, DescribeInstancesRequest, InstanceIds=json.dumps([instance]))["TotalCount"] == 1
    assert not reachable.cloud.problems


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"CidrBlock": "8.0.0.0/8"}, 400, "InvalidParameter"),
        ({"DryRun": "true"}, 400, "DryRunOperation"),
    ],
)
def test_an_error_is_told_as_the_sdk_knows_errors(sdk, values, status, code):
    with pytest.raises(ServerException) as caught:
        ask(sdk, CreateVpcRequest, **values)
    assert (caught.value.get_http_status(), caught.value.get_error_code()) == (status, code)
    assert caught.value.get_request_id()


def test_a_wrong_secret_is_told_from_a_wrong_signature(reachable):
    wrong = AcsClient(region_id="cn-hangzhou", credential=AccessKeyCredential(reachable.cloud.access_key, "wrong"))
    with pytest.raises(ServerException) as caught:
        ask(wrong, DescribeVpcsRequest)
    assert caught.value.get_error_code() == "InvalidAccessKeySecret"  # the SDK compared the strings that were signed
    assert reachable.cloud.calls[-1].error == "SignatureDoesNotMatch"


def test_a_role_is_assumed_by_hand_and_by_the_sdk_itself(reachable, sdk):
    role = reachable.cloud.add_role("builder")
    made = ask(sdk, AssumeRoleRequest, RoleArn=role.arn, RoleSessionName="build")["Credentials"]
    by_hand = StsTokenCredential(made["AccessKeyId"], made["AccessKeySecret"], made["SecurityToken"])
    keys = (reachable.cloud.access_key, reachable.cloud.secret_key)
    by_itself = RamRoleArnCredential(*keys, role.arn, "build")
    for credential in (by_hand, by_itself):
        client = AcsClient(region_id="cn-hangzhou", credential=credential)
        assert ask(client, DescribeVpcsRequest)["TotalCount"] == 0
        assert reachable.cloud.calls[-1].access_key.startswith("STS.")


def test_the_sdk_does_not_trust_an_unknown_authority(reachable, sdk, monkeypatch):
    monkeypatch.delenv("ALIBABA_CLOUD_CA_BUNDLE")
    before = len(reachable.cloud.calls)
    with pytest.raises(Exception, match=r"(?i)certificate"):
        ask(sdk, DescribeVpcsRequest)
    assert len(reachable.cloud.calls) == before
