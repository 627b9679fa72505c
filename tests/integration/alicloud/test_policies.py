# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The RAM policies that are shipped: a build passes with exactly them, and fails without any one action of them.

The emulated account evaluates them whole: actions, resources and the conditions on tags. Of each set of features one
build is run to its end, which records what RAM was asked in each of its steps. A second build then goes through the
same steps, and each is first tried without each of the actions that it is the first to need.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emulators.alicloud.fixtures import Client, pairs
from emulators.alicloud.policies import check
from support.alicloud_build import HOME, Build
from support.module_host import AT_ONCE, ModuleHost

POLICIES = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).resolve().parents[3] / "policies/alicloud").glob("*.json"))
}
THERE = "cn-beijing"
USER = "1234567890123456"
#: What actions begin with that change nothing.
LOOKS = ("Describe", "Get", "List")
#: Only asked for when an answer was lost, a step does not get to its end, or the account encrypts by default; all of
#: these have tests of their own.
SELDOM = {"ecs:CancelCopyImage", "ecs:DescribeKeyPairs", "ecs:GetInstanceConsoleOutput"}
SELDOM |= {"ecs:DescribeDiskDefaultKMSKeyId", "kms:DescribeKey"}
#: The machine's removal takes its address from it too.
GOES_ON_WITHOUT = {"vpc:UnassociateEipAddress"}
#: Action → the call that is refused without it, where that is another.
CALLS = {"ram:PassRole": "RunInstances"}


@dataclasses.dataclass(frozen=True)
class Feature:
    """A set of features that one file is for.

    :ivar others: the files that are needed besides.
    :ivar launch: options of the launch besides those of a network that exists.
    :ivar image: options of the image; None for a build without one.
    """

    others: tuple[str, ...] = ("build",)
    launch: dict = dataclasses.field(default_factory=dict)
    image: dict | None = None


FEATURES = {
    "build": Feature((), {}, {}),
    "network": Feature(launch={"vswitch_ids": []}),
    "eip": Feature(launch={"eip": True}),
    "existing_eip": Feature(launch={"eip_id": "EIP"}),
    "source_family": Feature(launch={"source": {"family": "base"}}),
    "instance_role": Feature(launch={"instance_ram_role": "reader"}),
    "system_disk": Feature(image={"system_disk_only": True}),
    "copy": Feature(image={"copies": [{"region": THERE}]}),
    "share": Feature(image={"launch_users": [USER]}),
    "replace": Feature(image={"replace": True}),
    "family": Feature(image={"family": "web", "deprecate_previous": True}),
}
#: Files whose tests are functions of their own.
APART = ("assume_role", "reap")


def documents(*names, without=""):
    """Policies, without one action."""
    found = copy.deepcopy([POLICIES[name] for name in names])
    for document in found:
        for statement in document["Statement"]:
            statement["Action"] = [action for action in statement["Action"] if action != without]
        document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    return found


def actions(name):
    """The actions that a policy allows."""
    return {action for statement in POLICIES[name]["Statement"] for action in statement["Action"]}


def thinned(name):
    """A policy without each action, and each resource, of each of its statements."""
    for number, statement in enumerate(POLICIES[name]["Statement"]):
        for key in ("Action", "Resource"):
            entries = statement[key] if isinstance(statement[key], list) else []
            for entry in entries:
                if entry not in SELDOM:
                    (less,) = documents(name)
                    less["Statement"][number][key] = [other for other in entries if other != entry]
                    yield less


@pytest.fixture(scope="module")
def user(cloud):
    """A user of the account who may do nothing yet: access key and secret key."""
    return cloud.add_user([])


@pytest.fixture(scope="module")
def host(cloud, state, root, user):
    """Runs modules as that user."""
    clouds = ("AWS_", "ALICLOUD_", "ALIBABA_CLOUD_")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(clouds)},
        "ALIBABA_CLOUD_ACCESS_KEY_ID": user[0],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": user[1],
        "ALIBABA_CLOUD_CA_BUNDLE": str(cloud.ca_file),
        "PYTHONPATH": str(root / ".collections"),
        "XDG_STATE_HOME": str(state),
    }
    found = ModuleHost(environment, looks=AT_ONCE)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def account(cloud):
    """What is there already: a vSwitch, an elastic IP address, a role, and an image of a family."""
    owner = Client(cloud)
    network = owner.network()
    cloud.add_role("reader")
    cloud.add_image("base-1", owner=cloud.account, alias="", family="base")
    eip = owner.vpc_AllocateEipAddress(Bandwidth="5")["AllocationId"]
    return {"vswitch": network["VSwitchId"], "eip": eip}


