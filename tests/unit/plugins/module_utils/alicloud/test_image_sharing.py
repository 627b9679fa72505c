# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told before anything costs money, and which accounts an image is opened to."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import copying, sharing
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

NOTHING = {
    "name": "web",
    "description": "",
    "region": "cn-hangzhou",
    "copies": [],
    "encrypted": None,
    "kms_key_id": None,
    "data_disks": [],
    "system_disk_only": False,
    "launch_users": [],
    "unshare_users": [],
}
COPY = {"region": "cn-beijing", "name": None, "encrypted": False, "kms_key_id": None}
USER, OTHER = "1234567890123456", "6543210987654321"


class Account:
    """An image and who may use it."""

    def __init__(self, *users):
        self.users = set(users)
        self.calls = []

    def pages(self, what, action, key, **parameters):
        assert (action, key) == ("DescribeImageSharePermission", ("Accounts", "Account"))
        return [{"AliyunId": user} for user in sorted(self.users)]

    def call(self, what, action, **parameters):
        self.calls.append({"Action": action, **parameters})
        assert action == "ModifyImageSharePermission"
        assert len(parameters.get("AddAccount", [])) <= 10
        assert len(parameters.get("RemoveAccount", [])) <= 10
        self.users |= set(parameters.get("AddAccount", []))
        self.users -= set(parameters.get("RemoveAccount", []))
        return {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"launch_users": ["me"]}, "^launch_users: 'me': the id of an account"),
        ({"unshare_users": ["0123"]}, "^unshare_users: '0123'"),
        ({"launch_users": [str(10**15 + number) for number in range(51)]}, "^launch_users: 51 accounts: at most 50"),
        ({"launch_users": [USER], "unshare_users": [USER]}, f"^unshare_users: {USER} is among launch_users too"),
        ({"launch_users": [USER], "encrypted": True}, "the image in cn-hangzhou is encrypted with the service key"),
        ({"launch_users": [USER], "kms_key_id": "alias/acs/ecs"}, "cn-hangzhou is encrypted with the service key"),
        ({"launch_users": [USER], "copies": [{**COPY, "encrypted": True}]}, "in cn-beijing is encrypted"),
        ({"launch_users": [USER], "kms_key_id": "k", "copies": [COPY]}, "in cn-beijing is encrypted"),
        ({"launch_users": [USER], "kms_key_id": "k", "data_disks": [{"size": 20}]}, "encrypted and has data disks"),
        ({"launch_users": [USER], "data_disks": [{"encrypted": True}]}, "encrypted and has data disks"),
        ({"launch_users": [USER], "data_disks": [{"size": 20}, {"kms_key_id": "k"}]}, "encrypted and has data disks"),
    ],
)
def test_shares_that_cannot_work_are_refused(changes, message):
    with pytest.raises(HallmarkError, match=message):
        sharing.check({**NOTHING, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"launch_users": [USER], "copies": [COPY]},
        {"launch_users": [USER], "kms_key_id": "k", "copies": [{**COPY, "kms_key_id": "other"}]},
        {"launch_users": [USER], "kms_key_id": "k", "data_disks": [{"size": 20}], "system_disk_only": True},
        {"launch_users": [USER], "data_disks": [{"size": 20}]},
        {"encrypted": True, "unshare_users": [USER], "copies": [COPY]},
    ],
)
def test_shares_that_work_are_let_through(changes):
    sharing.check({**NOTHING, **changes})


def test_only_what_differs_is_changed():
    account = Account(OTHER)
    params = {**NOTHING, "launch_users": [USER], "unshare_users": [OTHER]}
    assert sharing.changes(account, "m-1", params) == ([USER], [OTHER])
    sharing.share(account, "m-1", params)
    assert account.users == {USER}
    done = len(account.calls)
    sharing.share(account, "m-1", params)
    assert len(account.calls) == done


def test_accounts_that_nobody_speaks_of_keep_their_share():
    account = Account(OTHER)
    sharing.share(account, "m-1", {**NOTHING, "launch_users": [USER]})
    assert account.users == {USER, OTHER}


def test_a_call_takes_ten_accounts():
    account = Account()
    users = [str(10**15 + number) for number in range(23)]
    sharing.share(account, "m-1", {**NOTHING, "launch_users": users})
    assert account.users == set(users)
    assert len(account.calls) == 3
    sharing.close(account, "m-1")
    assert account.users == set()


@pytest.mark.parametrize("name", ["web-1.2:x_y", "ab", "a" * 128])
def test_names(name):
    copying.check({**NOTHING, "name": name})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "1web"}, "^name: '1web': 2 to 128 of letters"),
        ({"name": "a"}, "^name: 'a'"),
        ({"name": "aliyun-web"}, "^name: 'aliyun-web'"),
        ({"name": "acs:web"}, "^name: 'acs:web'"),
        ({"name": "web 1"}, "^name: 'web 1'"),
        ({"description": "x"}, "^description: 'x': 2 to 256"),
        ({"description": "https://example.com"}, "^description: "),
        ({"copies": [{**COPY, "region": "mars"}]}, "^copies: region: 'mars'"),
        ({"copies": [{**COPY, "name": "-"}]}, "^copies: name: '-'"),
    ],
)
def test_what_the_api_would_refuse_after_hours_is_told_at_once(changes, message):
    with pytest.raises(HallmarkError, match=message):
        copying.check({**NOTHING, **changes})
