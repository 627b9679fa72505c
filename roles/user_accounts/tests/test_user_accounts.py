# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area user_accounts: the account files, homes, and what cloud-init is told. Hashes stay on the machine."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    files_in,
    marker,
    not_applicable,
    once,
    os_family,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.account_homes import is_private
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sysusers import FOLDERS, made

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
PEOPLE = range(1000, 60001)
EXEMPT = ("root", "sync", "shutdown", "halt")  # their shells are commands of the system, and root
NOLOGIN = ("/usr/sbin/nologin", "/sbin/nologin")  # one program under two names
NO_SHELLS = (*NOLOGIN, "/bin/false", "/usr/bin/false")
OBSOLETE = ("games", "gnats", "irc", "list", "news", "uucp")
AGES = {"min": "7", "max": "60", "warn": "7"}
DEBIAN = ("debian", "ubuntu")


def _command() -> str:
    # A hash becomes the word HASH, a locked one keeps its marks alone.
    masked = r"sed -E -e 's/^([^:]*:[!*]+)[^:]*:/\1:/' -e 's/^([^:]*):(x?[^:!*x][^:]*|x[^:]+):/\1:HASH:/'"
    instance = "/var/lib/cloud/instance"
    told = f"/run/cloud-init/instance-data*.json {instance}/cloud-config.txt {instance}/*-data.txt*"
    sysusers = " ".join(f"{folder}/*.conf" for folder in FOLDERS)
    return rf"""{masked} /etc/passwd
echo '=shadow'; {masked} /etc/shadow
echo '=group'; sed -E 's/^([^:]*):[^:]*:/\1:x:/' /etc/group
echo '=shells'; cat /etc/shells 2>/dev/null
echo '=homes'
while IFS=: read -r name pw uid gid gecos home shell; do
  case "$uid" in 0 | [1-9][0-9][0-9][0-9]*) ;; *) continue ;; esac
  [ -n "$home" ] || home=/
  stat -L -c "$name %u %a %F" -- "$home" 2>/dev/null || echo "$name missing"
done </etc/passwd
echo '=keys'
while IFS=: read -r name pw uid gid gecos home shell; do
  case "$uid" in 0 | [1-9][0-9][0-9][0-9]*) ;; *) continue ;; esac
  for blob in $(cat "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2" 2>/dev/null \
      | grep -v '^[[:space:]]*#' | grep -oE 'AAAA[A-Za-z0-9+/]+=*'); do
    grep -qsF -e "$blob" {told} && echo "$name told" || echo "$name unknown"
  done
done </etc/passwd
echo '=today'; echo $(($(date +%s) / 86400))
ls /etc/cloud/cloud-init.disabled 2>/dev/null
echo '=sysusers'; command -v systemd-sysusers >/dev/null && tail -v -n +1 {sysusers} 2>/dev/null
printf '\n=cloud\n'; tail -v -n +1 /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg 2>/dev/null
true"""


class Accounts:
    """What the command told."""

    def __init__(self, text: str) -> None:
        passwd, shadow, group, shells, homes, keys, today, sysusers, cloud = parts_of(text)
        self.users = [User(*line.split(":")) for line in passwd.splitlines() if line.count(":") == 6 and line[0] != "+"]
        self.shadow = [line.split(":") for line in shadow.splitlines() if line.count(":") == 8]
        self.groups = [line.split(":") for line in group.splitlines() if line.count(":") == 3 and line[0] != "+"]
        self.shells = shells.split("\n")
        self.homes = {line.split()[0]: line.split()[1:] for line in homes.splitlines()}
        self.keys = [tuple(line.split()) for line in keys.splitlines()]
        day, *marks = today.splitlines()
        self.today, self.cloud_is_off = int(day), bool(marks)
        #: Accounts that the next boot after an update makes when they lack, with the file that says so.
        self.made = made(files_in(sysusers))
        texts = files_in(cloud)
        self.cloud: dict = {}
        for path in sorted(texts, key=lambda path: (path.count("/"), path)):  # cloud.cfg first, then by name
            merge(self.cloud, _mapping(texts[path]))
        for user in self.users:
            user.hash, *ages = next((row[1:] for row in self.shadow if row[0] == user.name), ["no line"] + [""] * 7)
            user.ages = dict(zip(("changed", "min", "max", "warn"), ages, strict=False))

    def system(self, family: str) -> list[User]:
        """Accounts that nobody logs in to."""
        exempt = (*EXEMPT, "ec2-user") if family == "amazon" else EXEMPT
        most = 499 if family == "suse" else 999
        return [user for user in self.users if 0 < user.uid <= most and user.name not in exempt]

    @property
    def people(self) -> list[User]:
        """Accounts of people."""
        return [user for user in self.users if user.uid in PEOPLE]


