# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of single services: the modules call them, and whoever undoes the build knows them too."""

from __future__ import annotations

import pytest

from support.alicloud_build import HOME


@pytest.fixture
def endpoints(cloud):
    """An endpoint for each service that is called, and none for all."""
    return {"endpoint_url": None, "endpoint_urls": {"ecs": cloud.endpoint_url, "vpc": cloud.endpoint_url}}


def test_a_build_is_made_and_undone_by_them(build, endpoints):
    build.launch(**endpoints, eip=True)
    made = build.image(**endpoints, copies=[{"region": "cn-beijing"}])
    assert [image["region"] for image in made["images"]] == [HOME, "cn-beijing"]
    # Told by the ledger alone.
    assert build.tear_down() == ["image", "image", "snapshot", "snapshot"]
    build.image(**endpoints, copies=[{"region": "cn-beijing"}], state="absent")
    assert build.left() == []


def test_what_has_expired_is_found_by_them(build, endpoints):
    build.host.open_expired("alicloud", build.id)
    build.launch(**endpoints)
    search = {"alicloud_regions": [HOME], "alicloud_endpoint_urls": endpoints["endpoint_urls"]}
    done = build.host.succeed("reap", **search)
    assert [item["build"] for item in done["builds"]] == [build.id]
    assert build.left() == []


def test_one_service_alone(cloud, build):
    """A service that is named goes there although all others go elsewhere, where nobody is."""
    nobody = {"endpoint_url": "https://127.0.0.1:1", "endpoint_urls": {"ecs": cloud.endpoint_url}}
    message = build.launch("fail", **nobody, check_mode=True, max_attempts=1)
    assert message.startswith("create a VPC: no answer: ")


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        ({"oss": "https://x"}, "endpoint_urls: oss: https://x: a service of ecs, vpc, kms, sts"),
        ({"vpc": "http://x"}, "endpoint_urls: vpc: http://x: https:// and a host, as https://ecs.example.com:8443"),
    ],
)
@pytest.mark.parametrize("run", ["launch", "image"])
def test_a_bad_endpoint_is_one_clear_error(cloud, build, urls, message, run):
    first = len(cloud.calls)
    assert getattr(build, run)("fail", endpoint_urls=urls) == message
    assert len(cloud.calls) == first
