# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What alicloud_builder launches, plans and refuses, and that nothing of it stays."""

from __future__ import annotations

import base64
import email
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from emulators.alicloud import AlicloudEmulator
from emulators.machines import SshdMachines
from support.alicloud_build import HOME, Build
from support.module_host import ModuleHost

PORT = 2222
READS = ("Describe", "Get", "List")


@pytest.fixture(scope="module")
def client(cloud):
    """The account, as the test itself asks it."""
    before = os.environ.get("ALIBABA_CLOUD_CA_BUNDLE")
    os.environ["ALIBABA_CLOUD_CA_BUNDLE"] = str(cloud.ca_file)
    keys = {"access_key": cloud.access_key, "secret_key": cloud.secret_key}
    yield Connection({**keys, "region": HOME, "endpoint_url": cloud.endpoint_url})
    os.environ.pop("ALIBABA_CLOUD_CA_BUNDLE")
    if before:
        os.environ["ALIBABA_CLOUD_CA_BUNDLE"] = before


@pytest.fixture(scope="module")
def network(client):
    """A VPC with vSwitches in two zones, and a security group."""
    vpc = client.call("vpc", "CreateVpc", "Vpc", CidrBlock="10.9.0.0/16", ClientToken="network")["VpcId"]
    switches = [
        client.call(
            "vswitch", "CreateVSwitch", "Vpc", VpcId=vpc, ZoneId=f"{HOME}-{zone}", CidrBlock=block, ClientToken=zone
        )["VSwitchId"]
        for zone, block in (("h", "10.9.1.0/28"), ("i", "10.9.2.0/24"))
    ]
    group = client.call("group", "CreateSecurityGroup", VpcId=vpc, ClientToken="group")["SecurityGroupId"]
    return {"vpc": vpc, "vswitches": switches, "group": group}


def launched(cloud):
    """The parameters of the last launch."""
    return [call for call in cloud.calls.of("RunInstances") if not call.dry_run][-1].params


def kinds(answer):
    """Of what is planned."""
    return [item["kind"] for item in answer["plan"]]


def test_what_a_launch_makes_and_how(cloud, build):
    cloud.add_role("reader")
    build.before = cloud.snapshot()
    first = len(cloud.calls)
    build.launch(tags={"team": "platform"}, instance_ram_role="reader", user_data="#!/bin/sh\ntouch /made\n")
    assert build.left() == ["disk", "instance", "keypair", "securitygroup", "vpc", "vswitch", "vswitch"]
    for call in list(cloud.calls)[first:]:
        if call.action.startswith(("Create", "Import", "Run", "Allocate")):
            text = [call.params.get(f"Tag.{number}.Key") for number in range(1, 6)]
            assert {"team", "hallmark:build", "hallmark:definition", "hallmark:expires", "hallmark:token"} == set(text)
    asked = launched(cloud)
    assert asked["HttpTokens"] == "required"
    assert asked["RamRoleName"] == "reader"
    assert asked["KeyPairName"].endswith(f"{build.id}-builder")
    assert "touch /made" in decoded(asked["UserData"])
    release = datetime.fromisoformat(asked["AutoReleaseTime"].replace("Z", "+00:00"))
    assert timedelta(minutes=178) < release - datetime.now(UTC) < timedelta(minutes=182)
    opened = [call.params for call in list(cloud.calls)[first:] if call.action == "AuthorizeSecurityGroup"]
    assert [value for key, value in opened[0].items() if "Permissions" in key] == [
        "TCP",
        "22/22",
        "203.0.113.7/32",
        "Accept",
    ]
    assert cloud.calls.actions().count("StartInstance") == 0  # it boots once
    assert build.tear_down() == []


def decoded(user_data):
    """The parts of user data as text."""
    parts = email.message_from_bytes(base64.b64decode(user_data)).get_payload()
    return "".join(part.get_payload(decode=True).decode() for part in parts)


def test_a_second_run_changes_nothing(cloud, build):
    build.launch(eip=True)
    first = len(cloud.calls)
    assert build.launch(eip=True)["changed"] is False
    assert [call.action for call in list(cloud.calls)[first:] if call.mutates] == []
    assert build.tear_down() == []