class Steps:
    """The steps of builds with a feature, by a user who has given policies."""

    def __init__(self, cloud, host, user, account, feature):
        self.cloud, self.host, self.user, self.feature = cloud, host, user, feature
        self.launch = {"vswitch_ids": [account["vswitch"]], "on_error": "keep", **feature.launch}
        if self.launch.get("eip_id"):
            self.launch["eip_id"] = account["eip"]
        imaged = ["image", "remove"] if feature.image is not None else []
        self.names = ["launch", *imaged, "end"]
        self.build, self.demands = None, []

    def run(self, step, policies):
        """Do one step; its result."""
        self.cloud.allow(self.user[0], policies)
        if step == "launch":
            self.build = Build(self.cloud, self.host)
            # As an earlier build would have left them.
            tags = {"hallmark:build": "20260101t000000-aaaaaa", "hallmark:token": "old"}
            name = f"web-{self.build.id}"
            old = {"owner": self.cloud.account, "alias": "", "tags": tags}
            if "replace" in (self.feature.image or {}):
                self.cloud.add_image(name, **old)
            if "family" in (self.feature.image or {}):
                self.cloud.add_image(f"old-{name}", family="web", **old)
            return self.build.launch("run", **self.launch).result
        if step == "end":
            build = {"state": "absent", "build_id": self.build.id, "timeout": 1}
            return self.host.run("alicloud_builder", **build).result
        state = {"state": "absent"} if step == "remove" else {}
        return self.build.image("run", timeout=10, max_attempts=2, **self.feature.image, **state).result

    def succeed(self, step, policies):
        """Do one step, which must not fail."""
        result = self.run(step, policies)
        assert not result.get("failed"), (step, result["msg"])

    def without(self, step, policies, every):
        """Do one step with less than all policies; its message.

        A build that was refused something tries for a minute to undo what it did, which it may do here at once.
        """
        first, ended = len(self.cloud.calls), threading.Event()

        def give_in():
            while not ended.wait(0.05):
                if any(call.error == "Forbidden.RAM" for call in self.cloud.calls[first:]):
                    self.cloud.allow(self.user[0], every)
                    return

        helper = threading.Thread(target=give_in)
        if step != "end":  # which would do at last what it was refused at first
            helper.start()
        message = self.run(step, policies).get("msg", "")
        ended.set()
        if step != "end":
            helper.join()
        return message

    def demanded(self, step, policies):
        """Do one step, which must not fail; the actions that RAM was asked for, each once."""
        before = len(self.cloud.world.demands)
        self.succeed(step, policies)
        demands = [demand for demand in self.cloud.world.demands[before:] if demand.key == self.user[0]]
        self.demands += demands
        return list(dict.fromkeys(demand.action for demand in demands))


@pytest.mark.parametrize("name", FEATURES)
def test_a_build_passes_with_exactly_its_policies_and_not_without_any_action(cloud, host, user, account, name):
    feature = FEATURES[name]
    steps = Steps(cloud, host, user, account, feature)
    every = documents(*feature.others, name)
    first_needed, seen = {}, set()
    for step in steps.names:
        asked = steps.demanded(step, every)
        first_needed[step] = [action for action in asked if action in actions(name) - seen]  # in the order of need
        seen.update(first_needed[step])
    assert seen - SELDOM == actions(name) - SELDOM
    for less in thinned(name):
        assert not all(demand.met([*documents(*feature.others), less]) for demand in steps.demands), less
    while not first_needed[steps.names[-1]]:
        steps.names.pop()  # there is nothing to be refused any more
    for step in steps.names:
        for number, action in enumerate(first_needed[step]):
            if step in ("remove", "end") and number:  # these go as far as they can, so less is left to be refused
                for before in steps.names[: steps.names.index(step)]:
                    steps.succeed(before, every)
            message = steps.without(step, documents(*feature.others, name, without=action), every)
            told = f"credentials that allow {CALLS.get(action, action.split(':')[1])}"
            assert (told in message) == (action not in GOES_ON_WITHOUT), (step, action, message)
        steps.succeed(step, every)


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("build",), {"market": "spot"}),
        (("build",), {"kms_key_id": "KEY"}),
        (("build", "eip"), {"source": {"id": "WINDOWS"}, "communicator": "winrm", "eip": True}),
    ],
    ids=["spot", "kms", "windows"],
)
def test_what_needs_no_policy_of_its_own(cloud, host, user, account, names, options):
    if "kms_key_id" in options:
        options = {"kms_key_id": cloud.add_key(HOME)}
    if "communicator" in options:
        windows = cloud.add_image("win2022_21H2_x64", size=40, system="windows", platform="Windows Server 2022")
        options = {**options, "source": {"id": windows}}
    steps = Steps(cloud, host, user, account, Feature(launch=options))
    for step in steps.names:
        steps.succeed(step, documents(*names))


