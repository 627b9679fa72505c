# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks, disks and times of a launch, as far as no account is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import launching, network, readiness, tags
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import transport_reason
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError


@pytest.mark.parametrize(
    ("cidr", "count", "parts"),
    [
        ("172.16.0.0/16", 2, ["172.16.0.0/24", "172.16.1.0/24"]),
        ("10.0.0.0/8", 1, ["10.0.0.0/24"]),
        ("192.168.1.0/24", 2, ["192.168.1.0/25", "192.168.1.128/25"]),
        ("192.168.1.0/24", 1, ["192.168.1.0/24"]),
        ("192.168.1.16/28", 2, ["192.168.1.16/29", "192.168.1.24/29"]),
        ("192.168.1.16/28", 1, ["192.168.1.16/28"]),
    ],
)
def test_a_network_is_divided_among_zones(cidr, count, parts):
    assert network.split(cidr, count) == parts


def test_a_network_that_is_too_small_for_its_zones():
    with pytest.raises(HallmarkError, match=r"^vpc_cidr: 192\.168\.1\.16/28: no room for 3 vSwitches"):
        network.split("192.168.1.16/28", 3)


@pytest.mark.parametrize(
    ("expires", "released"),
    [
        ("2026-11-28T15:00:00+00:00", "2026-11-28T15:00:00Z"),
        ("2026-11-28T15:00:01+00:00", "2026-11-28T15:01:00Z"),
        ("2026-11-28T16:00:00+01:00", "2026-11-28T15:00:00Z"),
        ("2026-11-28T12:05:00+00:00", "2026-11-28T12:31:00Z"),  # the API takes nothing sooner
    ],
)
def test_the_release_time(expires, released):
    assert launching.release_time(expires, datetime(2026, 11, 28, 12, 0, tzinfo=UTC)) == released


def test_addresses_whatever_the_order_and_whatever_is_missing():
    elastic = {"EipAddress": {"IpAddress": "203.0.113.1"}, "PublicIpAddress": {"IpAddress": []}}
    assert readiness.addresses(elastic) == {"public": "203.0.113.1", "private": ""}
    direct = {
        "PublicIpAddress": {"IpAddress": ["203.0.113.2"]},
        "EipAddress": {"IpAddress": ""},
        "VpcAttributes": {"PrivateIpAddress": {"IpAddress": ["10.0.0.2"]}},
    }
    assert readiness.addresses(direct) == {"public": "203.0.113.2", "private": "10.0.0.2"}
    assert readiness.addresses({}) == {"public": "", "private": ""}


def test_tags_are_read_as_ecs_and_as_vpc_spell_them():
    assert tags.as_dict({"Tags": {"Tag": [{"TagKey": "a", "TagValue": "1"}]}}) == {"a": "1"}
    assert tags.as_dict({"Tags": {"Tag": [{"Key": "a", "Value": "1"}]}}) == {"a": "1"}
    assert tags.as_dict({}) == {}


@pytest.mark.parametrize("name", ["hallmark:x", "aliyunx", "ACS:x", "", "x" * 129, "http://x"])
def test_tags_that_cannot_be(name):
    with pytest.raises(HallmarkError, match=r"^tags: "):
        tags.check_tags("tags", {name: "x"})


def test_what_went_wrong_on_the_way_is_told_without_the_request():
    text = (
        "HTTPSConnectionPool(host='h', port=1): Max retries exceeded with url: /?AccessKeyId=SECRET&Signature=x "
        "(Caused by NewConnectionError('<urllib3.Connection object at 0x7f>: Connection refused'))"
    )
    assert transport_reason(text) == "NewConnectionError('Connection refused')"
    assert transport_reason("read timed out: /?AccessKeyId=SECRET") == "read timed out: /…"
