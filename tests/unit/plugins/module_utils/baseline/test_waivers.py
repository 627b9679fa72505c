# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.controls import BaselineError
from ansible_collections.hallmark.images.plugins.module_utils.baseline.waivers import read_waivers

GOOD = {"control": "sysctl-07", "reason": "a router", "owner": "net@example.com", "expires": "2027-01-31"}


@pytest.mark.parametrize("expires", ["2027-01-31", datetime.date(2027, 1, 31)])
def test_a_waiver_counts_through_its_last_day(expires: Any) -> None:
    waiver = read_waivers([{**GOOD, "expires": expires}])["sysctl-07"]
    assert not waiver.expired(datetime.date(2027, 1, 31))
    assert waiver.expired(datetime.date(2027, 2, 1))
    assert waiver.as_dict() == {"reason": "a router", "owner": "net@example.com", "expires": "2027-01-31"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control": None}, r"waivers\[1\]\.control: missing"),
        ({"reason": "  "}, r"waivers\[1\]\.reason: missing"),
        ({"owner": ""}, r"waivers\[1\]\.owner: missing"),
        ({"expires": None}, r"waivers\[1\]\.expires: missing"),
        ({"expires": "31.01.2027"}, r"waivers\[1\]\.expires: '31.01.2027' is not a date"),
        ({"expires": "2027-02-30"}, r"'2027-02-30' is not a date"),
        ({"expires": "20270131"}, r"'20270131' is not a date"),
        ({"expires": 20270131}, r"'20270131' is not a date"),
        ({"expires": datetime.datetime(2027, 1, 31, 12)}, r"is not a date"),
        ({"reason": ["a"]}, r"waivers\[1\]\.reason: \['a'\] is not a text"),
        ({"until": "2027"}, r"waivers\[1\]\.until: unknown key; a waiver has control, reason, owner, expires"),
        ({"control": "sysctl-01"}, r"waivers\[1\]\.control: 'sysctl-01' has a waiver already"),
    ],
)
def test_a_wrong_waiver_is_one_line_naming_key_and_value(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BaselineError, match=message) as error:
        read_waivers([{**GOOD, "control": "sysctl-01"}, {**GOOD, **change}])
    assert "\n" not in str(error.value)
