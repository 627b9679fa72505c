# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which endpoint each service is called at: what the clients of boto3 say themselves."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.aws import connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

HERE, THERE = "eu-central-1", "eu-west-1"
VPC = "https://vpce-0123.ec2.eu-central-1.vpce.amazonaws.com"
LOCAL = "http://127.0.0.1:4566"
EC2 = {"ec2": VPC}


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Of nobody: keys, and no endpoints."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_STS", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


def endpoints(options, *services, region=HERE):
    found = Connection({"region": HERE, **options}).elsewhere(region)
    return [found.client(service).meta.endpoint_url for service in services]


def test_a_service_that_is_named_goes_its_own_way_and_no_other_does():
    assert endpoints({"endpoint_urls": EC2}, "ec2", "sts", "kms") == [
        VPC,
        f"https://sts.{HERE}.amazonaws.com",
        f"https://kms.{HERE}.amazonaws.com",
    ]
    quotas = {"service_quotas": VPC}
    assert endpoints({"endpoint_urls": quotas}, "service-quotas") == [VPC]


def test_every_service_that_is_called_can_be_named():
    options = connection.ARGUMENT_SPEC["endpoint_urls"]["options"]
    named = {name: f"https://{number}.example.com" for number, name in enumerate(options)}
    assert endpoints({"endpoint_urls": named}, *connection.SERVICES) == list(named.values())


def test_what_is_named_goes_before_one_for_all_and_that_before_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://all.example.com")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://sts.example.com")
    services = ("ec2", "sts", "kms")
    assert endpoints({"endpoint_urls": EC2, "endpoint_url": LOCAL}, *services) == [VPC, LOCAL, LOCAL]
    assert endpoints({"endpoint_urls": EC2}, *services) == [VPC, "https://sts.example.com", "https://all.example.com"]
    assert endpoints({}, *services)[0] == "https://all.example.com"


def test_other_regions_have_other_endpoints():
    assert endpoints({"endpoint_urls": EC2}, "ec2", region=THERE) == [f"https://ec2.{THERE}.amazonaws.com"]
    assert endpoints({"endpoint_urls": EC2, "endpoint_url": LOCAL}, "ec2", region=THERE) == [LOCAL]


def test_the_ledger_holds_what_is_named_and_nothing_else():
    named = dict.fromkeys(connection.ARGUMENT_SPEC["endpoint_urls"]["options"]) | EC2
    found = Connection({"region": HERE, "endpoint_urls": named})
    assert found.in_ledger() == {"region": HERE, "endpoint_urls": EC2}
    assert found.elsewhere(THERE).in_ledger() == {"region": THERE}
    assert Connection(found.in_ledger()).client().meta.endpoint_url == VPC


@pytest.mark.parametrize("url", ["ec2.example.com", "ftp://ec2.example.com", "https://", "http:// x"])
def test_what_is_no_url_is_told(url):
    right = ": a URL that begins with https:// or http://"
    with pytest.raises(HallmarkError) as caught:
        Connection({"region": HERE, "endpoint_urls": {"sts": url}})
    assert str(caught.value) == f"endpoint_urls: sts: {url!r}{right}"
    with pytest.raises(HallmarkError) as caught:
        Connection({"region": HERE, "endpoint_url": url})
    assert str(caught.value) == f"endpoint_url: {url!r}{right}"
