# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new image takes the place of an old one: the old one alone stands under the name, or the new one complete.

Never none, never two, whatever fails and wherever the module is killed. The account is simulated (moto behind our
gateway, over plain HTTP), without machines behind its instances.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from emulators.aws import difference
from support.aws_account import environment_of
from support.emulated_build import HOME
from support.module_host import AT_ONCE, ModuleHost
from support.replacement import REGIONS, ROOT, THERE, Place, owner


@pytest.fixture(scope="module")
def host(aws, tmp_path_factory):
    """Runs modules that look only twice for what may not show yet: in this account everything shows at once."""
    environment = environment_of(aws.endpoint_url, tmp_path_factory.mktemp("state"))
    found = ModuleHost(environment, looks=AT_ONCE)
    found.state = Path(environment["XDG_STATE_HOME"]) / "hallmark"
    yield found
    found.stop()


@pytest.fixture
def make(aws, host):
    """Makes such builds, in an account without faults."""
    aws.world.faults.clear()

    def made(*regions):
        place = Place(aws, host, regions or REGIONS)
        place.run_machine()
        return place

    yield made
    aws.world.faults.clear()
    aws.world.references.clear()
    aws.delays.name = aws.delays.in_use = 0.0


def changes(calls):
    """The numbers of those calls of a module that change something, from the end of the first old image on."""
    looks = ("Describe", "Get")
    found = [number for number, call in enumerate(calls, 1) if not call.startswith(looks) and " dry" not in call]
    return [number for number in found if number >= calls.index(f"DeregisterImage {HOME}") + 1]


def test_the_old_image_goes_after_everything_else_and_the_new_one_is_complete(make):
    place = make()
    place.publish(publish=False)
    assert [len(place.images(region)) for region in REGIONS] == [2, 1]
    outcome = place.publish("run")
    assert not outcome.result.get("failed"), outcome.result["msg"]
    assert place.ends() == ["new", "new"]
    assert [made["id"] for made in outcome.result["images"]] == [place.images(one)[0]["ImageId"] for one in REGIONS]
    assert place.protected()
    done = [outcome.calls[number - 1].split()[0] for number in changes(outcome.calls)]
    assert done.index("DeregisterImage") < done.index("RegisterImage")
    assert done.index("RegisterImage") < done.index("ModifyImageAttribute") < done.index("DeleteSnapshot")
    assert done[-2:] == ["EnableImageDeregistrationProtection"] * 2
    assert place.publish()["changed"] is False
    assert place.publish(check_mode=True)["changed"] is False
    place.end()


def after_a_kill(place, killed, then):
    """What is there after reap, or after the module has run again."""
    where = f"killed at {killed.calls[-1]}"
    assert killed.result is None, where
    if then == "run again":
        place.publish()
        assert place.protected(), where
        return where
    report = place.host.succeed("reap", build=place.id)
    assert {item["action"] for item in report["builds"]} <= {"removed"}, report
    if set(place.ends()) == {"old"}:
        assert difference(place.before, place.aws.snapshot()) == {}, where
    # What is published already may lack its protection, which is set last of all.
    assert place.protected() or killed.calls[-1].startswith("EnableImageDeregistrationProtection"), where
    return where


@pytest.mark.parametrize("then", ["reap after a lost answer", "reap", "run again"])
def test_killed_at_any_change(make, then):
    place = make(HOME)
    calls = place.publish("run").calls
    place.end()
    steps = changes(calls)
    assert len(steps) > 8
    for kill in steps:
        place = make(HOME)
        killed = place.publish("run", kill=kill, lost=then != "reap")
        where = after_a_kill(place, killed, then)
        # The first change is the old image's end, and what is begun then is finished.
        assert place.ends() == ["new"], where
        place.end()


@pytest.mark.parametrize("then", ["reap", "run again"])
def test_killed_between_two_regions(make, then):
    place = make()
    calls = place.publish("run").calls
    place.end()
    place = make()
    killed = place.publish("run", kill=calls.index(f"DeregisterImage {THERE}") + 1, lost=False)
    where = after_a_kill(place, killed, then)
    assert place.ends() == ["new", "new"], where
    place.end()


CHANGES = ["DeregisterImage", "RegisterImage", "ModifyImageAttribute", "EnableImageDeprecation", "DeleteSnapshot"]
CHANGES += ["DeleteTags", "ModifySnapshotAttribute", "EnableImageDeregistrationProtection"]


@pytest.mark.parametrize("kind", ["throttle", "internal", "drop", "lose"])
def test_calls_that_fail_once_are_made_again(aws, make, kind):
    place = make(HOME)
    faults = [aws.fault(kind, action=action, where={"DryRun": None}) for action in CHANGES]
    place.publish()
    assert [fault.hits for fault in faults] == [1] * len(CHANGES)
    assert place.ends() == ["new"]
    place.end()


