# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What alicloud_builder launches and plans, and that nothing of it stays."""

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
