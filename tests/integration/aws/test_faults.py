# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account that takes its time and fails: the modules go on, or fail with one clear line, and leave nothing.

The account is emulated over plain HTTP, without machines behind its instances, so nothing here waits for a guest.
"""

from __future__ import annotations

import pytest

from emulators.aws import difference

OTHERS = ("eu-central-1", "eu-west-1", "us-west-2")


@pytest.fixture
def patience(host):
    """The seconds that modules wait for an answer."""
    host.read_timeout = 3
    yield host.read_timeout
    host.read_timeout = None


@pytest.fixture
def build(emulated_build):
    """A build of the emulated account."""
    return emulated_build


#: What EC2 answers with where there is no capacity ("Server error codes", EC2 API reference).
NO_CAPACITY = 500
CREATES = ["ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "RunInstances", "CreateImage"]
CREATES += ["CopyImage"]


@pytest.mark.parametrize("kind", ["throttle", "internal", "unavailable", "drop", "lose"])
@pytest.mark.parametrize("action", CREATES)
def test_a_call_that_fails_once_is_made_again_and_makes_one_thing(aws, build, action, kind):
    """Also when only the answer is lost: the token finds what the first call made."""
    fault = aws.fault(kind, action=action)
    build.launch()
    made = build.image(copies=[{"region": "eu-west-1"}])["images"]
    assert fault.hits == 1
    assert len(made) == 2
    left = build.tear_down()
    assert left.count("amis") == 2
    assert left.count("snapshots") == 2
    assert len(left) == 4
    build.image(copies=[{"region": "eu-west-1"}], state="absent")
    assert build.tear_down() == []


@pytest.mark.parametrize("kind", ["throttle", "internal", "lose"])
@pytest.mark.parametrize("action", ["StopInstances", "ModifyImageAttribute", "EnableImageDeprecation", "DeleteTags"])
def test_a_change_that_fails_once_is_made_again(aws, build, action, kind):
    build.launch()
    fault = aws.fault(kind, action=action)
    options = {"launch_users": ["123456789012"], "deprecate_at": "+90d"}
    assert build.image(**options)["published"] is True
    assert fault.hits == 1
    assert sorted(build.tear_down()) == ["amis", "snapshots"]
    build.image(state="absent")
    assert build.tear_down() == []


@pytest.mark.parametrize("kind", ["throttle", "internal", "lose"])
@pytest.mark.parametrize("action", ["DeregisterImage", "DeleteSnapshot"])
def test_an_image_goes_whatever_fails_once(aws, build, action, kind):
    build.launch()
    build.image()
    fault = aws.fault(kind, action=action)
    assert build.image(state="absent")["changed"] is True
    assert fault.hits == 1
    assert build.tear_down() == []


@pytest.mark.parametrize("action", ["RunInstances", "CreateImage", "CopyImage"])
def test_an_answer_that_outlasts_patience_is_asked_for_again(aws, build, patience, action):
    """The call has taken effect by then; its token, or its tag, keeps it from being made twice."""
    fault = aws.fault("slow", action=action, seconds=patience + 1)
    build.launch()
    made = build.image(copies=[{"region": "eu-west-1"}])["images"]
    assert fault.hits == 1
    assert [call.action for call in aws.calls if call.fault == "slow"][-1] == action
    assert len(made) == 2
    assert sorted(build.tear_down()) == ["amis", "amis", "snapshots", "snapshots"]
    build.image(copies=[{"region": "eu-west-1"}], state="absent")
    assert build.tear_down() == []


@pytest.mark.parametrize("action", ["TerminateInstances", "DeleteSecurityGroup", "DeleteKeyPair", "DescribeInstances"])
@pytest.mark.parametrize("kind", ["throttle", "internal", "lose"])
def test_tear_down_goes_on(aws, build, action, kind):
    build.launch()
    fault = aws.fault(kind, action=action)
    assert build.tear_down() == []
    assert fault.hits == 1


def test_what_takes_time_and_is_not_found_at_first(aws, build):
    for name, seconds in {
        "running": 1,
        "stopped": 0.5,
        "terminated": 1,
        "image": 1,
        "copy": 1,
        "not_found": 0.5,
    }.items():
        setattr(aws.delays, name, seconds)
    build.launch()
    build.image(copies=[{"region": region} for region in OTHERS])
    assert sorted(build.tear_down()) == ["amis"] * 4 + ["snapshots"] * 4
    build.image(copies=[{"region": region} for region in OTHERS], state="absent")
    assert build.tear_down() == []


def tries(aws, first):
    """Type and subnet of each launch from some call on."""
    asked = [call.params for call in list(aws.calls)[first:] if call.action == "RunInstances"]
    return [(params["InstanceType"], params["NetworkInterface.1.SubnetId"]) for params in asked]


def test_next_type_and_next_subnet_where_there_is_no_capacity(aws, build):
    fault = {"code": "InsufficientInstanceCapacity", "status": NO_CAPACITY, "where": {"InstanceType": "t3.small"}}
    aws.fault("error", action="RunInstances", times=0, **fault)
    first = len(aws.calls)
    build.launch(instance_types=["t3.small", "t3.medium"])
    *refused, taken = tries(aws, first)
    assert {kind for kind, _subnet in refused} == {"t3.small"}
    assert len(refused) == len(set(refused)) > 1, "each subnet once, whatever boto3 makes of the status"
    assert taken[0] == "t3.medium"
    assert build.tear_down() == []


def test_spot_falls_back_to_on_demand(aws, build):
    aws.fault(
        "error",
        action="RunInstances",
        code="SpotMaxPriceTooLow",
        where={"InstanceMarketOptions.MarketType": "spot"},
        times=0,
    )
    build.launch(market="spot-first", spot_max_price="0.001")
    last = [call for call in aws.calls if call.action == "RunInstances"][-1]
    assert "InstanceMarketOptions.MarketType" not in last.params
    assert build.tear_down() == []


def test_no_capacity_anywhere_is_one_line(aws, build):
    code, first = "InsufficientInstanceCapacity", len(aws.calls)
    aws.fault("error", action="RunInstances", code=code, status=NO_CAPACITY, times=0)
    message = build.launch("fail")
    tried = tries(aws, first)
    assert len(tried) == len(set(tried)) > 1
    assert "launch machine builder: no capacity (t3.small: InsufficientInstanceCapacity" in message
    assert "\n" not in message
    assert build.tear_down() == []


@pytest.mark.parametrize(("region", "action"), [("", "CreateImage"), ("eu-west-1", "CopyImage")])
def test_an_image_that_fails_takes_all_others_with_it(aws, build, region, action):
    aws.fault("fail", action=action, region=region, message="the disk is on fire")
    build.launch()
    message = build.image("fail", copies=[{"region": name} for name in OTHERS])
    assert "the disk is on fire" in message
    assert "\n" not in message
    assert build.tear_down() == []


def test_a_machine_that_ends_itself_is_one_line(aws, build):
    aws.delays.running = 1
    aws.fault("fail", action="RunInstances", message="hardware")
    message = build.launch("fail")
    assert "Server.InternalError" in message or "hardware" in message
    assert build.tear_down() == []


def test_a_machine_for_which_there_is_no_room_after_all_is_launched_once_more(aws, build):
    aws.delays.running = 0.5
    fault = aws.fault("fail", action="RunInstances", message="Server.InsufficientInstanceCapacity")
    build.launch()
    assert fault.hits == 1
    assert [call.action for call in aws.calls].count("RunInstances") >= 2
    assert build.tear_down() == []


def test_what_is_denied_names_the_call(aws, build):
    aws.fault(
        "error", action="RunInstances", code="UnauthorizedOperation", message="You are not authorized.", status=403
    )
    assert "UnauthorizedOperation: You are not authorized.: credentials that allow RunInstances" in build.launch("fail")
    assert build.tear_down() == []


#: The call that is refused, the code, the status, and what the thing would be looked for with.
REFUSALS = [
    ("ImportKeyPair", "UnauthorizedOperation", 403, "DescribeKeyPairs"),
    ("CreateSecurityGroup", "SecurityGroupLimitExceeded", 400, "DescribeSecurityGroups"),
    ("RunInstances", "UnauthorizedOperation", 403, "DescribeInstances"),
    ("RunInstances", "InvalidParameterCombination", 400, "DescribeInstances"),
    ("RunInstances", "InsufficientInstanceCapacity", NO_CAPACITY, "DescribeInstances"),
    ("CreateImage", "ResourceLimitExceeded", 400, "DescribeImages"),
]


def looks(aws, first, action):
    """How often something was looked for by its token from some call on."""
    asked = [call for call in list(aws.calls)[first:] if call.action == action]
    return sum("tag:hallmark:token" in call.values("Filter") for call in asked)


@pytest.mark.parametrize(("action", "code", "status", "look"), REFUSALS)
def test_what_was_refused_is_not_waited_for(aws, build, action, code, status, look):
    aws.fault("error", action=action, code=code, status=status, times=0)
    first = len(aws.calls)
    if action == "CreateImage":
        build.launch()
        first = len(aws.calls)
        assert code in build.image("fail")
    else:
        assert code in build.launch("fail")
    assert looks(aws, first, look) <= 1
    assert build.tear_down() == []


@pytest.mark.parametrize("kind", ["internal", "lose"])
@pytest.mark.parametrize(("action", "look"), [("RunInstances", "DescribeInstances"), ("CreateImage", "DescribeImages")])
def test_a_refusal_of_the_second_try_says_nothing_of_the_first(aws, build, action, look, kind):
    """What the first made is there and shows late."""
    if action == "CreateImage":
        build.launch()
    aws.delays.not_found = 0.5
    aws.fault(kind, action=action)
    aws.fault("error", action=action, code="UnauthorizedOperation", status=403, nth=2)
    first = len(aws.calls)
    assert "UnauthorizedOperation" in (build.image("fail") if action == "CreateImage" else build.launch("fail"))
    assert looks(aws, first, look) > 1
    assert build.tear_down() == []


def test_what_is_refused_of_a_thing_that_is_there_does_not_hide_it(aws, build):
    aws.delays.not_found = 0.5
    aws.fault("error", action="AuthorizeSecurityGroupIngress", code="UnauthorizedOperation", status=403, times=0)
    assert "credentials that allow AuthorizeSecurityGroupIngress" in build.launch("fail")
    assert build.tear_down() == []


def test_a_machine_that_may_not_be_seen_is_ended_all_the_same(aws, build):
    denied = {"code": "UnauthorizedOperation", "message": "You are not authorized.", "status": 403, "times": 0}
    aws.fault("error", action="DescribeInstances", **denied)
    message = build.launch("fail")
    assert "credentials that allow DescribeInstances" in message
    assert "not everything could be removed" not in message
    assert difference(build.before, aws.snapshot()) == {}
    aws.world.faults.clear()
    assert build.tear_down() == []


def test_check_mode_makes_no_call_that_changes_anything(aws, build):
    first = len(aws.calls)
    plan = build.launch(check_mode=True)["plan"]
    assert [item["kind"] for item in plan] == ["runtime", "key", "firewall", "machine"]
    asked = list(aws.calls)[first:]
    assert [call.action for call in asked if call.mutates] == []
    assert {call.action for call in asked if call.dry_run} == {"ImportKeyPair", "CreateSecurityGroup", "RunInstances"}


def test_everything_is_tagged_in_its_create_call(aws, build):
    first = len(aws.calls)
    build.launch(tags={"team": "platform"})
    build.image(copies=[{"region": "eu-west-1"}])
    kinds = {
        "ImportKeyPair": {"key-pair"},
        "CreateSecurityGroup": {"security-group"},
        "AuthorizeSecurityGroupIngress": {"security-group-rule"},
        "RunInstances": {"instance", "volume", "network-interface"},
        "CreateImage": {"image", "snapshot"},
        "CopyImage": {"image", "snapshot"},
    }
    for call in list(aws.calls)[first:]:
        if call.action.startswith(("Create", "Import", "Run", "Copy", "Authorize", "Register", "Allocate")):
            text = {key: value for key, value in call.params.items() if key.startswith("TagSpecification")}
            assert {value for key, value in text.items() if key.endswith("ResourceType")} == kinds[call.action]
            for name in ("hallmark:build", "hallmark:definition", "hallmark:expires", "hallmark:token"):
                assert list(text.values()).count(name) == len(kinds[call.action])
    launched = next(call for call in list(aws.calls)[first:] if call.action == "RunInstances")
    assert launched.params["MetadataOptions.HttpTokens"] == "required"
    assert launched.params["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert launched.params["ClientToken"]
    build.image(copies=[{"region": "eu-west-1"}], state="absent")
    assert build.tear_down() == []
