# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area suid_sgid on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.swept import Swept
from support.role_vars import role_value

RAW = "0100000200200000000000000000000000000000"  # cap_net_raw
ADMIN = "0100000200100000000000000000000000000000"  # cap_net_admin
ANSWER = f"""\
ID=debian
VERSION_ID="12"
=listed
/usr/lib/openssh/ssh-keysign:/usr/lib/openssh/ssh-keysign:755
/usr/bin/chsh:/usr/bin/chsh:4755
=kept
root root 755 /usr/lib/openssh/ssh-keysign
=boot
=sweep
1124
=set_id
x:4755:0:0:1:1:/usr/bin/chsh
x:4755:0:0:1:2:/bin/mount
x:2755:0:0:1:3:/usr/sbin/unix_chkpwd
=odd
=named
=grouped
=capable
{RAW} /usr/bin/ping
"""


def facts(areas, *replace):
    """A hardened machine whose answer has parts replaced (old must be there)."""
    answer = ANSWER
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    own, _mark, sweep = answer.partition("=sweep\n")
    return areas["suid_sgid"].module.SetId(own, Swept(sweep))


def test_a_hardened_machine_meets_every_control(areas):
    outcomes = areas["suid_sgid"].outcomes(facts(areas))
    assert outcomes.pop("x-suid-02") == "failed"  # off by default
    assert outcomes.pop("ds-suid-01") == "not applicable"
    assert set(outcomes.values()) == {"passed"}


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("ssh-keysign:755", "ssh-keysign:4755", {"os-06"}),
        ("ssh-keysign:755", "ssh-keysign:2755", {"os-06"}),
        ("1:2:/bin/mount", "1:2:/bin/mount\nx:4755:0:0:1:4:/usr/local/bin/own", {"x-suid-01"}),
        ("1:2:/bin/mount", "1:2:/usr/bin/mount", set()),
        ("root root 755 /usr/lib/openssh/ssh-keysign\n", "", {"x-suid-03"}),
        ("root root 755 /usr/lib", "root root 4755 /usr/lib", {"x-suid-03"}),
        (f"{RAW} /usr/bin/ping", f"{ADMIN} /usr/bin/arping", {"x-suid-04"}),
        (f"{RAW} /usr/bin/ping", f"{RAW} /usr/local/bin/own", {"x-suid-04"}),
        (f"{RAW} /usr/bin/ping", "no Python to read them", {"x-suid-04"}),
        ("1124\n", "0\n", {"x-suid-01", "x-suid-04"}),
    ],
)
def test_a_broken_control_fails_alone(areas, old, new, controls):
    assert areas["suid_sgid"].failing(facts(areas, (old, new))) == controls


def test_a_machine_without_the_programs_has_no_choice_to_keep(areas):
    found = facts(areas, ("/usr/lib/openssh/ssh-keysign:/usr/lib/openssh/ssh-keysign:755\n", ""))
    assert areas["suid_sgid"].outcomes(found)["x-suid-03"] == "not applicable"


def test_rpm_systems_keep_the_choice_in_tmpfiles(areas):
    line = "z /usr/libexec/openssh/ssh-keysign 0755 root ssh_keys - -\n"
    keysign = (
        "/usr/lib/openssh/ssh-keysign:/usr/lib/openssh/",
        "/usr/libexec/openssh/ssh-keysign:/usr/libexec/openssh/",
    )
    rocky = [("ID=debian", "ID=rocky"), keysign]
    assert areas["suid_sgid"].failing(facts(areas, *rocky)) == {"x-suid-03"}
    assert areas["suid_sgid"].failing(facts(areas, *rocky, ("=boot\n", f"=boot\n{line}"))) == set()


def test_of_an_unknown_system_nothing_is_known(areas):
    outcomes = areas["suid_sgid"].outcomes(facts(areas, ("ID=debian", "ID=slackware")))
    assert (outcomes["x-suid-01"], outcomes["x-suid-04"]) == ("not applicable", "not applicable")


def test_the_standard_and_the_role_have_one_list(areas):
    module = areas["suid_sgid"].module
    assert set(role_value("suid_sgid", "suid_sgid_deny")) == set(module.UNNEEDED)
    assert set(role_value("suid_sgid", "__suid_sgid_little_used")) == set(module.LITTLE_USED)