def test_a_console_that_may_not_be_read_is_told_at_once(cloud, host, user, account):
    steps = Steps(cloud, host, user, account, Feature(launch={"wait": True}))
    assert "credentials that allow GetInstanceConsoleOutput" in steps.without(
        "launch", documents("build", without="ecs:GetInstanceConsoleOutput"), documents("build")
    )


def test_a_key_pair_whose_import_gave_no_answer_is_looked_for(cloud, host, user, account):
    steps = Steps(cloud, host, user, account, Feature())
    every = documents("build")
    cloud.fault("lose", action="ImportKeyPair", times=1)
    message = steps.without("launch", documents("build", without="ecs:DescribeKeyPairs"), every)
    assert "credentials that allow DescribeKeyPairs" in message
    cloud.fault("lose", action="ImportKeyPair", times=1)
    for step in steps.names:
        steps.succeed(step, every)


def test_a_copy_on_its_way_is_called_off(cloud, host, user, account):
    steps = Steps(cloud, host, user, account, FEATURES["copy"])
    every = documents("build", "copy")
    steps.succeed("launch", every)
    made = steps.build.image("run", **steps.feature.image).calls
    for step in ("remove", "end", "launch"):
        steps.succeed(step, every)
    # Killed when it has started to copy, the module leaves the copy to whoever tears down.
    cloud.delays.copy = 600
    steps.build.image("run", kill=made.index(f"CopyImage {HOME}") + 1, **steps.feature.image)
    message = steps.run("end", documents("build", "copy", without="ecs:CancelCopyImage"))["msg"]
    assert "credentials that allow CancelCopyImage" in message
    steps.succeed("end", every)
    cloud.delays.copy = 0


def test_whose_key_a_default_is_is_asked_before_a_share(cloud, host, user, account):
    steps = Steps(cloud, host, user, account, FEATURES["share"])
    every = documents("build", "share")
    cloud.encrypt_by_default(HOME, cloud.add_key(HOME))
    steps.succeed("launch", every)
    for action in ("ecs:DescribeDiskDefaultKMSKeyId", "kms:DescribeKey"):
        message = steps.without("image", documents("build", "share", without=action), every)
        assert f"credentials that allow {action.split(':')[1]}" in message
    for step in steps.names[1:]:
        steps.succeed(step, every)
    cloud.world.encrypted_by_default.clear()


def test_a_role_is_assumed_by_its_policy_alone(cloud, host, user, account):
    role = cloud.add_role("builder", documents("build"))
    steps = Steps(cloud, host, user, account, Feature(launch={"assume_role": {"arn": role.arn}}))
    message = steps.without("launch", documents("assume_role", without="sts:AssumeRole"), documents("assume_role"))
    assert "credentials that allow AssumeRole" in message
    for step in steps.names:
        steps.succeed(step, documents("assume_role"))


def test_reap_needs_every_action_of_its_policy(cloud, host, user):
    owner = Client(cloud)
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    tags = {"hallmark:build": "20260101t000000-aaaaaa", "hallmark:expires": past}
    with_disk = {"DataDisk": [{"Size": 20, "DeleteWithInstance": False}]}
    instance = owner.launch(Tag=pairs(**tags), **with_disk)
    owner.DeleteInstance(InstanceId=instance, Force=True)
    every = documents("build", "network", "eip", "reap")
    options = {"alicloud_regions": [HOME], "alicloud_endpoint_url": cloud.endpoint_url}
    for action in sorted(actions("reap")):
        cloud.allow(user[0], documents("build", "network", "eip", "reap", without=action))
        told = json.dumps(host.run("reap", **options).result)
        assert f"credentials that allow {action.split(':')[1]}" in told
    cloud.allow(user[0], every)
    host.succeed("reap", **options)
    assert owner.DescribeDisks(Tag=pairs(**{"hallmark:build": tags["hallmark:build"]}))["TotalCount"] == 0


def test_every_file_is_tried():
    assert sorted(POLICIES) == sorted([*FEATURES, *APART])


@pytest.mark.parametrize("name", POLICIES)
def test_what_changes_things_is_bound_to_the_tags_of_a_build_or_to_the_things_it_refers_to(name):
    for statement in check(POLICIES[name])["Statement"]:
        verbs = [action.split(":")[1] for action in statement["Action"]]
        assert "*" not in "".join(verbs)
        if not all(verb.startswith(LOOKS) for verb in verbs):
            assert statement["Resource"] != "*", verbs
        if any(verb.startswith(("Delete", "Release", "Stop", "Modify")) for verb in verbs):
            assert "hallmark" in json.dumps([statement.get("Condition", {}), statement["Resource"]]), verbs
