# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and descriptions that the user gives: they are what the API gets, and nothing is ever found by them."""

from __future__ import annotations

import shutil

import pytest

from emulators.alicloud import difference
from emulators.alicloud.fixtures import Client
from support.alicloud_build import HOME, Build

NAMES = {
    "instance_name": "web.builder:1",
    "instance_description": "Builds the image of web, née shop",
    "vpc_name": "1 network",
    "vswitch_name": "学习-vSwitch",
    "security_group_name": "only_ssh",
    "root_disk": {"name": "web-system", "description": "The system of web"},
    "data_disks": [{"size": 20, "name": "web-data", "description": "Its data"}, {"size": 20, "name": "web-data"}],
}


@pytest.fixture
def others(cloud):
    """Things of somebody else in the account that have all of the same names; what the account then holds."""
    owner = Client(cloud)
    vpc = owner.CreateVpc(CidrBlock="10.1.0.0/16", VpcName=NAMES["vpc_name"])["VpcId"]
    zone = f"{HOME}-h"
    switch = owner.CreateVSwitch(VpcId=vpc, ZoneId=zone, CidrBlock="10.1.0.0/24", VSwitchName=NAMES["vswitch_name"])
    group = owner.CreateSecurityGroup(VpcId=vpc, SecurityGroupName=NAMES["security_group_name"])
    owner.launch(
        VSwitchId=switch["VSwitchId"],
        SecurityGroupId=group["SecurityGroupId"],
        InstanceName=NAMES["instance_name"],
        Description=NAMES["instance_description"],
        DataDisk=[{"Size": 20, "DiskName": "web-data"}],
        **{"SystemDisk.DiskName": NAMES["root_disk"]["name"]},
    )
    return cloud.snapshot()


def test_what_the_api_is_told(cloud, build):
    first = len(cloud.calls)
    build.launch(**NAMES)
    asked = {call.action: call.params for call in list(cloud.calls)[first:]}
    assert asked["CreateVpc"]["VpcName"] == "1 network"
    assert asked["CreateVSwitch"]["VSwitchName"] == "学习-vSwitch"
    assert asked["CreateSecurityGroup"]["SecurityGroupName"] == "only_ssh"
    wanted = {
        "InstanceName": "web.builder:1",
        "Description": "Builds the image of web, née shop",
        "SystemDisk.DiskName": "web-system",
        "SystemDisk.Description": "The system of web",
        "DataDisk.1.DiskName": "web-data",
        "DataDisk.1.Description": "Its data",
        "DataDisk.2.DiskName": "web-data",
        "DataDisk.2.Description": None,
    }
    assert {name: asked["RunInstances"].get(name) for name in wanted} == wanted
    assert build.tear_down() == []


def test_without_them_what_is_made_is_named_by_the_build(cloud, build):
    first = len(cloud.calls)
    build.launch()
    asked = {call.action: call.params for call in list(cloud.calls)[first:]}
    name = f"hallmark-{build.id}-builder"
    assert asked["CreateVpc"]["VpcName"] == asked["CreateVSwitch"]["VSwitchName"] == name
    assert asked["CreateSecurityGroup"]["SecurityGroupName"] == asked["RunInstances"]["InstanceName"] == name
    assert not {"Description", "SystemDisk.DiskName", "SystemDisk.Description"} & set(asked["RunInstances"])
    assert build.tear_down() == []


@pytest.mark.parametrize("action", ["CreateVpc", "CreateVSwitch", "CreateSecurityGroup", "RunInstances"])
def test_an_answer_that_is_lost_is_looked_for_by_its_token(cloud, others, build, action):
    """What has the same name is neither taken for it nor removed with it."""
    fault = cloud.fault("lose", action=action)
    build.launch(**NAMES)
    assert fault.hits == 1
    assert build.left() == ["disk", "disk", "disk", "instance", "keypair", "securitygroup", "vpc", "vswitch", "vswitch"]
    assert build.tear_down() == []
    assert difference(others, cloud.snapshot()) == {}


@pytest.mark.parametrize("lost", [False, True], ids=["ledger", "tags alone"])
def test_what_has_the_same_names_outlives_a_build_that_was_killed(cloud, host, state, others, lost):
    """Whether the ledger tells what to remove, or the tags alone."""
    calls = Build(cloud, host)
    made = calls.launch("run", **NAMES).calls
    assert calls.tear_down() == []
    living = Build(cloud, host)
    living.launch(**NAMES)
    build = Build(cloud, host)
    host.open_expired("alicloud", build.id)
    outcome = build.launch("run", kill=made.index(f"RunInstances {HOME}") + 1, **NAMES)
    assert outcome.result is None, outcome.result
    if lost:
        shutil.rmtree(state / "hallmark" / build.id)
    search = {"alicloud_regions": [HOME], "alicloud_endpoint_url": cloud.endpoint_url}
    reaped = host.succeed("reap", **(search if lost else {"build": build.id}))
    assert [item["build"] for item in reaped["builds"]] == [build.id]
    assert build.left() == []
    assert living.tear_down() == []
    assert difference(others, cloud.snapshot()) == {}


LONG = "x" * 257
BAD = [
    ({"instance_name": "1web"}, "instance_name: '1web': 2 to 128 of letters, digits and .:_-, with a letter first"),
    ({"instance_name": "w"}, "instance_name: 'w': 2 to 128"),
    ({"instance_name": "web builder"}, "instance_name: 'web builder': 2 to 128"),
    ({"instance_name": "web-[0,3]"}, "instance_name: 'web-[0,3]': 2 to 128"),
    ({"instance_description": "x"}, "instance_description: 'x': 2 to 256 characters, without http://"),
    ({"instance_description": LONG}, f"instance_description: '{LONG}': 2 to 256 characters"),
    ({"instance_description": "https://x"}, "instance_description: 'https://x': 2 to 256 characters"),
    ({"vpc_name": ""}, "vpc_name: '': 1 to 128 characters, without http://"),
    ({"vpc_name": "http://x"}, "vpc_name: 'http://x': 1 to 128 characters"),
    ({"vswitch_name": LONG}, f"vswitch_name: '{LONG}': 1 to 128 characters"),
    ({"security_group_name": "_x"}, "security_group_name: '_x': 2 to 128 of letters"),
    ({"root_disk": {"name": "x"}}, "root_disk: name: 'x': 2 to 128 of letters"),
    ({"root_disk": {"description": "x"}}, "root_disk: description: 'x': 2 to 256 characters"),
    ({"data_disks": [{"size": 20, "name": "a/b"}]}, "data_disks: 1: name: 'a/b': 2 to 128 of letters"),
    (
        {"data_disks": [{"size": 20, "device_name": "/dev/xvdb", "description": "http://x"}]},
        "data_disks: /dev/xvdb: description: 'http://x': 2 to 256 characters",
    ),
    ({"vpc_name": "net", "vpc_id": "vpc-1"}, "vpc_name: with vpc_id: only one of them: it names a temporary VPC"),
    ({"vpc_name": "net", "vswitch_ids": ["vsw-1"]}, "vpc_name: with vswitch_ids: only one of them"),
    ({"vswitch_name": "net", "vpc_id": "vpc-1"}, "vswitch_name: with vpc_id: vswitch_cidr, for a temporary vSwitch"),
    (
        {"security_group_name": "ssh", "security_group_ids": ["sg-1"], "vpc_id": "vpc-1"},
        "security_group_name: with security_group_ids: only one of them",
    ),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[message[:60] for dummy, message in BAD])
def test_bad_names_are_told_before_anything_is_made(build, options, message):
    assert message in build.refused(**options)
