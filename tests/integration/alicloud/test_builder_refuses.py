# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What alicloud_builder refuses, in one line and before anything is made, and that it keeps no keys."""

from __future__ import annotations

import pytest

from support.alicloud_build import HOME

BAD = [
    ({"source": {}}, "source: missing: id, family, or name and owner"),
    ({"source": {"id": "m-nothing0000"}}, f"source: no image in {HOME} matches id m-nothing0000"),
    ({"source": {"name": "x"}}, "source: owner: missing: system, self, others, marketplace or an account id"),
    ({"source": {"name": "x", "owner": "me"}}, "source: owner: 'me': "),
    ({"source": {"id": "m-1234", "family": "x"}}, "source: id and family: only one of them"),
    ({"source": {"name": "x", "owner": "self", "filters": {"Colour": "red"}}}, "source: filters: Colour: one of"),
    ({"region": "cn-nowhere1", "endpoint_url": "https://127.0.0.1:1/path"}, "endpoint_url: https://127.0.0.1:1/path"),
    ({"region": "CN_1"}, "region: 'CN_1': a region's id"),
    ({"endpoint_url": "http://127.0.0.1:1"}, "endpoint_url: http://127.0.0.1:1: https:// and a host"),
    ({"instance_types": ["t3.small"]}, "instance_types: 't3.small': an instance type, as ecs.c6.large"),
    ({"instance_types": []}, "instance_types: empty"),
    ({"instance_types": ["ecs.c99.large"]}, "instance_types: ecs.c99.large"),
    ({"instance_types": ["ecs.c8y.large"]}, "instance_types: ecs.c8y.large runs arm64: a type for x86_64"),
    ({"availability_zones": [f"{HOME}-z"]}, f"not offered in {HOME}-z: another type or zone"),
    ({"vpc_id": "vpc-nothing"}, "vpc_id: vpc-nothing has no vSwitch"),
    ({"vpc_id": "vpc-nothing", "vswitch_cidr": "10.0.0.0/24"}, "vpc_id: vpc-nothing: not found in"),
    ({"vswitch_ids": ["vsw-nothing"]}, "vswitch_ids: vsw-nothing: not found in"),
    ({"vswitch_ids": ["vsw-1"], "vpc_id": "vpc-1"}, "vpc_id: with vswitch_ids: only one of them"),
    ({"vswitch_cidr": "10.0.0.0/24"}, "vswitch_cidr: without vpc_id"),
    ({"vpc_cidr": "10.0.0.1/8"}, "vpc_cidr: '10.0.0.1/8': a network, as 172.16.0.0/16"),
    ({"vpc_cidr": "10.0.0.0/29"}, "vpc_cidr: 10.0.0.0/29: a prefix of 8 to 28"),
    ({"vpc_cidr": "169.254.0.0/24"}, "vpc_cidr: 169.254.0.0/24: a network"),
    ({"security_group_ids": ["sg-1"]}, "security_group_ids: with a temporary VPC"),
    ({"eip": True, "eip_id": "eip-1"}, "eip: with eip_id: only one of them"),
    ({"eip_id": "eip-nothing"}, "eip_id: eip-nothing: not found in"),
    ({"assign_public_ip": False}, "connect_by: public with assign_public_ip false"),
    ({"internet_max_bandwidth_out": 0}, "internet_max_bandwidth_out: 0: MBit/s from 1 to 200"),
    ({"source_cidrs": ["here"]}, "source_cidrs: 'here'"),
    ({"spot_max_price": "much"}, "spot_max_price: 'much': a price for an hour"),
    ({"root_disk": {"size": 5}}, "root_disk: size: 5: a number of GiB from 20 to"),
    ({"root_disk": {"category": "cloud_ssd", "performance_level": "PL1"}}, "root_disk: performance_level: PL1 with"),
    ({"data_disks": [{"device_name": "/dev/xvdb"}]}, "data_disks: /dev/xvdb: size: missing"),
    ({"data_disks": [{"size": 10, "performance_level": "PL2"}]}, "data_disks: 1: size: 10: a number of GiB from 461"),
    ({"kms_key_id": "k", "encrypted": False}, "kms_key_id: k with encrypted false"),
    ({"tags": {"hallmark:build": "x"}}, "tags: 'hallmark:build'"),
    ({"tags": {"aliyun": "x"}}, "tags: 'aliyun'"),
    ({"user_data": "hello"}, "user_data: of no kind that cloud-init knows"),
    ({"user_data_file": "/nowhere/file"}, "user_data_file: /nowhere/file: No such file"),
    ({"communicator": "winrm"}, "communicator: winrm: "),
    ({"ssh_port": 0}, "ssh_port: 0"),
    ({"name": "Builder"}, "name: 'Builder'"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[message for dummy, message in BAD])
def test_bad_input_is_told_before_anything_is_made(build, options, message):
    assert message in build.refused(**options)


def test_keys_given_as_options_are_nowhere_in_the_ledger(cloud, build, state, root):
    access, secret = cloud.add_user()
    build.launch(access_key=access, secret_key=secret)
    text = (state / "hallmark" / build.id / "ledger.jsonl").read_text()
    assert secret not in text
    assert access not in text
    assert build.tear_down() == []


def test_a_wrong_secret_is_one_line(build):
    access, dummy = build.cloud.add_user()
    message = build.launch("fail", access_key=access, secret_key="wrong")
    assert message.startswith("source image: ")
    assert "access_key, secret_key and security_token that belong together" in message
    assert "\n" not in message
