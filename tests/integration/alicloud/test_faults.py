# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account that takes its time and fails: the builder goes on, or fails with one clear line, and leaves nothing."""

from __future__ import annotations

import pytest

ONCE = ["CreateVpc", "CreateVSwitch", "CreateSecurityGroup", "AuthorizeSecurityGroup", "ImportKeyPair"]
ONCE += ["AllocateEipAddress", "RunInstances", "AssociateEipAddress", "DescribeInstances", "DescribeVpcs"]
AWAY = ["UnassociateEipAddress", "ReleaseEipAddress", "DeleteInstance", "DeleteSecurityGroup", "DeleteVSwitch"]
AWAY += ["DeleteVpc", "DeleteKeyPairs"]
WHOLE = ["disk", "eip", "instance", "keypair", "securitygroup", "vpc", "vswitch", "vswitch"]


@pytest.mark.parametrize("kind", ["throttle", "internal", "unavailable", "drop", "lose"])
@pytest.mark.parametrize("action", ONCE)
def test_a_call_that_fails_once_is_made_again_and_makes_one_thing(cloud, build, action, kind):
    """Also when only the answer is lost: the client token finds what the first call made."""
    fault = cloud.fault(kind, action=action)
    build.launch(eip=True)
    assert fault.hits == 1
    assert build.left() == WHOLE
    assert build.tear_down() == []


@pytest.mark.parametrize("action", AWAY)
@pytest.mark.parametrize("kind", ["throttle", "unavailable", "lose"])
def test_tear_down_goes_on(cloud, build, action, kind):
    build.launch(eip=True)
    fault = cloud.fault(kind, action=action)
    assert build.tear_down() == []
    assert fault.hits == 1


@pytest.mark.parametrize("code", ["Throttling", "Throttling.User", "Throttling.Api", "ServiceUnavailable"])
def test_what_asks_to_come_back_later_is_asked_again(cloud, build, code):
    fault = cloud.fault("error", action="CreateVpc", code=code, status=503, times=3)
    build.launch()
    assert fault.hits == 3
    assert build.left().count("vpc") == 1
    assert build.tear_down() == []


def test_it_does_not_ask_for_ever(cloud, build):
    fault = cloud.fault("throttle", action="CreateVpc", times=0)
    message = build.launch("fail", max_attempts=3)
    assert "Throttling.User" in message
    assert "\n" not in message
    assert fault.hits == 3
    cloud.world.faults.clear()
    assert build.tear_down() == []


#: What capture and publication change.
CHANGES = ["StopInstance", "CreateImage", "CopyImage", "TagResources", "ModifyImageSharePermission"]


@pytest.mark.parametrize("kind", ["throttle", "unavailable", "lose"])
@pytest.mark.parametrize("action", CHANGES)
def test_a_change_of_an_image_that_fails_once_is_made_again(cloud, build, action, kind):
    """Also when the machine is still being stopped while the call, whose answer was lost, is made again."""
    cloud.delays.stopped = 1.5 if action == "StopInstance" else 0
    build.launch()
    fault = cloud.fault(kind, action=action)
    made = build.image(copies=[{"region": "cn-beijing"}], launch_users=["1234567890123456"])["images"]
    assert fault.hits == 1
    assert [image["region"] for image in made] == ["cn-hangzhou", "cn-beijing"]
    build.tear_down()
    assert build.left() == ["image", "image", "snapshot", "snapshot"]
    build.image(copies=[{"region": "cn-beijing"}], state="absent")
    assert build.left() == []


def test_what_takes_time_and_is_not_found_at_first(cloud, build):
    delays = {"vpc": 1, "vswitch": 0.5, "running": 1, "released": 1, "eip": 0.5, "not_found": 0.4}
    for name, seconds in delays.items():
        setattr(cloud.delays, name, seconds)
    build.launch(eip=True)
    assert build.left() == WHOLE
    assert build.tear_down() == []


