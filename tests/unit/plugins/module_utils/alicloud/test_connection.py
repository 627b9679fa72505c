# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to Alibaba Cloud, against the emulated account: HTTPS, parameters, pages, retries and errors."""

from __future__ import annotations

import json

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import connection, credentials, endpoints
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection, flatten
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError, Throttled
from emulators.alicloud import AlicloudEmulator

REGION = "cn-hangzhou"


@pytest.fixture(scope="module")
def cloud():
    with AlicloudEmulator() as emulator:
        yield emulator


@pytest.fixture
def connect(cloud, monkeypatch):
    """Makes connections that do not sleep."""
    for names in credentials.ENVIRONMENT.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", str(cloud.ca_file))
    cloud.world.faults.clear()
    pauses = []

    def make(**options):
        keys = {"access_key": cloud.access_key, "secret_key": cloud.secret_key}
        wanted = {**keys, "region": REGION, "endpoint_url": cloud.endpoint_url, **options}
        made = Connection(wanted, sleep=pauses.append)
        made.pauses = pauses
        return made

    return make


def vpc(account, token):
    return account.call("vpc", "CreateVpc", "Vpc", CidrBlock="10.0.0.0/8", ClientToken=token)["VpcId"]


def test_the_sdks_own_protocol_is_https():
    from aliyunsdkcore import request

    assert request.get_default_protocol_type() == "https"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "127.0.0.1:1", "https://user@host", "https://host/path", "https://"]
)
def test_an_endpoint_that_is_not_https_is_refused(cloud, connect, url):
    calls = len(cloud.calls)
    with pytest.raises(HallmarkError, match=r"^endpoint_url: .*: https:// and a host"):
        connect(endpoint_url=url).call("regions", "DescribeRegions")
    assert len(cloud.calls) == calls


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:1", "https://host/path", "https://", 5])
def test_an_endpoint_of_one_service_that_is_not_https_is_refused(connect, url):
    with pytest.raises(HallmarkError, match=rf"^endpoint_urls: vpc: {url}: https:// and a host"):
        connect(endpoint_urls={"vpc": url})


@pytest.mark.parametrize("service", ["oss", "ECS", ""])
def test_an_endpoint_of_a_service_that_is_not_called_is_refused(connect, service):
    with pytest.raises(HallmarkError, match=rf"^endpoint_urls: {service}: https://x: a service of ecs, vpc, kms, sts$"):
        connect(endpoint_urls={service: "https://x"})


@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        ({}, {"Ecs": "ecs.cn-hangzhou.aliyuncs.com", "Vpc": "vpc.cn-hangzhou.aliyuncs.com"}),
        ({"endpoint_url": "https://all:1"}, {"Ecs": "all:1", "Vpc": "all:1", "Sts": "all:1"}),
        ({"endpoint_url": "https://all:1", "endpoint_urls": {"vpc": "https://v"}}, {"Ecs": "all:1", "Vpc": "v"}),
        ({"endpoint_urls": {"ecs": "https://e/"}}, {"Ecs": "e", "Sts": "sts.cn-hangzhou.aliyuncs.com"}),
    ],
    ids=["none", "of all", "one before that of all", "of one alone"],
)
def test_where_calls_go(monkeypatch, options, hosts):
    sent = []
    monkeypatch.setattr(connection.Door, "send", lambda door, action, dummy: sent.append(door.endpoint))
    account = Connection({"region": REGION, "access_key": "a", "secret_key": "b", **options})
    for product in hosts:
        account.call("x", "DescribeRegions", product)
    assert sent == list(hosts.values())
    assert {name: account.in_ledger().get(name) for name in options} == options


def test_a_region_of_its_own_needs_an_endpoint_of_ecs(connect):
    with pytest.raises(HallmarkError, match=r"^region: 'my-region-1': a region's id, .*; or endpoint_url for another"):
        assert connect(region="my-region-1", endpoint_url=None, endpoint_urls={"vpc": "https://v"}).region
    own = connect(region="my-region-1", endpoint_url=None, endpoint_urls={"ecs": "https://e"})
    assert own.region == "my-region-1"


def test_a_server_that_nobody_vouches_for_is_not_spoken_with(cloud, connect, monkeypatch):
    monkeypatch.delenv("ALIBABA_CLOUD_CA_BUNDLE")
    account = connect()
    with pytest.raises(ApiError, match="regions: no answer") as problem:
        account.call("regions", "DescribeRegions")
    assert account.pauses == []
    assert cloud.secret_key not in str(problem.value)
    assert cloud.access_key not in str(problem.value)
    assert "certificate verify failed" in str(problem.value)


