# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults, log, own URLs and metadata service of the Alibaba Cloud emulator."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from emulators.alicloud import AlicloudEmulator, Delays, difference
from emulators.alicloud.fixtures import Client, Refused, pairs
from emulators.common.fixtures import eventually

ROLES = "/latest/meta-data/ram/security-credentials/"


def fetch(url, method="GET", document=None, headers=None):
    """The text that a URL answers with."""
    data = json.dumps(document).encode() if document is not None else None
    request = urllib.request.Request(url, data, headers or {}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def control(cloud, method, name, document=None):
    """What a control URL answers."""
    return fetch(f"{cloud.http_url}/_emulator/{name}", method, document)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"kind": "throttle"}, 400, "Throttling.User"),
        ({"kind": "internal"}, 500, "InternalError"),
        ({"kind": "unavailable"}, 503, "ServiceUnavailable"),
        ({"kind": "error", "code": "OperationDenied.NoStock", "status": 403}, 403, "OperationDenied.NoStock"),
    ],
)
def test_an_error_hits_as_often_as_declared_and_has_no_effect(cloud, fields, status, code):
    cloud.cloud.fault(**fields, action="CreateVpc", times=2)
    cloud.DescribeVpcs()
    for _attempt in range(2):
        with pytest.raises(Refused) as caught:
            cloud.CreateVpc()
        assert (caught.value.status, caught.value.code) == (status, code)
    assert cloud.DescribeVpcs()["TotalCount"] == 0
    cloud.CreateVpc()


@pytest.mark.parametrize(("kind", "made"), [("drop", 0), ("lose", 1)])
def test_a_connection_ends_before_or_after_the_effect(cloud, kind, made):
    cloud.cloud.fault(kind, action="CreateVpc")
    with pytest.raises((ConnectionError, http.client.HTTPException, OSError)):
        cloud.CreateVpc(ClientToken="t-1")
    assert cloud.cloud.calls[-1].status == 0
    assert cloud.DescribeVpcs()["TotalCount"] == made
    cloud.CreateVpc(ClientToken="t-1")
    assert cloud.DescribeVpcs()["TotalCount"] == 1


def test_a_slow_answer_comes_after_the_effect(cloud):
    seen = []
    cloud.cloud.fault("slow", action="CreateVpc", seconds=0.3)
    cloud.cloud.fault("call", action="DescribeVpcs", function=lambda call: seen.append(call.number))
    cloud.CreateVpc()
    assert cloud.cloud.calls[-1].seconds >= 0.3
    cloud.DescribeVpcs()
    assert seen == [2]


def test_what_a_call_makes_can_be_let_fail_later(start_cloud):
    cloud = start_cloud(delays=Delays(running=10, image=10, snapshot=10))
    instance = cloud.launch()
    cloud.cloud.advance(10)
    cloud.state(instance)
    cloud.cloud.advance(10)
    for action in ("CreateImage", "CreateSnapshot", "RunInstances"):
        cloud.cloud.fault("fail", action=action)
    image = cloud.CreateImage(InstanceId=instance)["ImageId"]
    cloud.cloud.advance(10)
    assert cloud.image(image)["Status"] == "CreateFailed"
    (disk,) = cloud.DescribeDisks()["Disks"]["Disk"]
    snapshot = cloud.CreateSnapshot(DiskId=disk["DiskId"])["SnapshotId"]
    cloud.cloud.advance(10)
    (shown,) = cloud.DescribeSnapshots(SnapshotIds=json.dumps([snapshot]))["Snapshots"]["Snapshot"]
    assert shown["Status"] == "failed"
    gone = cloud.launch()
    assert cloud.state(gone) == "Pending"
    cloud.cloud.advance(10)
    assert cloud.state(gone) == "gone"


def test_a_process_is_killed_at_a_call(cloud):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        cloud.cloud.fault("signal", action="CreateVpc", pid=process.pid)
        with pytest.raises((ConnectionError, http.client.HTTPException, OSError)):
            cloud.CreateVpc()
        assert process.wait(10) == -9
    assert cloud.DescribeVpcs()["TotalCount"] == 1


def test_the_log_tells_of_every_call(cloud):
    cloud.CreateKeyPair(KeyPairName="k1", Tag=pairs(role="key"))
    cloud.DeleteKeyPairs(KeyPairNames='["k1"]')
    assert cloud.refused("CreateVpc", DryRun=True) == "DryRunOperation"
    calls = cloud.cloud.calls
    assert calls.actions() == ["CreateKeyPair", "DeleteKeyPairs", "CreateVpc"]
    assert calls.actions(mutating=True) == ["CreateKeyPair", "DeleteKeyPairs"]
    assert calls[0].values("Tag") == ["role", "key"]
    assert calls[1].named == {"k1": {"role": "key"}}
    assert (calls[2].service, calls[2].region, calls[2].error) == ("vpc", "cn-hangzhou", "DryRunOperation")
    assert calls[0].access_key == cloud.cloud.access_key


