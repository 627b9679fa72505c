# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.aws import network
from ansible_collections.hallmark.images.plugins.module_utils.aws.launching import Given, requests
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

SUBNETS = [
    {"SubnetId": f"subnet-{number}", "VpcId": "vpc-1", "AvailabilityZone": zone, "AvailableIpAddressCount": free}
    for number, (zone, free) in enumerate([("a", 3), ("b", 9), ("c", 99), ("a", 5)])
]
OPTIONS = {"subnet_ids": [], "subnet_filters": {}, "vpc_id": "vpc-1", "vpc_filters": {}, "availability_zones": []}
OPTIONS |= {"instance_types": ["t3.small"], "subnet_order": "most-free"}


class Answers:
    """Says what the API would: every zone but c offers the type, and only b the large one."""

    def pages(self, _what, operation, _key, **_arguments):
        offers = [{"Location": zone, "InstanceType": "t3.small"} for zone in "ab"]
        offers.append({"Location": "b", "InstanceType": "m7i.large"})
        return {"describe_subnets": list(SUBNETS), "describe_instance_type_offerings": offers}[operation]


def found(**options):
    return [subnet["SubnetId"] for subnet in network.find_subnets(Answers(), {**OPTIONS, **options})]


def test_the_subnet_with_the_most_free_addresses_comes_first_where_the_type_is_offered():
    assert found() == ["subnet-1", "subnet-3", "subnet-0"]


def test_no_type_is_tried_in_a_zone_that_does_not_offer_it():
    subnets = network.find_subnets(Answers(), OPTIONS)
    given = Given({"ImageId": "ami-1"}, subnets, ["sg-1"], "key", b"", None)
    params = dict.fromkeys(
        ["spot_max_price", "ebs_optimized", "assign_public_ip", "imds_tags", "encrypted", "kms_key_id"]
    )
    params |= {"market": "on-demand", "instance_types": ["m7i.large", "t3.small"], "connect_by": "private"}
    params |= {"imds_tokens": "required", "imds_hop_limit": 1, "root_disk": None, "data_disks": [], "no_devices": []}
    tried = [
        (request["InstanceType"], request["NetworkInterfaces"][0]["SubnetId"]) for request in requests(params, given)
    ]
    assert tried == [("m7i.large", "subnet-1"), *(("t3.small", f"subnet-{number}") for number in (1, 3, 0))]


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
