# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new image takes the place of an old one: the old one alone stands under the name, or the new one complete.

Never none, never two, whatever fails and wherever the module is killed.
"""

from __future__ import annotations

import pytest

from emulators.alicloud import difference
from emulators.alicloud.fixtures import Client, pairs
from support.alicloud_build import HOME, Build

THERE = "cn-beijing"
REGIONS = (HOME, THERE)
FRIEND, OTHER = "1234567890123456", "6543210987654321"
STATES = "Creating,Available,CreateFailed,Deprecated"


class Place(Build):
    """A build whose name is taken by an old image, with a snapshot, that is shared."""

    def __init__(self, cloud, host, regions):
        super().__init__(cloud, host)
        self.name, self.regions, self.empty = f"web-{self.id}", regions, self.before
        self.wishes = {"replace": True, "launch_users": [FRIEND], "family": f"family-{self.id}"}
        self.wishes["copies"] = [{"region": region} for region in regions[1:]]
        owner = Client(cloud)
        self.launch()
        machine = owner.DescribeInstances(Tag=pairs(**{"hallmark:build": self.id}))
        machine = machine["Instances"]["Instance"][0]["InstanceId"]
        self.before = cloud.snapshot()
        self.old = {HOME: owner.CreateImage(InstanceId=machine, ImageName=self.name)["ImageId"]}
        for region in regions[1:]:
            copy = {"ImageId": self.old[HOME], "DestinationRegionId": region, "DestinationImageName": self.name}
            self.old[region] = owner.CopyImage(**copy)["ImageId"]
        for region in regions:
            Client(cloud, region).ModifyImageSharePermission(ImageId=self.old[region], AddAccount=[OTHER])

    def publish(self, run="succeed", **options):
        """Capture what is not captured, and publish."""
        return self.image(run, **{**self.wishes, **options})

    def images(self, region=HOME):
        """All of the account."""
        return Client(self.cloud, region).DescribeImages(ImageOwnerAlias="self", Status=STATES)["Images"]["Image"]

    def outcome(self, region):
        """`old` or `new`: which of them stands alone; a new one has all that was wished."""
        client = Client(self.cloud, region)
        (found,) = self.images(region)
        assert found["ImageName"] == self.name
        answer = client.DescribeImageSharePermission(ImageId=found["ImageId"])
        shared = [account["AliyunId"] for account in answer["Accounts"]["Account"]]
        named = [disk["SnapshotId"] for disk in found["DiskDeviceMappings"]["DiskDeviceMapping"]]
        snapshots = client.DescribeSnapshots()["Snapshots"]["Snapshot"]
        assert [snapshot["SnapshotId"] for snapshot in snapshots] == named
        if found["ImageId"] == self.old[region]:
            assert shared == [OTHER]
            return "old"
        assert shared == [FRIEND]
        assert found["ImageFamily"] == f"family-{self.id}"
        for thing in (found, *snapshots):
            labels = {tag["TagKey"]: tag["TagValue"] for tag in thing["Tags"]["Tag"]}
            assert labels["hallmark:build"] == self.id
            assert "hallmark:expires" not in labels
        return "new"

    def ends(self):
        """How it ended, in each region."""
        return [self.outcome(region) for region in self.regions]

    def use(self, region=HOME):
        """Let a machine of the account be made of the old image."""
        return Client(self.cloud, region).launch(self.old[region])

    def end(self):
        """Remove what is new, and what is old where it still is; nothing is left of either."""
        self.cloud.world.faults.clear()
        self.publish(state="absent")
        self.host.succeed("alicloud_builder", state="absent", build_id=self.id)
        for region in self.regions:
            client = Client(self.cloud, region)
            for found in self.images(region):
                assert found["ImageId"] == self.old[region]
                client.DeleteImage(ImageId=found["ImageId"], Force=True)
                for disk in found["DiskDeviceMappings"]["DiskDeviceMapping"]:
                    client.DeleteSnapshot(SnapshotId=disk["SnapshotId"], Force=True)
        left = difference(self.empty, self.cloud.snapshot())
        assert [name for name in left if name.split("/")[1] in ("image", "snapshot")] == []


@pytest.fixture
def make(cloud, host):
    """Makes such builds, in an account without faults."""
    cloud.world.faults.clear()
    yield lambda *regions: Place(cloud, host, regions or (HOME,))
    cloud.world.faults.clear()


def changes(calls):
    """The numbers of those calls of a module that change something, from the end of the first old image on."""
    found = [number for number, call in enumerate(calls, 1) if not call.startswith("Describe") and " dry" not in call]
    return [number for number in found if number >= calls.index(f"DeleteImage {HOME}") + 1]


def after_a_kill(place, killed, then):
    """Reap, or run the module again; then the new image stands alone, in all regions."""
    where = f"killed at {killed.calls[-1]}"
    assert killed.result is None, where
    if then == "run again":
        place.publish()
    else:
        report = place.host.succeed("reap", build=place.id)
        assert {item["action"] for item in report["builds"]} <= {"removed"}, (where, report)
    assert set(place.ends()) == {"new"}, where


@pytest.mark.parametrize(
    ("then", "disk_only"), [("reap after a lost answer", True), ("reap", False), ("run again", True)]
)
def test_killed_at_any_change(make, then, disk_only):
    wishes = {"system_disk_only": disk_only}
    place = make()
    outcome = place.publish("run", **wishes)
    assert not outcome.result.get("failed"), outcome.result["msg"]
    assert place.ends() == ["new"]
    assert place.publish(**wishes)["changed"] is False
    place.end()
    steps = changes(outcome.calls)
    done = [outcome.calls[number - 1].split()[0] for number in steps]
    # Named, it does not expire any more before the rest of the old one goes.
    assert done[0] == "DeleteImage"
    assert done.index("ModifyImageAttribute") < done.index("UntagResources") < done.index("DeleteSnapshot")
    for kill in steps:
        place = make()
        place.wishes |= wishes
        killed = place.publish("run", kill=kill, lost=then != "reap")
        after_a_kill(place, killed, then)
        place.end()


@pytest.mark.parametrize("then", ["reap", "run again"])
def test_killed_between_two_regions(make, then):
    place = make(*REGIONS)
    calls = place.publish("run").calls
    assert place.ends() == ["new", "new"]
    place.end()
    place = make(*REGIONS)
    kill = calls.index(f"ModifyImageAttribute {HOME}", changes(calls)[0]) + 1
    killed = place.publish("run", kill=kill)
    if then == "run again":
        after_a_kill(place, killed, then)
    else:  # the other had not begun, so it goes and the old one stays
        place.host.succeed("reap", build=place.id)
        assert place.ends() == ["new", "old"]
    place.end()


@pytest.mark.parametrize("region", REGIONS)
def test_an_image_that_comes_into_use_during_publication_is_not_replaced_in_any_region(cloud, make, region):
    place, users = make(*REGIONS), []
    cloud.fault("call", action="CopyImage", function=lambda dummy: users.append(place.use(region)))
    first = len(cloud.calls)
    message = place.publish("fail")
    assert f"replace: {place.old[region]} in {region} is in use by {users[0]}" in message
    module = [call for call in list(cloud.calls)[first:] if call.action == "ModifyImageSharePermission"]
    assert [call for call in module if call.mutates] == []
    assert place.ends() == ["old", "old"]
    Client(cloud, region).DeleteInstance(InstanceId=users[0], Force=True)
    place.end()


@pytest.mark.parametrize("action", ["DeleteImage", "ModifyImageSharePermission", "ModifyImageAttribute"])
def test_what_would_be_refused_is_told_while_the_old_image_stands(cloud, make, action):
    place = make()
    refusal = {"code": "Forbidden.RAM", "status": 403, "times": 0, "where": {"DryRun": "true"}}
    cloud.fault("error", action=action, **refusal)
    first = len(cloud.calls)
    assert f"credentials that allow {action}" in place.publish("fail")
    stopped = "StopInstance" in [call.action for call in list(cloud.calls)[first:]]
    assert stopped == (action == "ModifyImageAttribute")
    assert place.ends() == ["old"]
    place.end()


@pytest.mark.parametrize("code", ["ImageUsingByInstance", "Forbidden.RAM"])
def test_when_the_old_image_may_not_go_after_all_the_new_one_does(cloud, make, code):
    place = make()
    # It is shared, so each try makes two calls: one that is told so, and one more when it is closed.
    cloud.fault("error", action="DeleteImage", every=2, code=code, status=403, where={"ImageId": place.old[HOME]})
    assert code in place.publish("fail")
    assert place.ends() == ["old"]
    place.end()


def test_what_ecs_does_not_let_go_of_at_once(cloud, make):
    place = make()
    named = {"ImageName": place.name}
    held = [
        cloud.fault("error", action="ModifyImageAttribute", code="InvalidImageName.Duplicated", times=2, where=named),
        cloud.fault("error", action="DeleteSnapshot", code="SnapshotCreatedImage", times=2),
    ]
    place.publish()
    assert [fault.hits for fault in held] == [2, 2]
    assert place.ends() == ["new"]
    place.end()


@pytest.mark.parametrize("kind", ["throttle", "drop", "lose"])
def test_calls_that_fail_once_are_made_again(cloud, make, kind):
    place = make()
    actions = ("DeleteImage", "ModifyImageAttribute", "UntagResources", "DeleteSnapshot", "ModifyImageSharePermission")
    faults = [cloud.fault(kind, action=action, where={"DryRun": None}) for action in actions]
    place.publish()
    assert [fault.hits for fault in faults] == [1] * len(actions)
    assert place.ends() == ["new"]
    place.end()
