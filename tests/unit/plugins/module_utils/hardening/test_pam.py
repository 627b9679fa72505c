# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam import (
    Wish,
    changed_lines,
    grant,
    installed_modules,
    parse,
    parse_line,
    passes,
    problems,
)

DEBIAN = """\
auth	required	pam_faillock.so preauth
auth	[success=2 default=ignore]	pam_unix.so
auth	[default=die]	pam_faillock.so authfail
auth	requisite	pam_deny.so
auth	required	pam_permit.so
"""
RPM = """\
auth        required      pam_env.so
auth        required      pam_faildelay.so delay=2000000
auth        required      pam_faillock.so preauth silent
auth        [default=1 ignore=ignore success=ok] pam_usertype.so isregular
auth        [default=1 ignore=ignore success=ok] pam_localuser.so
auth        sufficient    pam_unix.so
auth        [default=1 ignore=ignore success=ok] pam_usertype.so isregular
auth        sufficient    pam_sss.so forward_pass
auth        required      pam_faillock.so authfail
auth        required      pam_deny.so
account     required      pam_faillock.so
account     required      pam_unix.so
account     sufficient    pam_localuser.so
account     sufficient    pam_usertype.so issystem
account     [default=bad success=ok user_unknown=ignore] pam_sss.so
account     required      pam_permit.so
password    requisite     pam_pwquality.so local_users_only
password    [default=1 ignore=ignore success=ok] pam_localuser.so
password    requisite     pam_pwhistory.so use_authtok
password    sufficient    pam_unix.so sha512 shadow use_authtok
password    required      pam_deny.so
session     [success=1 default=ignore] pam_succeed_if.so service in crond quiet use_uid
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "auth\t[success=1 default=ignore]\tpam_unix.so nullok # why",
            ("auth", "[success=1 default=ignore]", "pam_unix.so", ["nullok"], False),
        ),
        ("-session optional pam_systemd.so", ("session", "optional", "pam_systemd.so", [], True)),
        ("Account Required /lib/security/pam_unix.so", ("account", "required", "pam_unix.so", [], False)),
        ("auth include system-auth", ("auth", "include", "system-auth", [], False)),
    ],
)
def test_lines_are_read_as_pam_reads_them(text, expected):
    line = parse_line(text)
    assert (line.kind, line.control, line.module, line.options, line.may_lack) == expected


@pytest.mark.parametrize("text", ["", "# auth required pam_unix.so", "@include common-auth", "auth", "auth required"])
def test_what_is_no_line(text):
    assert parse_line(text) is None


@pytest.mark.parametrize(
    ("line", "wish", "expected"),
    [
        (
            "auth\t[success=1 default=ignore]\tpam_unix.so nullok  try_first_pass",
            Wish("auth", "pam_unix.so", remove=["nullok"]),
            "auth\t[success=1 default=ignore]\tpam_unix.so try_first_pass",
        ),
        ("account required pam_unix.so", Wish("account", "pam_unix.so", ["a"]), "account required pam_unix.so a"),
        ("account required pam_unix.so a", Wish("account", "pam_unix.so", ["a"]), "account required pam_unix.so a"),
        ("auth required pam_unix.so", Wish("account", "pam_unix.so", ["a"]), "auth required pam_unix.so"),
        (
            'password sufficient pam_unix.so md5 rounds=9 {if not "x":nullok} shadow  {include if "y"}',
            Wish("password", "pam_unix.so", ["sha512", "rounds=640000"], ["md5"]),
            'password sufficient pam_unix.so sha512 rounds=640000 {if not "x":nullok} shadow  {include if "y"}',
        ),
        ("# account required pam_unix.so", Wish("account", "pam_unix.so", ["a"]), "# account required pam_unix.so"),
    ],
)
def test_options_are_changed_in_place(line, wish, expected):
    assert grant(line, [wish]) == expected
    assert grant(expected, [wish]) == expected


@pytest.mark.parametrize("text", [DEBIAN, RPM])
def test_good_stacks_have_no_problem(text):
    modules = {line.module for line in parse(text)}
    assert problems(parse(text), modules) == []


@pytest.mark.parametrize(
    ("text", "old", "new", "problem"),
    [
        (DEBIAN, "success=2", "success=1", "auth refuses the right password"),
        (DEBIAN, "success=2", "success=3", None),
        (DEBIAN, "success=2", "success=4", "auth refuses the right password"),
        (DEBIAN, "auth	requisite	pam_deny.so\n", "", None),
        (DEBIAN, "default=die]", "default=ignore]", None),
        (DEBIAN, "requisite	pam_deny.so", "optional	pam_deny.so", None),
        (
            DEBIAN,
            "auth	[default=die]	pam_faillock.so authfail\nauth	requisite	pam_deny.so\n",
            "",
            "refuses the right",
        ),
        (
            DEBIAN,
            "required	pam_faillock.so preauth",
            "optional	pam_faillock.so preauth",
            "auth lets a locked account in",
        ),
        (DEBIAN, "[success=2 default=ignore]	pam_unix", "optional	pam_unix", "auth refuses the right password"),
        (RPM, "auth        required      pam_deny.so", "auth required pam_permit.so", "auth accepts a wrong password"),
        (RPM, "account     required      pam_unix.so", "account optional pam_unix.so", "accepts an expired account"),
        (RPM, "requisite     pam_pwquality.so", "optional pam_pwquality.so", "password accepts a weak password"),
        (RPM, "requisite     pam_pwhistory.so", "optional pam_pwhistory.so", "password accepts an old password"),
        (RPM, "pam_env.so", "pam_gone.so", "module pam_gone.so is not installed"),
    ],
)
def test_stacks_are_walked_through(text, old, new, problem):
    assert old in text
    modules = {line.module for line in parse(text)}
    found = problems(parse(text.replace(old, new)), modules)
    assert problem in found[0] if problem else not found, found


def test_a_module_that_may_lack_is_no_problem():
    assert problems(parse("-session optional pam_gone.so\nsession include other"), {"pam_unix.so"}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auth required a.so", True),
        ("auth optional no.so", False),
        ("auth required no.so\nauth sufficient a.so", False),
        ("auth sufficient pam_unix.so\nauth required no.so", True),
        ("auth [success=1 default=ignore] pam_unix.so\nauth requisite no.so", False),
        ("auth [success=ignore default=bad] a.so", False),
        ("auth [success=ok default=bad] no.so\nauth [success=reset] a.so\nauth required a.so", True),
        ("auth [success=5] pam_unix.so\nauth required a.so", False),
        ("auth strange a.so", False),
        ("", False),
    ],
)
def test_results_are_combined_as_libpam_does(text, expected):
    assert passes(parse(text), {"pam_unix.so": "success", "no.so": "auth_err"}) is expected


def test_modules_are_found_where_distributions_keep_them(tmp_path):
    for folder in ("usr/lib/x86_64-linux-gnu/security", "usr/lib64/security"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"pam_{folder.count('-')}.so").touch()
    (tmp_path / "lib").symlink_to("usr/lib")
    assert installed_modules(Tree(str(tmp_path))) == {"pam_2.so", "pam_0.so"}


def test_changed_lines_are_paired():
    before = "auth required a.so x\nauth required b.so\n# c\n"
    assert changed_lines(before, "auth  required a.so y\n# d\nauth required c.so\n") == [
        ("auth a.so", "auth required a.so x", "auth required a.so y"),
        ("auth c.so", None, "auth required c.so"),
        ("auth b.so", "auth required b.so", None),
    ]
