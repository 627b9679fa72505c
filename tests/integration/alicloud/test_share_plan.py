# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares that cannot work, as the source or the account by default has the image encrypted, are refused in plan."""

from __future__ import annotations

import pytest

from support.alicloud_build import HOME, Build

THERE = "cn-beijing"
USER = "1234567890123456"
BY_SERVICE_KEY = "with the service key, which no other account may use: kms_key_id with a key of your own"


def plan(build, run="fail", **options):
    """What planning the image says, with a share; nothing is changed by it."""
    first = len(build.cloud.calls)
    told = build.image(run, **{"launch_users": [USER], "check_mode": True, **options})
    assert [call.action for call in list(build.cloud.calls)[first:] if call.mutates] == []
    return told


@pytest.fixture
def source(cloud, host):
    """Makes an image of the account's own to start from; all of it is removed afterwards."""
    made = []

    def make(**launch):
        build = Build(cloud, host)
        made.append(build)
        build.launch(**launch)
        image = build.image()["images"][0]["id"]
        host.succeed("alicloud_builder", state="absent", build_id=build.id)
        return {"id": image}

    yield make
    for build in made:
        build.image(state="absent")


@pytest.mark.parametrize("region", [HOME, THERE])
def test_the_accounts_default_with_the_service_key(cloud, build, region):
    cloud.encrypt_by_default(region)
    told = f"launch_users: the image in {region} is encrypted (by the account's default) {BY_SERVICE_KEY}"
    assert plan(build, copies=[{"region": THERE}]) == told
    plan(build, "succeed", copies=[{"region": "eu-central-1"}] if region == THERE else [], launch_users=[])


def test_a_key_that_is_named_comes_before_the_accounts_default(cloud, build):
    cloud.encrypt_by_default(HOME)
    cloud.encrypt_by_default(THERE)
    keys = {"kms_key_id": cloud.add_key(HOME), "copies": [{"region": THERE, "kms_key_id": cloud.add_key(THERE)}]}
    plan(build, "succeed", **keys)


def test_the_accounts_default_with_a_key_of_its_own_can_be_shared(cloud, build):
    for region in (HOME, THERE):
        cloud.encrypt_by_default(region, cloud.add_key(region))
    options = {"launch_users": [USER], "copies": [{"region": THERE}]}
    plan(build, "succeed", **options)
    build.launch()
    assert build.image(**options)["published"] is True
    build.image(state="absent", **options)
    assert build.tear_down() == []


def test_the_accounts_default_and_data_disks(cloud, build):
    cloud.encrypt_by_default(HOME, cloud.add_key(HOME))
    told = plan(build, data_disks=[{"size": 20}])
    assert told.startswith(
        f"launch_users: the image in {HOME} is encrypted (by the account's default) and has data disks"
    )
    plan(build, "succeed", data_disks=[{"size": 20}], system_disk_only=True)


def test_a_source_that_the_service_key_encrypts(cloud, build, source):
    image = source(encrypted=True)
    build.before = cloud.snapshot()
    told = f"launch_users: the image in {HOME} is encrypted (as the source is) {BY_SERVICE_KEY}"
    assert plan(build, source=image) == told
    copy = {"region": THERE}
    assert "the image in cn-beijing is encrypted (as the source is)" in plan(
        build, source=image, copies=[copy], keep_in_build_region=False
    )
    plan(build, "succeed", source=image, kms_key_id=cloud.add_key(HOME))
    plan(build, "succeed", source=image, launch_users=[])


def test_a_source_that_a_key_of_ones_own_encrypts_can_be_shared(cloud, build, source):
    image = source(kms_key_id=cloud.add_key(HOME))
    build.before = cloud.snapshot()
    plan(build, "succeed", source=image)
    build.launch(source=image)
    assert build.image(launch_users=[USER])["published"] is True
    build.image(state="absent")
    assert build.tear_down() == []


def test_a_source_that_is_encrypted_and_has_data_disks(cloud, build, source):
    image = source(kms_key_id=cloud.add_key(HOME), data_disks=[{"size": 20}])
    told = (
        f"launch_users: the image in {HOME} is encrypted (as the source is) and has data disks, and such a one cannot"
    )
    assert plan(build, source=image).startswith(told)
    plan(build, "succeed", source=image, system_disk_only=True)


def test_a_source_with_data_disks_and_no_encryption_can_be_shared(build, source):
    plan(build, "succeed", source=source(data_disks=[{"size": 20}]))


def test_a_region_that_knows_no_default_has_none(cloud, build):
    cloud.fault("error", action="DescribeDiskEncryptionByDefaultStatus", code="InvalidAction.NotFound", status=404)
    plan(build, "succeed")


def test_who_may_not_ask_is_told_before_anything_is_made(cloud, build):
    cloud.fault("error", action="DescribeDiskEncryptionByDefaultStatus", code="Forbidden.RAM", status=403)
    assert "credentials that allow DescribeDiskEncryptionByDefaultStatus" in plan(build)


def test_without_a_share_nothing_is_asked(cloud, build):
    first = len(cloud.calls)
    plan(build, "succeed", launch_users=[])
    assert not [call for call in list(cloud.calls)[first:] if "Default" in call.action or call.action == "DescribeKey"]
