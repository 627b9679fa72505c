# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.aws import network
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

SUBNETS = [
    {"SubnetId": f"subnet-{number}", "VpcId": "vpc-1", "AvailabilityZone": zone, "AvailableIpAddressCount": free}
    for number, (zone, free) in enumerate([("a", 3), ("b", 9), ("c", 99), ("a", 5)])
]
OPTIONS = {"subnet_ids": [], "subnet_filters": {}, "vpc_id": "vpc-1", "vpc_filters": {}, "availability_zones": []}
OPTIONS |= {"instance_types": ["t3.small"], "subnet_order": "most-free"}


class Answers:
    """Says what the API would: every zone but c offers the type."""

    def pages(self, _what, operation, _key, **_arguments):
        offers = [{"Location": "a"}, {"Location": "b"}]
        return {"describe_subnets": list(SUBNETS), "describe_instance_type_offerings": offers}[operation]


def found(**options):
    return [subnet["SubnetId"] for subnet in network.find_subnets(Answers(), {**OPTIONS, **options})]


def test_the_subnet_with_the_most_free_addresses_comes_first_where_the_type_is_offered():
    assert found() == ["subnet-1", "subnet-3", "subnet-0"]


def test_subnets_in_random_order(monkeypatch):
    monkeypatch.setattr(random, "shuffle", lambda items: items.reverse())
    assert found(subnet_order="random") == ["subnet-3", "subnet-1", "subnet-0"]


def test_a_subnet_without_ipv4_is_left_out(monkeypatch):
    monkeypatch.setitem(SUBNETS[1], "Ipv6Native", True)
    assert found() == ["subnet-3", "subnet-0"]


def test_where_there_is_ipv6_only_it_is_told(monkeypatch):
    for subnet in SUBNETS:
        monkeypatch.setitem(subnet, "Ipv6Native", True)
    with pytest.raises(HallmarkError, match=r"subnet_ids: .*subnet-1.*: for IPv6 only: a subnet that has IPv4"):
        found()