@pytest.mark.parametrize("options", [{}, {"eip": True}, {"connect_by": "private", "assign_public_ip": False}])
def test_check_mode_makes_no_call_that_changes_anything(cloud, build, options):
    first = len(cloud.calls)
    answer = build.launch(check_mode=True, **options)
    more = ["address"] if "eip" in options else []
    last = ["association"] if "eip" in options else []
    assert kinds(answer) == ["runtime", "key", "vpc", "vswitch", "vswitch-2", "firewall", *more, "machine", *last]
    asked = list(cloud.calls)[first:]
    assert [call.action for call in asked if call.mutates] == []
    assert {call.action for call in asked if call.dry_run} == {"CreateVpc"}
    machine = next(item for item in answer["plan"] if item["kind"] == "machine")
    assert machine["source"]["id"] == cloud.image
    assert build.left() == []


def test_a_launch_into_a_network_that_exists_is_asked_for_in_check_mode(cloud, build, network):
    first = len(cloud.calls)
    answer = build.launch(check_mode=True, vswitch_ids=network["vswitches"], security_group_ids=[network["group"]])
    assert kinds(answer) == ["runtime", "key", "machine"]
    asked = list(cloud.calls)[first:]
    assert [call.action for call in asked if call.mutates] == []
    assert [call.action for call in asked if call.dry_run] == ["RunInstances"]
    cloud.fault(
        "error", action="RunInstances", code="Forbidden.RAM", message="No.", status=403, where={"DryRun": "true"}
    )
    message = build.launch(
        "fail", check_mode=True, vswitch_ids=network["vswitches"], security_group_ids=[network["group"]]
    )
    assert "Forbidden.RAM: No.: credentials that allow RunInstances" in message
    cloud.world.faults.clear()
    first = len(cloud.calls)
    cloud.fault("error", action="RunInstances", code="CategoryNotSupported", status=403, where={"DryRun": "true"})
    build.launch(check_mode=True, vswitch_ids=network["vswitches"], security_group_ids=[network["group"]])
    tried = [call.params["VSwitchId"] for call in list(cloud.calls)[first:] if call.dry_run]
    assert tried == network["vswitches"]


def test_the_vswitch_with_most_addresses_of_a_vpc(cloud, build, network):
    build.launch(vpc_id=network["vpc"])
    assert launched(cloud)["VSwitchId"] == network["vswitches"][1]
    assert build.left() == ["disk", "instance", "keypair", "securitygroup"]
    assert build.tear_down() == []


def test_a_temporary_vswitch_in_a_vpc_that_exists(cloud, build, network):
    answer = build.launch(vpc_id=network["vpc"], vswitch_cidr="10.9.128.0/24")
    assert kinds(answer) == ["runtime", "key", "vswitch", "firewall", "machine"]
    assert build.tear_down() == []


def test_zones_and_the_network_of_a_temporary_vpc(cloud, build):
    zones = [f"{HOME}-k", f"{HOME}-h", f"{HOME}-j"]
    answer = build.launch(availability_zones=zones, vpc_cidr="192.168.0.0/16", check_mode=True)
    found = [(item["zone"], item["cidr"]) for item in answer["plan"] if item["kind"].startswith("vswitch")]
    assert found == list(zip(zones, ["192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24"], strict=True))


def test_a_private_address_alone(cloud, build):
    build.launch(connect_by="private", assign_public_ip=False)
    assert "InternetMaxBandwidthOut" not in launched(cloud)
    assert build.tear_down() == []


def test_a_public_address_of_its_own(cloud, build):
    build.launch(internet_max_bandwidth_out=50, internet_charge_type="PayByBandwidth")
    assert launched(cloud)["InternetMaxBandwidthOut"] == "50"
    assert launched(cloud)["InternetChargeType"] == "PayByBandwidth"
    assert build.tear_down() == []


def test_an_elastic_address_that_exists_stays(client, cloud, build):
    made = client.call("eip", "AllocateEipAddress", "Vpc", ClientToken=build.id, Bandwidth="5")
    build.before = cloud.snapshot()
    build.launch(eip_id=made["AllocationId"])
    assert cloud.calls.actions().count("AssociateEipAddress")
    other = Build(cloud, build.host)
    message = other.launch("fail", eip_id=made["AllocationId"])
    assert message.startswith(f"eip_id: {made['AllocationId']}: is InUse: ")
    assert build.tear_down() == []
    found = client.call("eip", "DescribeEipAddresses", "Vpc", AllocationId=made["AllocationId"])
    assert found["EipAddresses"]["EipAddress"][0]["Status"] == "Available"