@pytest.mark.parametrize("region", ["cn-nowhere", "", "eu-central-1.evil.example", "CN-HANGZHOU"])
def test_a_region_that_does_not_exist_is_refused_before_any_call(connect, region):
    with pytest.raises(HallmarkError, match=r"^region: "):
        connect(region=region, endpoint_url=None).call("regions", "DescribeRegions")


def test_without_footmark_there_is_one_line(connect, monkeypatch):
    monkeypatch.setattr(connection, "FOOTMARK_ERROR", "Traceback")
    with pytest.raises(HallmarkError, match=r"^the Python package footmark is missing: pip install footmark"):
        connect().call("regions", "DescribeRegions")


def test_each_product_has_its_endpoint_and_version(monkeypatch):
    sent = []
    monkeypatch.setattr(connection.Door, "send", lambda door, action, dummy: sent.append((door.endpoint, door.version)))
    account = Connection({"region": "eu-central-1", "access_key": "a", "secret_key": "b"})
    for product in endpoints.PRODUCTS:
        account.call("x", "DescribeRegions", product)
    account.elsewhere("us-east-1").call("x", "DescribeRegions")
    assert sent == [
        ("ecs.eu-central-1.aliyuncs.com", "2014-05-26"),
        ("vpc.eu-central-1.aliyuncs.com", "2016-04-28"),
        ("kms.eu-central-1.aliyuncs.com", "2016-01-20"),
        ("sts.eu-central-1.aliyuncs.com", "2015-04-01"),
        ("ecs.us-east-1.aliyuncs.com", "2014-05-26"),
    ]


def test_parameters_are_spelt_as_the_api_wants_them():
    spelt = flatten(
        {
            "InstanceIds": ["i-1"],
            "Tag": [{"Key": "a", "Value": "b"}, {"Key": "c"}],
            "SystemDisk": {"Size": 20, "Category": None, "Encrypted": True},
            "Force": False,
            "SecurityGroupIds": ["sg-1", "sg-2"],
        }
    )
    assert spelt == {
        "InstanceIds": '["i-1"]',
        "Tag.1.Key": "a",
        "Tag.1.Value": "b",
        "Tag.2.Key": "c",
        "SystemDisk.Size": "20",
        "SystemDisk.Encrypted": "true",
        "Force": "false",
        "SecurityGroupIds.1": "sg-1",
        "SecurityGroupIds.2": "sg-2",
    }


def test_all_pages_are_read(cloud, connect, monkeypatch):
    monkeypatch.setattr(connection, "PAGE", 2)
    account = connect()
    made = {vpc(account, f"page-{number}") for number in range(5)}
    first = len(cloud.calls)
    found = {item["VpcId"] for item in account.pages("vpcs", "DescribeVpcs", ("Vpcs", "Vpc"), product="Vpc")}
    assert made <= found
    assert len(cloud.calls) - first == (len(found) + 1) // 2
    types = account.pages("types", "DescribeInstanceTypes", ("InstanceTypes", "InstanceType"))
    assert "ecs.c6.large" in {item["InstanceTypeId"] for item in types}


@pytest.mark.parametrize("kind", ["throttle", "internal", "unavailable", "drop", "lose"])
def test_a_create_call_with_a_token_is_made_again_and_makes_one_thing(cloud, connect, kind):
    account = connect()
    before = cloud.snapshot().get(f"{REGION}/vpc", {})
    fault = cloud.fault(kind, action="CreateVpc", times=2)
    vpc(account, f"once-{kind}")
    assert fault.hits == 2
    assert len(account.pauses) == 2
    assert account.pauses[1] > account.pauses[0]
    assert len(cloud.snapshot()[f"{REGION}/vpc"]) == len(before) + 1


@pytest.mark.parametrize(("kind", "tries"), [("throttle", 3), ("internal", 1), ("lose", 1)])
def test_one_without_a_token_is_made_again_only_when_it_was_surely_not_done(cloud, connect, kind, tries):
    fault = cloud.fault(kind, action="CreateVpc", times=0)
    with pytest.raises(HallmarkError):
        connect(max_attempts=3).call("vpc", "CreateVpc", "Vpc", CidrBlock="10.0.0.0/8")
    assert fault.hits == tries


def test_throttling_without_an_end_is_told_as_such(cloud, connect):
    fault = cloud.fault("throttle", times=0)
    with pytest.raises(Throttled, match=r"regions: Throttling\.User"):
        connect(max_attempts=4).call("regions", "DescribeRegions")
    assert fault.hits == 4


