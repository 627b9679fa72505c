# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""footmark against the Alibaba Cloud emulator: its own methods, which nobody here wrote, are content with the answers.

Its launches and stops are left out: they sleep ten seconds, or wait without a pause (see its code).
"""

from __future__ import annotations

import json
import time

import footmark.ecs
import footmark.vpc
import pytest

from emulators.alicloud import difference


@pytest.fixture
def keys(reachable):
    """What footmark's connect_to_region wants."""
    return {"acs_access_key_id": reachable.cloud.access_key, "acs_secret_access_key": reachable.cloud.secret_key}


@pytest.fixture
def ecs(keys):
    """footmark's connection to ECS."""
    return footmark.ecs.connect_to_region("cn-hangzhou", **keys)


@pytest.fixture
def vpc(keys, monkeypatch):
    """footmark's connection to VPC, which does not sleep: the emulator's states are reached at once."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    return footmark.vpc.connect_to_region("cn-hangzhou", **keys)


def act(connection, action, **params):
    """Any action, through the connection's own signing and sending."""
    return json.loads(connection.make_request_new(connection.build_request_params(params | {"Action": action})))


def test_a_network_with_an_eip_and_a_key_pair(reachable, ecs, vpc, key):
    before = reachable.cloud.snapshot()
    network = vpc.create_vpc(cidr_block="172.16.0.0/16", vpc_name="build")
    zone = ecs.describe_zones()[0].id
    switch = vpc.create_vswitch(vpc_id=network.id, cidr_block="172.16.1.0/24", zone_id=zone, vswitch_name="build")
    group = ecs.create_security_group(vpc_id=network.id, security_group_name="build", tags={"a": "b"})
    rule = {"ip_protocol": "tcp", "port_range": "22/22", "source_cidr_ip": "203.0.113.7/32"}
    ecs.authorize_security_group(security_group_id=group.id, **rule)
    eip = vpc.allocate_eip_address(bandwidth=5, internet_charge_type="PayByTraffic")
    pair = ecs.import_key_pair(key_pair_name="build", public_key_body=key.with_suffix(".pub").read_text())
    assert [one.vpc_id for one in vpc.describe_vpcs(vpc_id=network.id)] == [network.id]
    assert [one.vswitch_id for one in vpc.describe_vswitches(vpc_id=network.id)] == [switch.id]
    assert [one.security_group_id for one in ecs.describe_security_groups(tags={"a": "b"})] == [group.id]
    assert [one.name for one in ecs.describe_key_pairs()] == [pair.name]
    vpc.release_eip_address(allocation_id=eip.allocation_id)
    act(ecs, "DeleteKeyPairs", key_pair_names='["build"]')
    ecs.delete_security_group(security_group_id=group.id)
    vpc.delete_vswitch(vswitch_id=switch.id)
    vpc.delete_vpc(vpc_id=network.id)
    assert difference(before, reachable.cloud.snapshot()) == {}
    assert not reachable.cloud.problems


def test_an_image_of_an_instance_is_made_copied_shared_and_deleted(reachable, ecs):
    network = reachable.network()
    before = reachable.cloud.snapshot()
    launched = act(
        ecs,
        "RunInstances",
        image_id=ecs.describe_images(image_owner_alias="system")[0].image_id,
        instance_type="ecs.c6.large",
        vswitch_id=network["VSwitchId"],
        security_group_id=network["SecurityGroupId"],
        tags=[{"Key": "a", "Value": "b"}],
        data_disks=[{"Size": 20, "Category": "cloud_essd"}],
        dry_run="false",
    )
    (instance,) = launched["InstanceIdSets"]["InstanceIdSet"]
    (shown,) = ecs.describe_instances(instance_ids=[instance])
    assert (shown.status, shown.tags) == ("running", {"a": "b"})  # in footmark's own words
    assert [(disk.type, disk.size) for disk in ecs.describe_disks(instance_id=instance)] == [
        ("system", 40),
        ("data", 20),
    ]
    act(ecs, "StopInstance", instance_id=instance)
    image = act(ecs, "CreateImage", instance_id=instance, image_name="web", image_family="web")["ImageId"]
    copied = act(ecs, "CopyImage", image_id=image, destination_region_id="cn-beijing", destination_image_name="web")
    act(ecs, "ModifyImageSharePermission", image_id=image, add_accounts=["1234567890123456"])
    assert ecs.describe_images(image_family="web")[0].image_id == image
    assert ecs.describe_instance_types(instance_type_family="ecs.c6")[0].instance_type_id == "ecs.c6.large"
    act(ecs, "DeleteInstance", instance_id=instance)
    reachable.ModifyImageSharePermission(ImageId=image, RemoveAccount=["1234567890123456"])
    kinds = {name.rpartition("/")[0] for name in difference(before, reachable.cloud.snapshot())}
    assert kinds == {f"{region}/{kind}" for region in ("cn-hangzhou", "cn-beijing") for kind in ("image", "snapshot")}
    assert copied["ImageId"] in reachable.cloud.snapshot()["cn-beijing/image"]
    assert ecs.delete_image(image)
    assert not reachable.cloud.problems