def test_disks_keys_and_groups_of_resources(cloud, build):
    key = cloud.add_key(HOME)
    build.launch(
        encrypted=True,
        kms_key_id=key,
        root_disk={"size": 40, "category": "cloud_essd", "performance_level": "PL1"},
        data_disks=[
            {"device_name": "/dev/xvdb", "size": 50, "performance_level": "PL0"},
            {"size": 20, "category": "cloud_ssd", "encrypted": False},
        ],
        security_enhancement="Active",
    )
    asked = launched(cloud)
    wanted = {
        "SystemDisk.Size": "40",
        "SystemDisk.PerformanceLevel": "PL1",
        "SystemDisk.Encrypted": "true",
        "SystemDisk.KMSKeyId": key,
        "DataDisk.1.Device": "/dev/xvdb",
        "DataDisk.1.Size": "50",
        "DataDisk.1.PerformanceLevel": "PL0",
        "DataDisk.1.KMSKeyId": key,
        "DataDisk.1.DeleteWithInstance": "true",
        "DataDisk.2.Category": "cloud_ssd",
        "SecurityEnhancementStrategy": "Active",
    }
    assert {name: asked.get(name) for name in wanted} == wanted
    assert "DataDisk.2.Encrypted" not in asked
    assert build.left().count("disk") == 3
    assert build.tear_down() == []


def test_the_newest_of_a_family_and_of_a_name(cloud, build):
    cloud.add_image("base-1", owner=cloud.account, alias="", family="base")
    newest = cloud.add_image("base-2", owner=cloud.account, alias="", family="base")
    build.before = cloud.snapshot()
    plan = build.launch(check_mode=True, source={"family": "base"})["plan"]
    assert plan[-1]["source"]["name"].startswith("base-")
    named = {"name": "base-*", "owner": "self"}
    assert "2 images match name base-*" in build.launch("fail", check_mode=True, source=named)
    assert newest
    system = {"name": "debian_12_*", "owner": "system", "most_recent": True, "filters": {"Architecture": "x86_64"}}
    plan = build.launch(check_mode=True, source=system)["plan"]
    assert plan[-1]["source"]["id"] == cloud.image