def test_the_control_urls_do_what_the_object_does(cloud):
    url = cloud.cloud
    control(url, "POST", "faults", {"kind": "throttle", "action": "CreateVpc"})
    assert cloud.refused("CreateVpc") == "Throttling.User"
    assert json.loads(control(url, "GET", "calls"))[-1]["fault"] == "throttle"
    assert json.loads(control(url, "POST", "delays", {"vpc": 30}))["vpc"] == 30
    vpc = cloud.CreateVpc()["VpcId"]
    assert json.loads(control(url, "GET", "snapshot"))["cn-hangzhou/vpc"][vpc]["state"] == "Pending"
    control(url, "POST", "advance", {"seconds": 30})
    assert cloud.DescribeVpcAttribute(VpcId=vpc)["Status"] == "Available"
    control(url, "POST", "stock", {"instance_type": "ecs.c6.large"})
    offer = {"DestinationResource": "InstanceType", "InstanceType": "ecs.c6.large", "ZoneId": "cn-hangzhou-h"}
    assert cloud.DescribeAvailableResource(**offer)["AvailableZones"]["AvailableZone"][0]["Status"] == "SoldOut"
    control(url, "DELETE", "stock")
    assert cloud.DescribeAvailableResource(**offer)["AvailableZones"]["AvailableZone"][0]["Status"] == "Available"
    image = json.loads(control(url, "POST", "images", {"name": "web", "region": "cn-beijing"}))["ImageId"]
    assert Client(url, "cn-beijing").image(image)["ImageName"] == "web"
    keys = json.loads(control(url, "POST", "users", {"policy": {"Version": "1", "Statement": []}}))
    nobody = Client(url, keys=(keys["access_key"], keys["secret_key"]))
    assert nobody.refused("DescribeVpcs") == "Forbidden.RAM"
    assert control(url, "GET", "checkip") == "127.0.0.1\n"
    assert control(url, "GET", "problems") == "[]"
    for name, document in (("faults", {"kind": "odd"}), ("delays", {"odd": 1}), ("odd", {})):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            control(url, "POST", name, document)


def test_the_metadata_service_gives_credentials_of_the_instance_s_role(cloud):
    url = cloud.cloud.metadata_url
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(url + ROLES)
    cloud.cloud.add_role("builder")
    cloud.cloud.metadata.role = "builder"
    assert fetch(url + ROLES) == "builder"
    found = json.loads(fetch(f"{url}{ROLES}builder"))
    assert found["Code"] == "Success"
    keys = (found["AccessKeyId"], found["AccessKeySecret"], found["SecurityToken"])
    assert Client(cloud.cloud, keys=keys).DescribeVpcs()["TotalCount"] == 0
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(f"{url}{ROLES}other")


def test_a_hardened_metadata_service_wants_a_token(cloud):
    url = cloud.cloud.metadata_url
    cloud.cloud.add_role("builder")
    cloud.cloud.metadata.role, cloud.cloud.metadata.hardened = "builder", True
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(url + ROLES)
    with pytest.raises(urllib.error.HTTPError, match="400"):
        fetch(f"{url}/latest/api/token", "PUT")
    seconds = {"X-aliyun-ecs-metadata-token-ttl-seconds": "60"}
    token = fetch(f"{url}/latest/api/token", "PUT", headers=seconds)
    assert fetch(url + ROLES, headers={"X-aliyun-ecs-metadata-token": token}) == "builder"
    assert cloud.cloud.metadata.asked[-1] == ROLES


def test_it_runs_on_its_own_for_other_programs():
    command = [sys.executable, "-m", "emulators.alicloud", "--machines", "sshd", "--ssh-port", "2222"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [*command, "--delay", "image=60"], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        lines = [process.stdout.readline().strip().partition("=") for _line in range(7)]
        told = SimpleNamespace(**{name: value for name, _equals, value in lines}, region="cn-hangzhou")
        cloud = Client(told)
        instance = cloud.launch(InternetMaxBandwidthOut=5)
        image = cloud.CreateImage(InstanceId=instance, ImageName="web")["ImageId"]
        assert cloud.image(image)["Status"] == "Creating"
        control(told, "POST", "advance", {"seconds": 60})
        assert eventually(lambda: cloud.image(image)["Status"] == "Available")
        (address,) = cloud.instance(instance)["PublicIpAddress"]["IpAddress"]
        assert eventually(lambda: socket.socket().connect_ex((address, 2222)) == 0)
        process.terminate()
        assert process.wait(30) == 0
    assert socket.socket().connect_ex((address, 2222)) != 0


def test_there_can_be_several_at_once():
    with AlicloudEmulator() as one, AlicloudEmulator(region="eu-central-1") as two:
        before = one.snapshot()
        Client(two).CreateVpc()
        assert difference(before, one.snapshot()) == {}
        assert list(two.snapshot()) == ["eu-central-1/vpc"]
        assert (
            Client(one, keys=(two.access_key, two.secret_key)).refused("DescribeVpcs") == "InvalidAccessKeyId.NotFound"
        )


def test_what_it_cannot_do_is_said():
    with AlicloudEmulator() as cloud:
        cloud.world.all = None
        assert Client(cloud).refused("DescribeVpcs") == "EmulatorProblem"
        assert "DescribeVpcs" in cloud.problems[0]
