# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of the API's answers about an image on its way, and about one that is to go."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import capture, kinds, replacing
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.capture import Capture
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.snapshots import snapshots_of
from ansible_collections.hallmark.images.plugins.module_utils.build import remote
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Busy

TOKEN = "a-token"
BUILD = "20261128t210000-abc123"


class Ecs:
    """One region: images and snapshots as the API describes them, and answers that are errors instead.

    :ivar refused: codes that an action answers with, one for each call of it.
    """

    region = "cn-hangzhou"

    def __init__(self, *images):
        self.images = {image["ImageId"]: image for image in images}
        self.snapshots = {}
        for image in images:
            for mapping in image.get("DiskDeviceMappings", {}).get("DiskDeviceMapping", []):
                self.snapshots[mapping["SnapshotId"]] = {}
        self.shared = set()
        self.usage = "none"
        self.machines = {}
        self.refused = {}
        self.actions = []

    def in_ledger(self):
        return {"region": self.region}

    def call(self, what, action, product="Ecs", **parameters):
        assert product == "Ecs"
        self.actions.append(action)
        codes = self.refused.get(action, [])
        if codes:
            code = codes.pop(0)
            raise ApiError(f"{what}: {code}: no", code)
        return getattr(self, action)(**parameters) or {}

    def pages(self, what, action, key, **parameters):
        return self.call(what, action, **parameters)[key[0]][key[1]]

    def DescribeImages(self, ImageId=None, ImageName=None, ImageFamily=None, SnapshotId=None, Tag=(), **dummy):
        found = [
            image
            for image in self.images.values()
            if ImageId in (None, image["ImageId"])
            and (ImageName or "") in image["ImageName"]
            and ImageFamily in (None, image.get("ImageFamily"))
            and SnapshotId in (None, *snapshots_of(image))
            and all(tag["Value"] == image.get("token") for tag in Tag)
        ]
        return {"Images": {"Image": found}}

    def DescribeSnapshots(self, Tag=(), **dummy):
        wanted = {tag["Key"]: tag["Value"] for tag in Tag}
        found = [
            {"SnapshotId": name, "Usage": self.usage}
            for name, labels in self.snapshots.items()
            if wanted.items() <= labels.items()
        ]
        return {"Snapshots": {"Snapshot": found}}

    def DescribeInstances(self, ImageId):
        return {"Instances": {"Instance": [{"InstanceId": name} for name in self.machines.get(ImageId, [])]}}

    def DescribeImageSharePermission(self, ImageId):
        return {"Accounts": {"Account": [{"AliyunId": user} for user in sorted(self.shared)]}}

    def ModifyImageSharePermission(self, ImageId, AddAccount=(), RemoveAccount=()):
        self.shared = self.shared.union(AddAccount).difference(RemoveAccount)

    def UntagResources(self, **dummy):
        pass

    def ModifyImageAttribute(self, ImageId, **changes):
        self.images[ImageId].update(changes)

    def TagResources(self, ResourceType, ResourceId, Tag):
        assert ResourceType == "snapshot"
        for name in ResourceId:
            self.snapshots[name].update({tag["Key"]: tag["Value"] for tag in Tag})

    def DeleteImage(self, ImageId):
        if self.shared:
            raise ApiError("delete: ImageUseShared: no", "ImageUseShared")
        self.images.pop(ImageId, None)

    def DeleteSnapshot(self, SnapshotId):
        self.snapshots.pop(SnapshotId, None)

    def CancelCopyImage(self, ImageId):
        del self.images[ImageId]


def image(identifier="m-1", status="Available", name="web", disks=("s-1", "s-2"), **more):
    mappings = {"DiskDeviceMapping": [{"SnapshotId": disk} for disk in disks]}
    return {"ImageId": identifier, "ImageName": name, "Status": status, "DiskDeviceMappings": mappings, **more}