def test_what_ec2_does_not_let_go_of_at_once(aws, make):
    """The name of what is deregistered, and its snapshots."""
    aws.delays.name, aws.delays.in_use = 1.5, 8.0  # so long that a busy computer meets it, too
    place = make(HOME)
    first = len(aws.calls)
    place.publish()
    errors = {call.error for call in list(aws.calls)[first:] if not call.dry_run}
    assert {"InvalidAMIName.Duplicate", "InvalidSnapshot.InUse"} <= errors
    assert place.ends() == ["new"]
    aws.delays.in_use = 0.0
    aws.world.held.clear()
    place.end()


def test_a_snapshot_that_another_image_is_made_of_stays(make):
    place = make(HOME)
    (old,) = place.images()
    (disk,) = old["BlockDeviceMappings"]
    snapshot = disk["Ebs"]["SnapshotId"]
    disks = [{"DeviceName": ROOT, "Ebs": {"SnapshotId": snapshot}}]
    other = place.ec2().register_image(Name=f"other-{place.id}", RootDeviceName=ROOT, BlockDeviceMappings=disks)[
        "ImageId"
    ]
    place.publish()
    assert place.ends() == ["new"]
    assert place.ec2().describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    place.ec2().deregister_image(ImageId=other, DeleteAssociatedSnapshots=True)
    place.end()


@pytest.mark.parametrize("region", REGIONS)
def test_an_image_that_comes_into_use_during_publication_is_not_replaced_in_any_region(aws, make, region):
    place, users = make(), []

    def use(dummy):
        one = {"ImageId": place.old[region], "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.small"}
        users.append(place.ec2(region).run_instances(**one)["Instances"][0]["InstanceId"])

    aws.fault("call", action="CopyImage", function=use)
    assert f"{place.old[region]} in {region} is in use by instance/" in place.publish("fail")
    assert place.ends() == ["old", "old"]
    place.ec2(region).terminate_instances(InstanceIds=users)
    place.host.succeed("aws_builder", state="absent", build_id=place.id)
    assert difference(place.before, place.aws.snapshot()) == {}
    place.end()


def test_an_image_that_came_into_use_after_the_capture_is_replaced_when_that_has_ended(make):
    place = make(HOME)
    place.publish(publish=False)
    one = {"ImageId": place.old[HOME], "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.small"}
    user = place.ec2().run_instances(**one)["Instances"][0]["InstanceId"]
    assert f"is in use by instance/{user}" in place.publish("fail")
    place.ec2().terminate_instances(InstanceIds=[user])
    place.publish()
    assert place.ends() == ["new"]
    place.end()


def test_whatever_refers_to_an_image_uses_it(aws, make):
    place, ec2 = make(HOME), owner(aws.endpoint_url, HOME)
    old = place.old[HOME]
    recipe = f"arn:aws:imagebuilder:{HOME}:123456789012:image-recipe/web/1.0.0"
    ssm = owner(aws.endpoint_url, HOME, "ssm")
    ssm.put_parameter(Name=f"golden-{place.id}", Value=old, Type="String")
    template = ec2.create_launch_template(LaunchTemplateName=place.id, LaunchTemplateData={"ImageId": old})
    template = template["LaunchTemplate"]["LaunchTemplateId"]
    for number in range(10):  # so that the one that names it is none of the latest ten, but still the default
        version = {"ImageId": aws.image, "UserData": str(number)}
        ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=version)
    aws.world.references[old] = [recipe]
    users = f"image-recipe/web/1.0.0, launch-template/{template}, parameter/golden-{place.id}"
    before = len(aws.calls)
    assert f"is in use by {users}: another name" in place.publish("fail")
    assert "StopInstances" not in [call.action for call in list(aws.calls)[before:]]
    ec2.delete_launch_template(LaunchTemplateId=template)
    ssm.delete_parameter(Name=f"golden-{place.id}")
    aws.world.references.clear()
    place.end()


@pytest.mark.parametrize("action", ["DeregisterImage", "DeleteSnapshot"])
def test_an_old_image_that_may_not_be_removed_is_told_before_the_machine_is_stopped(aws, make, action):
    place = make(HOME)
    aws.fault("error", action=action, code="UnauthorizedOperation", status=403, times=0, where={"DryRun": "true"})
    first = len(aws.calls)
    assert f"credentials that allow {action}" in place.publish("fail")
    assert [call.action for call in list(aws.calls)[first:] if call.mutates] == []
    aws.world.faults.clear()
    place.end()


