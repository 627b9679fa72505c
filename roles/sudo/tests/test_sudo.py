# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area sudo: its settings in the order in which it reads them, the last one counting."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    files_in,
    marker,
    not_applicable,
    once,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.account_cloud import name_in
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sudoers import MAIN, settings, statements

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
LOG = "/var/log/sudo.log"
# Most minutes; a negative number is for ever, and so is no time to type a password.
MINUTES = {"timestamp_timeout": (0, 15), "passwd_timeout": (0.01, 1)}


def _command() -> str:
    # visudo's complaint shows no secrets: sudoers has none.
    return f"""\
tail -v -n +1 {MAIN} /etc/sudoers.d/* 2>/dev/null
echo; echo '=broken'
if [ -f {MAIN} ] && [ -x /usr/sbin/visudo ]; then
  found=$(/usr/sbin/visudo -c -f {MAIN} 2>&1) || echo "$found"
fi
echo '=cloud'; tail -v -n +1 /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg 2>/dev/null
echo; true"""


class Sudo:
    """What the command told."""

    def __init__(self, text: str) -> None:
        files, broken, cloud = parts_of(text)
        self.texts = files_in(files)
        self.broken = broken.strip()
        # Of cloud-init's files the last that names its user counts.
        names = [name_in(text) for text in files_in(cloud).values()]
        self.default_user = next((name for name in reversed(names) if name), "")
        self.statements = statements(self.texts)
        self.everybody: dict[str, str] = {}
        self.some: list[tuple[str, str, str]] = []
        for _path, line in self.statements:
            scope, values = settings(line) or ("", [])
            for name, value in values:
                if scope:
                    self.some.append((scope, name, value))
                else:
                    self.everybody[name] = value

    def values(self, name: str) -> dict[str, str]:
        """Values of a setting: the one for everybody, and those for some users, hosts or commands."""
        if MAIN not in self.texts:
            not_applicable("there is no sudo")
        found = {name: self.everybody.get(name, "not set")}
        return found | {f"{name}{scope}": value for scope, key, value in self.some if key == name}

    def without_password(self) -> list[str]:
        """Rules that ask for no password, but for those of cloud-init's user."""
        found = []
        for path, line in self.statements:
            if settings(line) is None and re.search(r"\bNOPASSWD\s*:", line) and line.split()[0] != self.default_user:
                found.append(f"{path}: {line}")
        return found


def _is_in(value: str, least: float, limit: float) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+)?", value)) and least <= float(value) <= limit


@pytest.fixture
def sudo(host: Any) -> Sudo:
    return once(host, "sudo", lambda: Sudo(output_once(host, _command())))


@control("x-sudo-01")
def test_terminal_log_and_asking_again(sudo: Sudo) -> None:
    wanted = {"use_pty": "yes", "logfile": LOG}
    wrong = {at: value for name, good in wanted.items() for at, value in sudo.values(name).items() if value != good}
    for name, (least, limit) in MINUTES.items():
        wrong |= {at: value for at, value in sudo.values(name).items() if not _is_in(value, least, limit)}
    assert (wrong, sudo.broken) == ({}, "")


@control("x-sudo-02")
def test_options_of_anssi(sudo: Sudo) -> None:
    wanted = dict.fromkeys(("noexec", "requiretty", "ignore_dot", "env_reset"), "yes") | {"umask": "0077"}
    wrong = {at: value for name, good in wanted.items() for at, value in sudo.values(name).items() if value != good}
    assert wrong == {}


@control("x-sudo-03")
def test_who_becomes_root_without_a_password(sudo: Sudo) -> None:
    assert [value for value in sudo.values("authenticate").values() if value == "no"] == []
    rules = sudo.without_password()
    assert rules == []