class User:
    """One line of passwd, with what shadow says."""

    def __init__(self, name: str, field: str, uid: str, gid: str, _gecos: str, home: str, shell: str) -> None:
        self.name, self.field, self.uid, self.gid, self.home, self.shell = name, field, int(uid), gid, home, shell
        self.hash, self.ages = "", {}

    @property
    def is_interactive(self) -> bool:
        """Whether its shell is one."""
        return self.shell not in NO_SHELLS


def _mapping(text: str) -> dict:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:  # cloud-init leaves such a file out as well
        return {}
    return found if isinstance(found, dict) else {}


def merge(table: dict, more: dict) -> None:
    """Lay `more` over `table` as cloud-init does with its files."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            merge(table[key], value)
        else:
            table[key] = value


def twice(values: list) -> list:
    """Values that are there more than once."""
    return sorted({value for value in values if values.count(value) > 1})


@pytest.fixture
def accounts(host: Any) -> Accounts:
    return once(host, "user_accounts", lambda: Accounts(output_once(host, _command())))


@control("os-03b")
def test_no_hash_in_passwd(accounts: Accounts) -> None:
    found = {user.name: user.field or "empty" for user in accounts.users if user.field not in ("x", "*")}
    assert found == {}


@control("os-07")
def test_ids_are_unique(accounts: Accounts) -> None:
    found = {
        "uid": twice([user.uid for user in accounts.users]),
        "gid": twice([group[2] for group in accounts.groups]),
    }
    assert found == {"uid": [], "gid": []}


@control("ds-user-01")
def test_passwords_of_people_age(accounts: Accounts) -> None:
    ages = {user.name: {key: user.ages[key] for key in AGES} for user in accounts.people if user.hash == "HASH"}
    assert ages == dict.fromkeys(ages, AGES)


@control("ds-user-02")
def test_root_password_ages(accounts: Accounts) -> None:
    ages = {
        user.name: {key: user.ages[key] for key in AGES}
        for user in accounts.users
        if user.uid == 0 and user.hash == "HASH"
    }
    if not ages:
        not_applicable("root has no password")
    assert ages == dict.fromkeys(ages, AGES)


@control("ds-user-03")
def test_home_of_root(accounts: Accounts) -> None:
    found = accounts.homes.get("root")
    assert found == ["0", "700", "directory"]


@control("ds-user-04")
def test_homes_of_people(accounts: Accounts) -> None:
    found, expected = {}, {}
    for user in accounts.people:
        home = accounts.homes.get(user.name, ["missing"])
        if home != ["missing"] and (user.is_interactive or is_private(user.home)):
            found[f"{user.name}: {user.home}"] = home
            expected[f"{user.name}: {user.home}"] = [str(user.uid), "700", "directory"]
    assert found == expected


@control("ds-user-05")
def test_root_alone_has_uid_0(accounts: Accounts) -> None:
    assert [user.name for user in accounts.users if user.uid == 0] == ["root"]


@control("ds-user-06")
def test_system_accounts_have_no_shell(host: Any, accounts: Accounts) -> None:
    found = {user.name: user.shell for user in accounts.system(os_family(host)) if user.shell not in NOLOGIN}
    assert found == {}


@control("ds-user-07")
def test_system_accounts_have_no_password(host: Any, accounts: Accounts) -> None:
    names = {user.name for user in accounts.system(os_family(host))}
    found = {row[0]: row[1] or "empty" for row in accounts.shadow if row[0] in names and row[1][:1] not in ("!", "*")}
    assert found == {}


@control("ds-user-08")
def test_only_the_exempt_are_exempt(accounts: Accounts) -> None:
    # Root and the accounts that are commands keep their shells; users known to everybody get no exemption.
    shells = {user.name: user.shell for user in accounts.users if user.name in EXEMPT and not user.is_interactive}
    known = {user.name: user.hash for user in accounts.users if user.name in ("vagrant", "kitchen")}
    found = {name: field for name, field in known.items() if field[:1] not in ("!", "*")}
    assert (shells, found) == ({}, {})


@control("x-user-01")
def test_no_empty_password(accounts: Accounts) -> None:
    assert [row[0] for row in accounts.shadow if not row[1]] == []


@control("x-user-02")
def test_groups_of_root_and_shadow(host: Any, accounts: Accounts) -> None:
    allowed = {"root"} if os_family(host) in DEBIAN else {"root", "sync", "shutdown", "halt", "operator"}
    shadow_ids = [group[2] for group in accounts.groups if group[0] == "shadow"]
    found = {
        "primary gid 0": [user.name for user in accounts.users if user.gid == "0" and user.name not in allowed],
        "groups with gid 0": [group[0] for group in accounts.groups if group[2] == "0" and group[0] != "root"],
        "members of shadow": [group[3] for group in accounts.groups if group[0] == "shadow" and group[3]],
        "primary group shadow": [user.name for user in accounts.users if user.gid in shadow_ids],
    }
    assert found == {key: [] for key in found}


@control("x-user-03")
def test_names_are_unique_and_groups_exist(accounts: Accounts) -> None:
    known = {group[2] for group in accounts.groups}
    found = {
        "users": twice([user.name for user in accounts.users]),
        "groups": twice([group[0] for group in accounts.groups]),
        "without a group": [user.name for user in accounts.users if user.gid not in known],
    }
    assert found == {key: [] for key in found}


@control("x-user-04")
def test_no_password_was_changed_tomorrow(accounts: Accounts) -> None:
    found = {row[0]: row[2] for row in accounts.shadow if row[2].isdigit() and int(row[2]) > accounts.today}
    assert found == {}


@control("x-user-05")
def test_nologin_is_no_shell_and_homes_exist(accounts: Accounts) -> None:
    listed = [line for line in accounts.shells if re.match(r"[^#]*/nologin\s*(#|$)", line)]
    people = [user for user in accounts.people if user.is_interactive]
    missing = [user.name for user in people if accounts.homes.get(user.name, ["missing"]) == ["missing"]]
    assert (listed, missing) == ([], [])


@control("x-user-06")
def test_obsolete_accounts_are_gone(accounts: Accounts) -> None:
    found = {user.name: "an account" for user in accounts.users if user.name in OBSOLETE}
    again = {name: f"{path} makes it again" for name, path in accounts.made.items() if name in OBSOLETE}
    assert {**again, **found} == {}


@control("x-user-07")
def test_cloud_user_has_keys_of_its_cloud_alone(accounts: Accounts) -> None:
    if not accounts.cloud or accounts.cloud_is_off:
        not_applicable("there is no cloud-init, or it is switched off")
    settings = (accounts.cloud.get("system_info") or {}).get("default_user") or {}
    name = settings.get("name", "")
    # Marks of the key that built the image: keys that this machine's cloud did not hand over.
    left = [owner for owner, origin in accounts.keys if origin == "unknown" and owner in (name, "root")]
    hashes = [user.hash for user in accounts.users if user.name == name and user.hash[:1] not in ("!", "*")]
    found = {
        "lock_passwd": settings.get("lock_passwd", "not set"),
        "ssh_pwauth": accounts.cloud.get("ssh_pwauth", "not set"),
        "disable_root": accounts.cloud.get("disable_root", "not set"),
        "its password": hashes,
        "left-over keys": left,
    }
    # Where root is the cloud's user, closing root would leave nobody who can log in.
    closed = found["disable_root"] if name == "root" else True
    expected = {"lock_passwd": True, "ssh_pwauth": False, "disable_root": closed}
    assert found == {**expected, "its password": [], "left-over keys": []}
