# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    NotApplicable,
    family_of,
    files_in,
    not_applicable,
    once,
    os_family,
    os_release,
    output_once,
    parse_os_release,
    parts_of,
)


class Host:
    """Counts the commands a check costs."""

    def __init__(self, output: str) -> None:
        self.output = output
        self.commands: list[Any] = []

    def run(self, *command: str) -> SimpleNamespace:
        self.commands.append(command)
        return SimpleNamespace(rc=int(self.output == "fails"), stdout=self.output, stderr="no such file\n")


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("ID=debian\nVERSION_ID=\"12\"", "debian"),
        ("NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian", "ubuntu"),
        ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"", "ubuntu"),
        ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"", "redhat"),
        ("ID=\"rhel\"", "redhat"),
        ("ID=\"amzn\"\nID_LIKE=\"fedora\"", "amazon"),
        ("ID=\"alinux\"\nID_LIKE=\"rhel fedora centos anolis\"", "alinux"),
        ("ID=\"anolis\"\nID_LIKE=\"rhel fedora centos\"", "anolis"),
        ("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"", "suse"),
        ("ID=\"sles\"\nID_LIKE=\"suse\"", "suse"),
        ("ID=arch", None),
        ("", None),
    ],
)  # fmt: skip
def test_families(text: str, family: str | None) -> None:
    assert family_of(parse_os_release(text)) == family


def test_os_release_forgives_what_is_no_assignment() -> None:
    text = '# comment\n\nNAME=\'A "b" c\'\nBAD="unclosed\nEMPTY=\nplain\nX=y'
    assert parse_os_release(text) == {"NAME": 'A "b" c', "EMPTY": "", "X": "y"}


def test_the_family_costs_one_command_per_host() -> None:
    first, second = Host("ID=debian\n"), Host("ID=fedora\n")
    assert [os_family(first), os_family(first), os_release(first)["ID"]] == ["debian", "debian", "debian"]
    assert os_family(second) == "redhat"
    assert len(first.commands) == len(second.commands) == 1


def test_an_unknown_system_is_no_pass() -> None:
    with pytest.raises(AssertionError, match="unknown operating system: ID='plan9'"):
        os_family(Host("ID=plan9"))


def test_once_remembers_by_host_and_key() -> None:
    host = Host("text")
    assert once(host, "a", lambda: 1) == 1
    assert once(host, "a", lambda: 2) == 1
    assert once(host, "b", lambda: 2) == 2
    assert output_once(host, "cat %s", "/x") == output_once(host, "cat %s", "/x") == "text"
    output_once(host, "cat %s", "/y")
    assert host.commands == [("cat %s", "/x"), ("cat %s", "/y")]


def test_output_is_whole_and_a_command_that_fails_is_no_table() -> None:
    assert output_once(Host("=first\n=last\n"), "sh") == "=first\n=last\n"
    with pytest.raises(AssertionError, match="exit status 1: sh: no such file"):
        output_once(Host("fails"), "sh")


def test_not_applicable_wants_a_reason() -> None:
    with pytest.raises(NotApplicable, match=r"^no IPv6 here$"):
        not_applicable("no IPv6\n  here")
    with pytest.raises(ValueError, match="reason"):
        not_applicable(" ")


def test_one_command_tells_of_several_things_and_files() -> None:
    output = "first\n=files\n==> /etc/a b <==\nx=1\n\n==> /etc/empty <==\n=none\n"
    first, files, none = parts_of(output)
    assert (first, none) == ("first\n", "")
    assert files_in(files) == {"/etc/a b": "x=1\n\n", "/etc/empty": ""}
    assert files_in("") == {}