@pytest.mark.parametrize("action", sorted({*CHANGES} - {"DeregisterImage", "DeleteSnapshot"}))
def test_whatever_else_would_be_refused_is_told_while_the_old_image_stands(aws, make, action):
    place = make(HOME)
    aws.fault("error", action=action, code="UnauthorizedOperation", status=403, times=0, where={"DryRun": "true"})
    assert f"credentials that allow {action}" in place.publish("fail")
    assert place.ends() == ["old"]
    place.host.succeed("aws_builder", state="absent", build_id=place.id)
    assert difference(place.before, place.aws.snapshot()) == {}
    place.end()


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "OperationNotPermitted"])
def test_when_the_old_image_may_not_go_after_all_the_new_one_does(aws, make, code):
    place = make(HOME)
    refusal = {"code": code, "status": 403, "times": 0, "where": {"ImageId": place.old[HOME], "DryRun": None}}
    aws.fault("error", action="DeregisterImage", **refusal)
    assert code in place.publish("fail")
    assert place.ends() == ["old"]
    aws.world.faults.clear()
    place.host.succeed("aws_builder", state="absent", build_id=place.id)
    assert difference(place.before, place.aws.snapshot()) == {}
    place.end()


def test_what_is_gone_is_refused_too_where_rights_hang_on_tags(aws, make):
    """An answer is lost, and the second try names an image that has no tags any more."""
    place = make(HOME)
    of_old = {"ImageId": place.old[HOME], "DryRun": None}
    aws.fault("lose", action="DeregisterImage", where=of_old)
    aws.fault("error", action="DeregisterImage", where=of_old, nth=2, code="UnauthorizedOperation", status=403)
    place.publish()
    assert place.ends() == ["new"]
    place.end()


def test_a_share_that_fails_leaves_the_new_image_under_the_name_for_another_try(aws, make):
    place = make(HOME)
    share = aws.fault("error", action="ModifySnapshotAttribute", code="InvalidParameterValue", times=3)
    assert "InvalidParameterValue" in place.publish("fail")
    assert share.hits >= 2
    aws.world.faults.clear()
    assert [image["Name"] for image in place.images()] == [place.name]
    place.publish()
    assert place.ends() == ["new"]
    place.end()


def test_disks_without_a_snapshot_and_variables_of_the_firmware_are_kept(aws, make):
    place = make(HOME)
    aws.backend().amis[aws.image].uefi_data = "QU1aTlVFRkk="
    disks = [
        {"device_name": "/dev/sdc", "virtual_name": "ephemeral0"},
        {"device_name": "/dev/sdd", "size": 5, "type": "gp3", "encrypted": True},
    ]
    nobody = {"launch_users": [], "snapshot_users": []}  # Amazon's own key would keep them out
    made = place.publish(disks=disks, **nobody)["images"][0]["id"]
    aws.backend().amis[aws.image].uefi_data = None
    (found,) = place.images()
    devices = {item["DeviceName"]: item for item in found["BlockDeviceMappings"]}
    assert devices["/dev/sdc"]["VirtualName"] == "ephemeral0"
    assert devices["/dev/sdd"]["Ebs"]["Encrypted"] is True
    assert aws.backend().amis[made].uefi_data == "QU1aTlVFRkk="
    place.publish(deregistration_protection="no", state="absent")


def test_protection_comes_last_and_does_not_keep_what_failed(aws, make):
    """Without an old image: a share that fails takes everything back, although protection was asked for."""
    place = make(HOME)
    place.ec2().deregister_image(ImageId=place.old[HOME], DeleteAssociatedSnapshots=True)
    aws.fault("error", action="ModifyImageAttribute", code="InvalidAMIAttributeItemValue", times=0, nth=2)
    assert "InvalidAMIAttributeItemValue" in place.publish("fail", replace=False)
    aws.world.faults.clear()
    assert place.images() == []
    place.end()


def test_what_is_protected_and_not_released_is_removed(aws, make):
    """As an image may be that a version before this one left."""
    place = make(HOME)
    made = place.publish(publish=False, replace=False, name=f"new-{place.id}")["images"][0]["id"]
    place.ec2().enable_image_deregistration_protection(ImageId=made)
    place.host.succeed("reap", build=place.id)
    assert difference(place.before, place.aws.snapshot()) == {}
    place.end()


def test_nothing_is_replaced_when_there_is_nothing_to_capture(make):
    place = make(HOME)
    place.host.succeed("aws_builder", state="absent", build_id=place.id, name="builder")
    assert "is gone" in place.publish("fail")
    assert place.ends() == ["old"]
    place.end()


def test_with_copies_only_the_image_they_are_made_of_goes(make):
    place = make()
    kept = place.old.pop(HOME)
    place.publish(keep_in_build_region=False)
    assert [image["ImageId"] for image in place.images()] == [kept]
    assert place.outcome(THERE) == "new"
    place.old[HOME] = kept
    place.publish(keep_in_build_region=False, deregistration_protection="no", state="absent")
    place.end()