def made(ecs):
    return Capture("web@cn-hangzhou", ecs, "web")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    for module in (capture, remote, replacing):
        monkeypatch.setattr(module.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize(
    ("status", "progress", "wanted"),
    [
        ("Creating", "35%", ("pending", 35.0)),
        ("Waiting", "", ("pending", None)),
        ("Available", "100%", ("ready", None)),
        ("Deprecated", "100%", ("ready", None)),
        ("CreateFailed", "20%", ("failed", None)),
        ("UnAvailable", "20%", ("failed", None)),
    ],
)
def test_states(status, progress, wanted):
    state = made(Ecs(image(status=status, Progress=progress))).state("m-1")
    assert (state.status, state.percent) == wanted


def test_what_was_made_a_moment_ago_may_not_show_yet():
    ecs = Ecs()
    thing = Capture("web@x", ecs, "web", lambda token, labels: "m-1")
    assert thing.create(TOKEN) == "m-1"
    assert thing.state("m-1").status == "pending"
    ecs.images["m-1"] = image(status="Creating")
    assert thing.state("m-1").status == "pending"
    del ecs.images["m-1"]
    assert thing.state("m-1").status == "gone"


def test_a_name_that_ones_own_first_try_has_taken_is_no_error():
    def make(token, labels):
        raise ApiError("capture: InvalidImageName.Duplicated: no", "InvalidImageName.Duplicated")

    assert Capture("web@x", Ecs(image(token=TOKEN)), "web", make).create(TOKEN) == "m-1"
    with pytest.raises(ApiError, match="Duplicated"):
        Capture("web@x", Ecs(image(token="another")), "web", make).create(TOKEN)


def test_it_goes_with_its_snapshots_by_id_or_token():
    for identifier in ("m-1", None):
        ecs = Ecs(image(token=TOKEN))
        made(ecs).delete(identifier, TOKEN)
        assert (ecs.images, ecs.snapshots) == ({}, {})


def test_its_snapshots_go_when_the_image_went_before():
    ecs = Ecs(image())
    made(ecs).label_snapshots("m-1", TOKEN)
    ecs.images.clear()
    made(ecs).delete("m-1", TOKEN)
    assert ecs.snapshots == {}


def test_who_is_killed_between_image_and_snapshots_loses_neither():
    ecs = Ecs(image())
    ecs.refused["DeleteSnapshot"] = ["InternalError"]
    with pytest.raises(ApiError):
        made(ecs).delete("m-1", TOKEN)
    assert ecs.images == {}
    made(ecs).delete("m-1", TOKEN)
    assert ecs.snapshots == {}


@pytest.mark.parametrize("code", ["ImageUsingByInstance", "ImageIsCreating", "OperationDenied.ImageCopying"])
def test_what_is_in_use_is_tried_again_later(code):
    ecs = Ecs(image())
    ecs.refused["DeleteImage"] = [code]
    with pytest.raises(Busy, match=code):
        made(ecs).delete("m-1", TOKEN)
    made(ecs).delete("m-1", TOKEN)
    assert (ecs.images, ecs.snapshots) == ({}, {})


def test_what_is_denied_is_told():
    ecs = Ecs(image())
    ecs.refused["DeleteImage"] = ["Forbidden.RAM"]
    with pytest.raises(ApiError, match=r"Forbidden\.RAM"):
        made(ecs).delete("m-1", TOKEN)


def test_a_shared_image_is_closed_first():
    ecs = Ecs(image())
    ecs.shared = {"1234567890123456"}
    made(ecs).delete("m-1", TOKEN)
    assert (ecs.images, ecs.shared) == ({}, set())


def test_a_copy_on_its_way_is_called_off():
    ecs = Ecs(image(status="Creating", IsCopied=True, disks=()))
    made(ecs).delete("m-1", TOKEN)
    assert ecs.images == {}
    assert "DeleteImage" not in ecs.actions


def test_a_copy_that_takes_its_time_to_end_is_tried_again():
    ecs = Ecs(image(status="Creating", IsCopied=True, disks=()))
    ecs.CancelCopyImage = lambda ImageId: None
    with pytest.raises(Busy, match="is being ended"):
        made(ecs).delete("m-1", TOKEN)


def test_a_copy_that_has_become_complete_meanwhile_is_removed():
    ecs = Ecs(image(status="Creating", IsCopied=True))
    ecs.refused["CancelCopyImage"] = ["IncorrectImageStatus"]
    with pytest.raises(Busy):
        made(ecs).delete("m-1", TOKEN)
    ecs.images["m-1"]["Status"] = "Available"
    made(ecs).delete("m-1", TOKEN)
    assert ecs.images == {}


def test_a_snapshot_of_something_else_is_busy():
    ecs = Ecs(image())
    ecs.refused["DeleteSnapshot"] = ["SnapshotCreatedImage"]
    with pytest.raises(Busy):
        kinds.SNAPSHOT.removed(ecs, "s-1")


def test_a_name_that_contains_the_name_is_another():
    ecs = Ecs(image("m-1", name="web"), image("m-2", name="web-2", disks=()))
    assert [found["ImageId"] for found in replacing.named(ecs, "web")] == ["m-1"]
    assert replacing.free_name(ecs, "web", BUILD) == f"web-{BUILD}"
    assert replacing.free_name(ecs, "web-3", BUILD) == "web-3"
    assert len(replacing.staging_name("w" * 128, BUILD)) == 128


def staged(ecs, old=("m-1",), accounts=()):
    terms = {"staged": "m-2", "old": {name: list(accounts) for name in old}, "snapshots": ["s-1", "s-2"]}
    terms |= {"family": None, "deprecate_previous": False}
    return replacing.Replacement("web@cn-hangzhou", ecs, "web", terms)


def two(**more):
    return Ecs(image("m-1", **more), image("m-2", name=f"web-{BUILD}", disks=("s-3",)))


def test_the_new_image_takes_the_name_and_the_old_one_goes():
    ecs = two()
    staged(ecs).delete(None, TOKEN)
    assert {found["ImageName"] for found in ecs.images.values()} == {"web"}
    assert (list(ecs.images), list(ecs.snapshots)) == (["m-2"], ["s-3"])


def test_done_again_it_does_not_remove_itself():
    ecs = Ecs(image("m-2"))
    assert staged(ecs).create(TOKEN) == "m-2"
    assert list(ecs.images) == ["m-2"]


@pytest.mark.parametrize(
    ("machines", "usage", "message"),
    [({"m-1": ["i-1", "i-2"]}, "instance", "in use by i-1, i-2"), ({}, "instance", "in use by an instance")],
)
def test_an_image_in_use_is_not_replaced(machines, usage, message):
    ecs = two(Usage=usage)
    ecs.machines = machines
    with pytest.raises(replacing.Kept, match=f"^replace: m-1 in cn-hangzhou is {message}"):
        staged(ecs).create(TOKEN)
    assert list(ecs.images) == ["m-1", "m-2"]
    assert ecs.images["m-2"]["ImageName"] == f"web-{BUILD}"
    staged(ecs).delete("m-2", TOKEN)
    assert (list(ecs.images), sorted(ecs.snapshots)) == (["m-1"], ["s-1", "s-2"])


def test_one_that_came_into_use_at_the_last_moment_stays_and_stays_shared():
    ecs = two(Usage="none")
    ecs.shared = {"1234567890123456"}
    ecs.refused["DeleteImage"] = ["ImageUseShared", "ImageUsingByInstance"]
    with pytest.raises(replacing.Kept, match=r"^replace: .*ImageUsingByInstance"):
        staged(ecs, accounts=ecs.shared).create(TOKEN)
    assert ecs.shared == {"1234567890123456"}
    assert sorted(ecs.snapshots) == ["s-1", "s-2", "s-3"]


def test_a_name_that_is_not_free_at_once_is_asked_for_again():
    ecs = two()
    ecs.refused["ModifyImageAttribute"] = ["InvalidImageName.Duplicated"] * 2
    staged(ecs).create(TOKEN)
    assert ecs.images["m-2"]["ImageName"] == "web"
    assert ecs.actions.count("ModifyImageAttribute") == 3


def test_the_old_image_stays_when_the_new_one_is_gone():
    ecs = Ecs(image("m-1"))
    with pytest.raises(replacing.Kept, match="m-2, which is to become web in cn-hangzhou: is gone"):
        staged(ecs).create(TOKEN)
    assert list(ecs.images) == ["m-1"]


@pytest.mark.parametrize(("usage", "stays"), [("disk", True), ("none", False)])
def test_a_snapshot_that_is_busy_stays_only_where_something_uses_it(usage, stays):
    ecs = Ecs(image("m-2", disks=("s-3",)))
    ecs.snapshots |= {"s-1": {}, "s-2": {}}
    ecs.usage = usage
    ecs.refused["DeleteSnapshot"] = ["SnapshotCreatedDisk"]
    if not stays:
        with pytest.raises(Busy):
            staged(ecs).clean()
        staged(ecs).clean()
    else:
        staged(ecs).clean()
    assert ("s-1" in ecs.snapshots) is stays
    assert "s-2" not in ecs.snapshots


def test_a_snapshot_that_another_image_is_made_of_stays():
    ecs = Ecs(image("m-2", disks=("s-3",)), image("m-3", name="other", disks=("s-1",)))
    ecs.snapshots["s-2"] = {}
    ecs.refused["DeleteSnapshot"] = ["SnapshotCreatedImage"]
    staged(ecs).clean()
    assert sorted(ecs.snapshots) == ["s-1", "s-3"]


def test_a_family_moves_and_its_older_images_are_deprecated_where_nobody_else_uses_them():
    ecs = Ecs(
        image("m-1", ImageFamily="web"), image("m-2", ImageFamily="web", name="web-2"), image("m-3", name="web-3")
    )
    ecs.refused["ModifyImageAttribute"] = []
    replacing.join_family(ecs, "m-3", "web", deprecate=False)
    assert ecs.images["m-3"]["ImageFamily"] == "web"
    assert {found["Status"] for found in ecs.images.values()} == {"Available"}
    replacing.join_family(ecs, "m-3", "web", deprecate=True)
    assert [found["Status"] for found in ecs.images.values()] == ["Deprecated", "Deprecated", "Available"]


def test_a_shared_older_image_stays_as_it_is():
    ecs = Ecs(image("m-1", ImageFamily="web"))
    ecs.refused["ModifyImageAttribute"] = ["ImageUseShared"]
    replacing._deprecate(ecs, "m-1")
    assert ecs.images["m-1"]["Status"] == "Available"