def test_a_slow_answer_is_waited_for(cloud, build):
    fault = cloud.fault("slow", action="RunInstances", seconds=3)
    first = len(cloud.calls)
    build.launch()
    assert fault.hits == 1
    assert len(tried(cloud, first)) == 1
    assert build.left().count("instance") == 1
    assert build.tear_down() == []


def tried(cloud, first):
    """Type and market of every launch since a call."""
    calls = [call.params for call in list(cloud.calls)[first:] if call.action == "RunInstances"]
    return [(params["InstanceType"], params.get("SpotStrategy", "")) for params in calls]


def test_next_zone_and_next_type_where_there_is_no_stock(cloud, build):
    first = len(cloud.calls)
    cloud.fault("error", action="RunInstances", code="OperationDenied.NoStock", status=403, times=3)
    build.launch(instance_types=["ecs.c6.large", "ecs.g6.large"])
    assert tried(cloud, first) == [("ecs.c6.large", "")] * 2 + [("ecs.g6.large", "")] * 2
    zones = [call.params["VSwitchId"] for call in list(cloud.calls)[first:] if call.action == "RunInstances"]
    assert zones[0] != zones[1]
    assert zones[:2] == zones[2:]
    tokens = [call.params["ClientToken"] for call in list(cloud.calls)[first:] if call.action == "RunInstances"]
    assert len(set(tokens)) == 4
    assert build.left().count("instance") == 1
    assert build.tear_down() == []


def test_zones_with_stock_come_first(cloud, build):
    cloud.sell_out("ecs.c6.large", "cn-hangzhou-h")
    plan = build.launch(check_mode=True)["plan"]
    assert [item["zone"] for item in plan if item["kind"].startswith("vswitch")] == ["cn-hangzhou-i", "cn-hangzhou-j"]


#: What RunInstances answers where a disk category is not to be had (its error codes).
NO_DISK = [
    ("CategoryNotSupported", "The specified zone does not offer the specified disk category."),
    ("InvalidDiskCategory.NotSupported", "The specified disk category is not support the specified instance type."),
    ("InvalidDiskCategory.ValueNotSupported", 'The specified parameter "DiskCategory" is not valid.'),
    ("InvalidSystemDiskCategory.ValueNotSupported", 'The specified parameter "SystemDisk.Category" is not valid.'),
    ("InvalidDataDiskCategory.ValueNotSupported", 'The specified parameter "DataDisk.N.Category" is not valid.'),
    ("InvalidInstanceType.NotSupportDiskCategory", "The instanceType does not support this disk category."),
    ("OperationDenied.CloudSSDNotSupported", "The specified available zone does not offer the cloud_ssd disk."),
    ("QuotaExceed.DiskCapacity", "The used capacity of disk type has exceeded the quota in the zone."),
    ("OperationDenied", "The specified Zone or cluster does not offer the specified disk category."),
    ("OperationDenied", "The resource is out of usage."),
]


@pytest.mark.parametrize(("code", "message"), NO_DISK)
def test_next_zone_and_next_type_where_a_disk_category_is_not_to_be_had(cloud, build, code, message):
    first = len(cloud.calls)
    cloud.fault("error", action="RunInstances", code=code, message=message, status=403, times=2)
    build.launch(instance_types=["ecs.c6.large", "ecs.g6.large"])
    assert tried(cloud, first) == [("ecs.c6.large", "")] * 2 + [("ecs.g6.large", "")]
    assert build.left().count("instance") == 1
    assert build.tear_down() == []


def test_what_is_refused_for_another_reason_is_not_tried_elsewhere(cloud, build):
    first = len(cloud.calls)
    cloud.fault("error", action="RunInstances", code="OperationDenied", message="The Image is disabled.", status=403)
    told = build.launch("fail", instance_types=["ecs.c6.large", "ecs.g6.large"])
    assert "OperationDenied: The Image is disabled." in told
    assert tried(cloud, first) == [("ecs.c6.large", "")]
    assert build.left() == []