def test_retries_end_with_the_budget(cloud, connect):
    account = connect(max_attempts=1000)
    fault = cloud.fault("unavailable", times=0)
    moments = iter(range(0, 100000, 60))
    account._clock = lambda: float(next(moments))
    with pytest.raises(ApiError, match="ServiceUnavailable"):
        account.call("regions", "DescribeRegions")
    assert fault.hits < 6


def test_errors_have_their_code_and_say_what_they_mean(cloud, connect):
    account = connect()
    with pytest.raises(ApiError) as problem:
        account.call("delete it", "DeleteInstance", InstanceId="i-nothing")
    assert problem.value.code == "InvalidInstanceId.NotFound"
    assert problem.value.gone
    assert str(problem.value).startswith("delete it: InvalidInstanceId.NotFound: ")
    fault = cloud.fault("error", code="Forbidden.RAM", message="No.", status=403)
    with pytest.raises(ApiError, match="credentials that allow DescribeRegions") as problem:
        account.call("regions", "DescribeRegions")
    assert problem.value.denied
    assert fault.hits == 1


NO = ("error", {"code": "Forbidden.RAM", "message": "No.", "status": 403})


@pytest.mark.parametrize(
    ("answers", "certain"),
    [
        ([NO], True),
        ([("error", {"code": "OperationDenied.NoStock", "message": "None.", "status": 403})], True),
        ([("throttle", {}), NO], True),  # who is throttled is not served
        ([("lose", {}), NO], False),  # of the first try nobody knows
        ([("internal", {}), NO], False),
        ([("error", {"code": "LastTokenProcessing", "message": "Wait.", "status": 400})] * 2, False),
        ([("error", {"code": "IdempotentProcessing", "message": "Wait.", "status": 400})], False),
        ([("internal", {})] * 2, False),
    ],
)
def test_what_cannot_have_had_an_effect(cloud, connect, answers, certain):
    faults = [cloud.fault(kind, action="CreateVpc", times=1, **more) for kind, more in answers]
    with pytest.raises(ApiError) as problem:
        connect(max_attempts=2).call("vpc", "CreateVpc", "Vpc", CidrBlock="10.0.0.0/8", ClientToken=str(answers))
    assert [fault.hits for fault in faults] == [1] * len(answers)
    assert problem.value.refused is certain


def test_a_wrong_secret_and_an_unknown_key(connect):
    for options in ({"secret_key": "wrong"}, {"access_key": "nobody", "secret_key": "x"}):
        with pytest.raises(ApiError, match="that belong together") as problem:
            connect(**options).call("regions", "DescribeRegions")
        assert not problem.value.gone


def test_nothing_is_written_to_standard_error(cloud, connect, capfd):
    cloud.fault("error", code="InvalidParameter", message="No.", status=400)
    with pytest.raises(ApiError):
        connect().call("regions", "DescribeRegions")
    assert capfd.readouterr() == ("", "")


def test_dry_run(cloud, connect):
    account = connect()
    account.allowed("vpc", "CreateVpc", product="Vpc", CidrBlock="10.0.0.0/8")
    cloud.fault("error", code="Forbidden.RAM", status=403, where={"DryRun": "true"})
    with pytest.raises(ApiError, match=r"Forbidden\.RAM"):
        account.allowed("vpc", "CreateVpc", product="Vpc", CidrBlock="10.0.0.0/8")


def test_an_assumed_role_signs_the_calls(cloud, connect):
    role = cloud.add_role(
        "builder", {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    )
    account = connect(assume_role={"arn": role.arn, "session_name": "me", "duration": 900})
    account.call("regions", "DescribeRegions")
    assert cloud.calls[-1].access_key != cloud.access_key
    assert cloud.calls[-1].error == ""
    kept = account.in_ledger()
    assert kept["assume_role"]["arn"] == role.arn
    assert cloud.secret_key not in json.dumps(kept)


@pytest.mark.parametrize("name", ["reader", ""])
def test_the_role_of_the_instance(cloud, connect, monkeypatch, name):
    cloud.add_role("reader")
    cloud.metadata.role, cloud.metadata.hardened = "reader", True
    monkeypatch.setattr(credentials, "METADATA", cloud.metadata_url)
    keys = credentials.of_instance(name)
    assert keys.token
    assert keys.ends
    account = connect(access_key=None, secret_key=None, ram_role_name="reader")
    account.call("regions", "DescribeRegions")
    assert cloud.calls[-1].access_key not in (cloud.access_key, "")


def test_no_role_of_the_instance_is_one_line(cloud, monkeypatch):
    cloud.metadata.role = ""
    monkeypatch.setattr(credentials, "METADATA", cloud.metadata_url)
    with pytest.raises(HallmarkError, match="ram_role_name: reader: no keys from the metadata service"):
        credentials.of_instance("reader")
