# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of single services in a whole build, where nothing answers at the endpoint of all others."""

from __future__ import annotations

import pytest

from support.emulated_build import HOME

NOBODY = "http://127.0.0.1:9"
ROLE = {"arn": "arn:aws:iam::123456789012:role/images"}


def test_a_build_keeps_to_the_endpoints_of_its_services(aws, emulated_build):
    """The ledger has them, too: what undoes the build is told nothing but its id."""
    account = {"endpoint_url": NOBODY, "endpoint_urls": {"ec2": aws.endpoint_url, "sts": aws.endpoint_url}}
    account |= {"assume_role": ROLE, "max_attempts": 1}
    emulated_build.launch(**account)
    assert emulated_build.image(**account)["published"]
    assert emulated_build.image(state="absent", **account)["changed"]
    assert emulated_build.tear_down() == []
    assert f'"{NOBODY}/"' in emulated_build.launch(
        "fail", **account, build_id=None, source={"ssm_parameter": "/aws/service/debian/release/12/latest/amd64"}
    )


def test_copies_go_to_the_endpoints_of_their_regions(aws, emulated_build):
    """Here that of the environment; the build's own would not know them."""
    emulated_build.launch()
    copies = {"copies": [{"region": "eu-west-1"}], "max_attempts": 1}
    elsewhere = {"endpoint_url": NOBODY, "endpoint_urls": {"ec2": aws.endpoint_url}}
    assert f'"{NOBODY}/"' in emulated_build.image("fail", **copies, **elsewhere)
    named = {"endpoint_urls": {"ec2": aws.endpoint_url}}
    assert [image["region"] for image in emulated_build.image(**copies, **named)["images"]] == [HOME, "eu-west-1"]
    emulated_build.image(state="absent", **copies, **named)
    assert emulated_build.tear_down() == []


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        (
            {"s3": "https://s3.example.com"},
            "endpoint_urls.s3. Supported parameters include: ec2, iam, kms, service_quotas",
        ),
        ({"ec2": "ec2.example.com"}, "endpoint_urls: ec2: 'ec2.example.com': a URL that begins with https://"),
    ],
)
def test_bad_names_and_urls_are_told(emulated_build, urls, message):
    assert message in emulated_build.launch("fail", endpoint_urls=urls)
    assert message in emulated_build.image("fail", endpoint_urls=urls)