BAD = [
    ({"source": {}}, "source: missing: id, family, or name and owner"),
    ({"source": {"id": "m-nothing0000"}}, f"source: no image in {HOME} matches id m-nothing0000"),
    ({"source": {"name": "x"}}, "source: owner: missing: system, self, others, marketplace or an account id"),
    ({"source": {"name": "x", "owner": "me"}}, "source: owner: 'me': "),
    ({"source": {"id": "m-1234", "family": "x"}}, "source: id and family: only one of them"),
    ({"source": {"name": "x", "owner": "self", "filters": {"Colour": "red"}}}, "source: filters: Colour: one of"),
    ({"region": "cn-nowhere1", "endpoint_url": "https://127.0.0.1:1/path"}, "endpoint_url: https://127.0.0.1:1/path"),
    ({"region": "CN_1"}, "region: 'CN_1': a region's id"),
    ({"endpoint_url": "http://127.0.0.1:1"}, "endpoint_url: http://127.0.0.1:1: https:// and a host"),
    ({"instance_types": ["t3.small"]}, "instance_types: 't3.small': an instance type, as ecs.c6.large"),
    ({"instance_types": []}, "instance_types: empty"),
    ({"instance_types": ["ecs.c99.large"]}, "instance_types: ecs.c99.large"),
    ({"instance_types": ["ecs.c8y.large"]}, "instance_types: ecs.c8y.large runs arm64: a type for x86_64"),
    ({"availability_zones": [f"{HOME}-z"]}, f"not offered in {HOME}-z: another type or zone"),
    ({"vpc_id": "vpc-nothing"}, "vpc_id: vpc-nothing has no vSwitch"),
    ({"vpc_id": "vpc-nothing", "vswitch_cidr": "10.0.0.0/24"}, "vpc_id: vpc-nothing: not found in"),
    ({"vswitch_ids": ["vsw-nothing"]}, "vswitch_ids: vsw-nothing: not found in"),
    ({"vswitch_ids": ["vsw-1"], "vpc_id": "vpc-1"}, "vpc_id: with vswitch_ids: only one of them"),
    ({"vswitch_cidr": "10.0.0.0/24"}, "vswitch_cidr: without vpc_id"),
    ({"vpc_cidr": "10.0.0.1/8"}, "vpc_cidr: '10.0.0.1/8': a network, as 172.16.0.0/16"),
    ({"vpc_cidr": "10.0.0.0/29"}, "vpc_cidr: 10.0.0.0/29: a prefix of 8 to 28"),
    ({"vpc_cidr": "169.254.0.0/24"}, "vpc_cidr: 169.254.0.0/24: a network"),
    ({"security_group_ids": ["sg-1"]}, "security_group_ids: with a temporary VPC"),
    ({"eip": True, "eip_id": "eip-1"}, "eip: with eip_id: only one of them"),
    ({"eip_id": "eip-nothing"}, "eip_id: eip-nothing: not found in"),
    ({"assign_public_ip": False}, "connect_by: public with assign_public_ip false"),
    ({"internet_max_bandwidth_out": 0}, "internet_max_bandwidth_out: 0: MBit/s from 1 to 200"),
    ({"source_cidrs": ["here"]}, "source_cidrs: 'here'"),
    ({"spot_max_price": "much"}, "spot_max_price: 'much': a price for an hour"),
    ({"root_disk": {"size": 5}}, "root_disk: size: 5: a number of GiB from 20 to"),
    ({"root_disk": {"category": "cloud_ssd", "performance_level": "PL1"}}, "root_disk: performance_level: PL1 with"),
    ({"data_disks": [{"device_name": "/dev/xvdb"}]}, "data_disks: /dev/xvdb: size: missing"),
    ({"data_disks": [{"size": 10, "performance_level": "PL2"}]}, "data_disks: 1: size: 10: a number of GiB from 461"),
    ({"kms_key_id": "k", "encrypted": False}, "kms_key_id: k with encrypted false"),
    ({"tags": {"hallmark:build": "x"}}, "tags: 'hallmark:build'"),
    ({"tags": {"aliyun": "x"}}, "tags: 'aliyun'"),
    ({"user_data": "hello"}, "user_data: of no kind that cloud-init knows"),
    ({"user_data_file": "/nowhere/file"}, "user_data_file: /nowhere/file: No such file"),
    ({"communicator": "winrm"}, "communicator: winrm: "),
    ({"ssh_port": 0}, "ssh_port: 0"),
    ({"name": "Builder"}, "name: 'Builder'"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[message for dummy, message in BAD])
def test_bad_input_is_told_before_anything_is_made(cloud, build, options, message):
    first = len(cloud.calls)
    told = build.launch("fail", **options)
    assert message in told
    assert "\n" not in told
    assert [call.action for call in list(cloud.calls)[first:] if call.mutates] == []
    assert build.left() == []


def test_keys_given_as_options_are_nowhere_in_the_ledger(cloud, build, state, root):
    access, secret = cloud.add_user()
    build.launch(access_key=access, secret_key=secret)
    text = (state / "hallmark" / build.id / "ledger.jsonl").read_text()
    assert secret not in text
    assert access not in text
    assert build.tear_down() == []


def test_a_wrong_secret_is_one_line(build):
    access, dummy = build.cloud.add_user()
    message = build.launch("fail", access_key=access, secret_key="wrong")
    assert message.startswith("source image: ")
    assert "access_key, secret_key and security_token that belong together" in message
    assert "\n" not in message


@pytest.fixture
def peopled(tmp_path, root):
    """An account with machines behind its instances, and what runs modules against it."""
    with AlicloudEmulator(machines=SshdMachines(tmp_path / "machines", PORT, cloud_init=True)) as cloud:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ALI")},
            "ALICLOUD_ACCESS_KEY": cloud.access_key,
            "ALICLOUD_SECRET_KEY": cloud.secret_key,
            "ALIBABA_CLOUD_CA_BUNDLE": str(cloud.ca_file),
            "PYTHONPATH": str(root / ".collections"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        host = ModuleHost(environment)
        yield cloud, host
        host.stop()


@pytest.mark.parametrize("way", [{}, {"eip": True}, {"connect_by": "private"}], ids=["public", "eip", "private"])
def test_the_guest_is_reached_with_its_own_host_key(peopled, way):
    cloud, host = peopled
    cloud.delays.console = 0.5
    build = Build(cloud, host)
    made = build.launch(wait=True, ssh_port=PORT, source_cidrs=["127.0.0.0/8"], **way)
    guest, instance = made["guest"], made["instance"]
    assert guest["host"] == instance["private_ip" if "connect_by" in way else "public_ip"]
    assert instance["type"] == "ecs.c6.large"
    assert instance["market"] == "on-demand"
    assert made["host_keys"]
    login = ["ssh", "-F", "/dev/null", "-i", guest["private_key_file"], "-p", str(guest["port"]), "-o", "BatchMode=yes"]
    login += ["-o", f"UserKnownHostsFile={guest['known_hosts_file']}", "-o", "StrictHostKeyChecking=yes"]
    done = subprocess.run([*login, f"root@{guest['host']}", "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.dumps(made)  # plain data
    assert build.tear_down() == []
