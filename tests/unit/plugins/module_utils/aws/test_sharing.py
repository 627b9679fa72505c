# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.aws import share_plan, sharing, tags
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

NOW = datetime(2026, 11, 24, 18, 0, 30, tzinfo=UTC)
NOTHING = {name: [] if option["type"] == "list" else None for name, option in sharing.ARGUMENT_SPEC.items()}
UNIT = "arn:aws:organizations::123456789012:ou/o-0123456789/ou-ab12-01234567"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("+90d", "2027-02-22T18:00:00+00:00"),
        ("+2w", "2026-12-08T18:00:00+00:00"),
        ("+1y", "2027-11-24T18:00:00+00:00"),
        ("2027-12-31T12:34:56Z", "2027-12-31T12:34:00+00:00"),
        ("2027-12-31", "2027-12-31T00:00:00+00:00"),
    ],
)
def test_moments(text, moment):
    assert sharing.moment(text, NOW).isoformat() == moment


@pytest.mark.parametrize("text", ["90d", "+90", "soon", "2020-01-01", "+11y", "+0d"])
def test_what_is_no_moment_is_told(text):
    with pytest.raises(HallmarkError, match=r"deprecate_at: "):
        sharing.moment(text, NOW)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"launch_users": ["12345"]}, r"launch_users: '12345': an account id of 12 digits"),
        ({"snapshot_users": ["me"]}, r"snapshot_users: 'me'"),
        ({"launch_organizations": ["o-1"]}, r"launch_organizations: 'o-1': the ARN of an organization"),
        ({"launch_organizational_units": ["arn:aws:x"]}, r"launch_organizational_units: 'arn:aws:x'"),
    ],
)
def test_whom_one_cannot_share_with(changes, message):
    with pytest.raises(HallmarkError, match=message):
        sharing.check({**NOTHING, **changes}, NOW)


def test_whom_one_can_share_with():
    sharing.check({**NOTHING, "launch_users": ["123456789012"], "launch_organizational_units": [UNIT]}, NOW)


@pytest.mark.parametrize("key", [None, "alias/aws/ebs", "arn:aws:kms:eu-central-1:1:alias/aws/ebs"])
def test_a_share_under_amazons_key_is_refused(key):
    with pytest.raises(HallmarkError, match=r"launch_users: the image in x is encrypted with Amazon's own key"):
        share_plan.check_key({**NOTHING, "launch_users": ["123456789012"]}, "in x", True, key)


def test_an_encrypted_image_cannot_be_public():
    with pytest.raises(HallmarkError, match=r"launch_groups: all, and the image in x is encrypted"):
        share_plan.check_key({**NOTHING, "launch_groups": ["all"]}, "in x", True, "alias/mine")


def test_shares_that_work_are_let_through():
    share_plan.check_key({**NOTHING, "launch_users": ["123456789012"]}, "in x", True, "alias/mine")
    share_plan.check_key({**NOTHING, "launch_groups": ["all"]}, "in x", False, None)
    share_plan.check_key(NOTHING, "in x", True, None)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"hallmark:build": "x"}, r"tags: 'hallmark:build': a name of"),
        ({"aws:x": "x"}, r"tags: 'aws:x'"),
        ({"": "x"}, r"tags: ''"),
        ({"a": "x" * 257}, r"tags: a: 257 characters: at most 256"),
        ({str(number): "" for number in range(45)}, r"tags: 45 tags: at most 44"),
    ],
)
def test_tags_that_aws_would_refuse(labels, message):
    with pytest.raises(HallmarkError, match=message):
        tags.check_tags("tags", labels)


def test_own_tags_never_replace_those_of_the_build():
    labels = tags.build_tags("b", "", "e", {"team": "x"})
    assert labels == {"team": "x", "hallmark:build": "b", "hallmark:definition": "-", "hallmark:expires": "e"}