def test_a_zone_without_the_category_of_the_system_disk_is_left_out(cloud, build):
    first = len(cloud.calls)
    cloud.sell_out_disks("cloud_essd", "cn-hangzhou-h")
    cloud.sell_out_disks("cloud_ssd", "cn-hangzhou-i")
    plan = build.launch(check_mode=True)["plan"]
    assert [item["zone"] for item in plan if item["kind"].startswith("vswitch")] == ["cn-hangzhou-i", "cn-hangzhou-j"]
    plan = build.launch(check_mode=True, root_disk={"category": "cloud_ssd"})["plan"]
    assert [item["zone"] for item in plan if item["kind"].startswith("vswitch")] == ["cn-hangzhou-h", "cn-hangzhou-j"]
    asked = [call.params for call in list(cloud.calls)[first:] if call.action == "DescribeAvailableResource"]
    assert [call["DestinationResource"] for call in asked] == ["InstanceType", "SystemDisk"] * 2


def test_no_zone_with_the_category_of_the_system_disk_is_one_line(cloud, build):
    for zone in "hijk":
        cloud.sell_out_disks("cloud_essd", f"cn-hangzhou-{zone}")
    message = build.launch("fail")
    told = (
        "root_disk: category: cloud_essd: not offered in cn-hangzhou with ecs.c6.large: another category, type or zone"
    )
    assert message == told
    assert build.launch("fail", availability_zones=["cn-hangzhou-h"]) == told.replace("hangzhou w", "hangzhou-h w")
    assert build.left() == []


def test_a_data_disk_that_a_zone_does_not_have_is_tried_in_the_next(cloud, build):
    first = len(cloud.calls)
    cloud.sell_out_disks("cloud_ssd", "cn-hangzhou-h")
    build.launch(data_disks=[{"size": 20, "category": "cloud_ssd"}])
    assert tried(cloud, first) == [("ecs.c6.large", "")] * 2
    assert build.left().count("disk") == 2
    assert build.tear_down() == []


def test_spot_falls_back_to_on_demand(cloud, build):
    first = len(cloud.calls)
    cloud.fault(
        "error",
        action="RunInstances",
        code="OperationDenied.NoStock",
        where={"SpotStrategy": "SpotWithPriceLimit"},
        times=0,
    )
    build.launch(market="spot-first", spot_max_price="0.05")
    assert tried(cloud, first) == [("ecs.c6.large", "SpotWithPriceLimit")] * 2 + [("ecs.c6.large", "")]
    assert build.tear_down() == []


def test_no_stock_anywhere_is_one_line(cloud, build):
    cloud.fault("error", action="RunInstances", code="OperationDenied.NoStock", status=403, times=0)
    message = build.launch("fail")
    assert message.startswith("launch machine builder: no capacity (ecs.c6.large in vsw-")
    assert "OperationDenied.NoStock" in message
    assert "\n" not in message
    assert build.left() == []


def test_a_machine_that_ends_itself_is_one_line(cloud, build):
    cloud.delays.running = 1
    cloud.fault("fail", action="RunInstances", message="hardware")
    message = build.launch("fail")
    assert message.startswith("machine builder: is ")
    assert "\n" not in message
    assert build.left() == []


def test_what_is_denied_names_the_call(cloud, build):
    cloud.fault("error", action="RunInstances", code="Forbidden.RAM", message="User not authorized.", status=403)
    assert "Forbidden.RAM: User not authorized.: credentials that allow RunInstances" in build.launch("fail")
    assert build.left() == []


def test_a_delete_that_is_denied_is_told_and_the_rest_is_removed(cloud, build):
    build.launch()
    cloud.fault("error", action="DeleteKeyPairs", code="Forbidden.RAM", message="No.", status=403, times=0)
    message = build.host.fail("alicloud_builder", state="absent", build_id=build.id, timeout=2)
    assert "not everything could be removed: key/builder" in message
    assert "Forbidden.RAM" in message
    assert build.left() == ["keypair"]
    cloud.world.faults.clear()
    assert build.tear_down() == []
