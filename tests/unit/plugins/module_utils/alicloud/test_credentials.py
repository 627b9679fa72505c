# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the keys of Alibaba Cloud come from."""

from __future__ import annotations

import json

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import credentials
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.credentials import Credentials, Keys
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

ROLE = "acs:ram::1234567890123456:role/builder"
PROFILES = {
    "current": "work",
    "profiles": [
        {"name": "work", "mode": "AK", "access_key_id": "w1", "access_key_secret": "w2", "region_id": "eu-central-1"},
        {"name": "short", "mode": "StsToken", "access_key_id": "s1", "access_key_secret": "s2", "sts_token": "s3"},
        {
            "name": "role",
            "mode": "RamRoleArn",
            "access_key_id": "r1",
            "access_key_secret": "r2",
            "ram_role_arn": ROLE,
            "ram_session_name": "me",
            "expired_seconds": 900,
        },
        {"name": "instance", "mode": "EcsRamRole", "ram_role_name": "reader"},
        {"name": "person", "mode": "CloudSSO"},
        {"name": "half", "mode": "AK", "access_key_id": "h1"},
    ],
}


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """No keys in the environment, and a home of its own; sets what is asked for."""
    for names in credentials.ENVIRONMENT.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(credentials.PACKERS_TOKEN, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return lambda **values: [monkeypatch.setenv(name, value) for name, value in values.items()]


@pytest.fixture
def profiles(tmp_path):
    """The aliyun CLI's file, where it is looked for."""
    (tmp_path / ".aliyun").mkdir()
    path = tmp_path / ".aliyun/config.json"
    path.write_text(json.dumps(PROFILES))
    return path


def refuse(keys, parameters):
    raise AssertionError("no role is to be assumed")


def found(ask=refuse, **options):
    return Credentials(options, ask).keys()


def test_options_come_before_the_environment_and_are_never_mixed_with_it(environment):
    environment(ALICLOUD_ACCESS_KEY="e1", ALICLOUD_SECRET_KEY="e2", ALICLOUD_SECURITY_TOKEN="e3")
    assert found() == Keys("e1", "e2", "e3")
    assert found(access_key="o1", secret_key="o2") == Keys("o1", "o2", "")
    with pytest.raises(HallmarkError, match=r"^secret_key: missing, with access_key"):
        found(access_key="o1")


@pytest.mark.parametrize(
    "names",
    [
        ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN"),
        ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "SECURITY_TOKEN"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    ],
)
def test_both_families_of_variables(environment, names):
    environment(**dict(zip(names, ("a", "b", "c"), strict=True)))
    assert found() == Keys("a", "b", "c")


@pytest.mark.parametrize(
    ("variables", "token"),
    [
        ({"ALICLOUD_ACCESS_KEY": "a", "ALICLOUD_SECRET_KEY": "b", "ALICLOUD_SECURITY_TOKEN": "own"}, "own"),
        ({"ALICLOUD_ACCESS_KEY": "a", "ALICLOUD_SECRET_KEY": "b", "ALIBABA_CLOUD_SECURITY_TOKEN": "x"}, "packer's"),
        ({"ALIBABA_CLOUD_ACCESS_KEY_ID": "a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "b"}, ""),
        ({"ALICLOUD_ACCESS_KEY": "a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "b"}, ""),
    ],
    ids=["own name first", "same family first", "other family", "of each family"],
)
def test_packers_name_of_the_token_counts_with_packers_names_of_the_keys_alone(environment, variables, token):
    environment(SECURITY_TOKEN="packer's", **variables)
    assert found() == Keys("a", "b", token)


def test_packers_name_of_the_token_is_nothing_to_keys_from_elsewhere(profiles, environment):
    environment(SECURITY_TOKEN="packer's")
    assert found() == Keys("w1", "w2")
    assert found(access_key="o1", secret_key="o2") == Keys("o1", "o2")


def test_nothing_is_one_clear_error():
    with pytest.raises(HallmarkError, match=r"^no credentials for Alibaba Cloud: access_key and secret_key, "):
        found()


def test_the_current_profile_is_the_last_resort(profiles, environment):
    assert found() == Keys("w1", "w2")
    assert Credentials({}, refuse).region() == "eu-central-1"
    environment(ALIBABA_CLOUD_ACCESS_KEY_ID="e1", ALIBABA_CLOUD_ACCESS_KEY_SECRET="e2")
    assert found() == Keys("e1", "e2")
    assert Credentials({}, refuse).region() == ""
    environment(ALIBABA_CLOUD_REGION_ID="cn-beijing")
    assert Credentials({}, refuse).region() == "cn-beijing"
    assert Credentials({"region": "us-east-1"}, refuse).region() == "us-east-1"


def test_a_profile_that_is_asked_for_comes_before_keys_in_the_environment(profiles, environment):
    environment(ALICLOUD_ACCESS_KEY="e1", ALICLOUD_SECRET_KEY="e2")
    assert found(profile="short") == Keys("s1", "s2", "s3")


def test_a_profile_by_the_environment_from_another_file(environment, tmp_path):
    path = tmp_path / "elsewhere.json"
    path.write_text(json.dumps(PROFILES))
    environment(ALICLOUD_PROFILE="short", ALICLOUD_SHARED_CREDENTIALS_FILE=str(path))
    assert found() == Keys("s1", "s2", "s3")


def test_a_profile_that_assumes_a_role(profiles):
    asked = []

    def ask(keys, parameters):
        asked.append((keys, parameters))
        return answer("2099-01-01T00:00:00Z")

    assert found(ask, profile="role").token == "token"
    assert asked == [
        (Keys("r1", "r2"), {"RoleArn": ROLE, "RoleSessionName": "me", "DurationSeconds": 900}),
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", "profile: nobody: .* has none of this name: one of work, short, role, instance, person, half"),
        ("person", "profile: person: mode CloudSSO: one of AK, StsToken, RamRoleArn, EcsRamRole"),
        ("half", "profile: half: access_key_secret: missing: what mode AK needs"),
    ],
)
def test_a_profile_that_is_of_no_use(profiles, name, message):
    with pytest.raises(HallmarkError, match=message):
        found(profile=name)


@pytest.mark.parametrize(("text", "reason"), [("{", "is not JSON"), (None, "no such file")])
def test_a_file_that_is_of_no_use(tmp_path, text, reason):
    path = tmp_path / "file.json"
    if text:
        path.write_text(text)
    with pytest.raises(HallmarkError, match=f"^shared_credentials_file: {path}: {reason}"):
        found(shared_credentials_file=str(path))


def answer(end):
    """What AssumeRole says."""
    return {
        "Credentials": {"AccessKeyId": "t1", "AccessKeySecret": "t2", "SecurityToken": "token", "Expiration": end},
    }


def test_the_keys_of_a_role_are_fetched_anew_before_they_end():
    moment = [1000000000.0]
    asked = []

    def ask(keys, parameters):
        asked.append(parameters)
        return answer("2001-09-09T02:46:40Z")  # 1000003600

    role = {"arn": ROLE, "session_name": "s", "external_id": "e", "duration": 3600, "policy": {"Version": "1"}}
    keys = Credentials({"access_key": "a", "secret_key": "b", "assume_role": role}, ask, clock=lambda: moment[0])
    assert keys.keys().access == "t1"
    assert asked == [
        {
            "RoleArn": ROLE,
            "RoleSessionName": "s",
            "DurationSeconds": 3600,
            "ExternalId": "e",
            "Policy": '{"Version": "1"}',
        }
    ]
    moment[0] += 3600 - credentials.RENEW_BEFORE - 1
    keys.keys()
    assert len(asked) == 1
    moment[0] += 2
    keys.keys()
    assert len(asked) == 2


def test_a_role_of_the_environment(environment):
    environment(ALIBABA_CLOUD_ACCESS_KEY_ID="a", ALIBABA_CLOUD_ACCESS_KEY_SECRET="b", ALIBABA_CLOUD_ROLE_ARN=ROLE)
    assert found(lambda keys, parameters: answer("2099-01-01T00:00:00Z")).token == "token"
