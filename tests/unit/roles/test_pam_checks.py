# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area pam on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import pytest

from support.breaks.pam import BREAKS, CANNOT
from support.role_vars import role_value

DEBIAN = {
    "common-auth": """\
auth	required			pam_faillock.so preauth
auth	[success=3 default=ignore]	pam_unix.so try_first_pass
auth	[default=die]			pam_faillock.so authfail
auth	sufficient			pam_faillock.so authsucc
auth	requisite			pam_deny.so
auth	required			pam_permit.so
""",
    "common-account": """\
account	[success=1 new_authtok_reqd=done default=ignore]	pam_unix.so no_pass_expiry
account	requisite			pam_deny.so
account	required			pam_permit.so
account	required			pam_faillock.so
""",
    "common-password": """\
password	requisite			pam_pwquality.so retry=3
password	requisite			pam_pwhistory.so remember=24 enforce_for_root try_first_pass use_authtok
password	[success=1 default=ignore]	pam_unix.so obscure use_authtok try_first_pass yescrypt
password	requisite			pam_deny.so
password	required			pam_permit.so
""",
    "sshd": "@include common-auth\naccount required pam_nologin.so\n",
}
RPM = """\
auth        required      pam_env.so
auth        required      pam_faillock.so preauth silent
auth        sufficient    pam_unix.so
auth        required      pam_faillock.so authfail
auth        required      pam_deny.so
account     required      pam_faillock.so
account     required      pam_unix.so no_pass_expiry
password    requisite     pam_pwquality.so local_users_only
password    requisite     pam_pwhistory.so use_authtok
password    sufficient    pam_unix.so rounds=640000 sha512 shadow use_authtok
password    required      pam_deny.so
"""


def settings(name):
    return "".join(
        f"{key}\n" if value is True else f"{key} = {value}\n" for key, value in role_value("pam", name).items()
    )


def pam_facts(areas, replace=(), family="debian"):
    """A hardened machine whose answer has parts replaced (old must be there)."""
    texts = {
        "/etc/security/faillock.conf": f"# deny = 5\n{settings('pam_faillock')}",
        "/etc/security/pwquality.conf": f"{settings('pam_pwquality')}# minlen = 8\n",
        "/etc/security/pwquality.conf.d/zz-hallmark.conf": settings("pam_pwquality"),
    }
    stacks = DEBIAN if family == "debian" else {"system-auth": RPM, "password-auth": RPM}
    texts |= {f"/etc/pam.d/{name}": text for name, text in stacks.items()}
    modules = "unix deny permit env faillock pwquality pwhistory nologin".split()
    places = ""
    if family != "debian":
        texts["/etc/security/pwhistory.conf"] = "remember = 24\nenforce_for_root\n"
        texts["/etc/libuser.conf"] = "[defaults]\ncrypt_style = sha512\n"
        places = "/etc/libuser.conf root root 640\n"
    answer = "\n".join(f"==> {path} <==\n{text}" for path, text in texts.items())
    answer += "\n=modules\n" + "".join(f"pam_{name}.so\n" for name in modules)
    answer += f"=profiles\nunix\npwquality\n=places\n{places}"
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return areas["pam"].module.Pam(answer)


NOT_FOR = {
    "debian": {"ds-pam-05", "ds-pam-06", "ds-pam-08", "ds-pam-09"},
    "redhat": {"x-pam-05", "x-pam-06"},
    "amazon": {"ds-pam-05", "ds-pam-06", "ds-pam-09", "x-pam-05", "x-pam-06"},
}


@pytest.mark.parametrize(("system", "family"), [("debian", "debian"), ("rhel", "redhat"), ("amzn", "amazon")])
def test_the_pam_roles_own_stacks_meet_every_control(areas, system, family):
    facts = pam_facts(areas, family="debian" if family == "debian" else "redhat")
    assert areas["pam"].failing(facts, system) == set()
    outcomes = areas["pam"].outcomes(facts, system)
    assert {name for name, outcome in outcomes.items() if outcome == "not applicable"} == NOT_FOR[family]


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("pam_env.so\n", "pam_env.so\npam_ccreds.so\n", {"ds-pam-01"}),
        ("account required pam_nologin.so", "auth sufficient pam_ccreds.so", {"ds-pam-01"}),
        ("requisite			pam_pwquality.so", "optional pam_pwquality.so", {"ds-pam-02"}),
        ("password	requisite			pam_pwquality.so", "#", {"ds-pam-02"}),
        ("pam_pwquality.so retry=3", "pam_passwdqc.so min=disabled,8,8,8,8", {"ds-pam-02"}),
        ("pam_nologin.so\n=profiles", "pam_nologin.so\n=profiles", set()),
        ("pam_pwquality.so\npam_pwhistory.so", "pam_pwhistory.so", {"ds-pam-02", "x-pam-01"}),
        ("auth	required			pam_faillock.so preauth", "#", {"ds-pam-03"}),
        ("auth	[default=die]			pam_faillock.so authfail", "#", {"ds-pam-03"}),
        ("auth	required			pam_faillock.so preauth", "auth optional pam_faillock.so preauth", {"ds-pam-03"}),
        ("account	required			pam_faillock.so", "#", {"ds-pam-03"}),
        ("even_deny_root\n", "", {"ds-pam-03"}),
        ("preauth", "preauth deny=9", {"ds-pam-03", "x-pam-02"}),
        ("deny = 3", "deny = 6", {"ds-pam-03", "x-pam-02"}),
        ("\nunlock_time = 900", "\nunlock_time = 60", {"ds-pam-03", "x-pam-02"}),
        ("deny = 3", "deny = 5", {"x-pam-02"}),
        ("root_unlock_time = 900", "root_unlock_time = 0", {"x-pam-02"}),
        ("fail_interval = 900", "fail_interval = 60", {"x-pam-02"}),
        ("\naudit\n", "\n", {"x-pam-02"}),
        ("account required pam_nologin.so", "auth required pam_tally2.so", {"ds-pam-04"}),
        ("account required pam_nologin.so", "# auth required pam_tally2.so", set()),
        ("=profiles\n", "=profiles\ntally2\n", {"ds-pam-04"}),
        (" no_pass_expiry", "", {"ds-pam-07"}),
        ("minlen = 16", "minlen = 8", {"x-pam-01"}),
        ("minlen = 16", "minlen = 20", set()),
        ("# minlen = 8", "minlen = 8", {"x-pam-01"}),
        ("retry=3", "retry=5", {"x-pam-01"}),
        ("ocredit = -1", "ocredit = 0", {"x-pam-01"}),
        ("maxrepeat = 3", "maxrepeat = 0", {"x-pam-01"}),
        ("retry = 3\nenforce_for_root\n", "retry = 3\n", {"x-pam-01"}),
        ("remember=24", "remember=5", {"x-pam-03"}),
        ("remember=24 enforce_for_root", "remember=24", {"x-pam-03"}),
        (" try_first_pass use_authtok\n", "\n", {"x-pam-03"}),
        ("requisite			pam_pwhistory.so", "optional pam_pwhistory.so", {"x-pam-03"}),
        ("pam_unix.so try_first_pass", "pam_unix.so nullok", {"x-pam-04"}),
        ("account required pam_nologin.so", "auth required pam_userdb.so nullok", {"x-pam-04"}),
    ],
)
def test_a_broken_stack_or_setting_fails_its_control_alone(areas, old, new, controls):
    assert areas["pam"].failing(pam_facts(areas, [(old, new)])) == controls


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("remember = 24", "remember = 4", {"ds-pam-05", "x-pam-03"}),
        ("remember = 24", "remember = 5", {"x-pam-03"}),
        ("rounds=640000", "rounds=5000", {"ds-pam-06"}),
        ("rounds=640000 sha512", "yescrypt", set()),
        ("rounds=640000 sha512", "md5", {"ds-pam-06"}),
        ("crypt_style = sha512", "crypt_style = md5", {"ds-pam-08"}),
        ("root root 640", "root root 644", {"ds-pam-08"}),
        ("sufficient    pam_unix.so\n", "sufficient    pam_unix.so nullok\n", {"x-pam-04"}),
    ],
)
def test_rpm_systems_have_controls_of_their_own(areas, old, new, controls):
    assert areas["pam"].failing(pam_facts(areas, [(old, new)], "redhat"), "rhel") == controls


def test_features_that_are_off_by_default_can_be_met(areas):
    facts = pam_facts(areas, [("pam_env.so\n", "pam_env.so\npam_tmpdir.so\npam_apparmor.so\n")])
    outcomes = areas["pam"].outcomes(facts)
    assert {outcomes[name] for name in ("x-pam-05", "x-pam-06", "ds-pam-10")} == {"passed"}
    links = "".join(f"/etc/pam.d/{name} -> /etc/pam.d/{name}-local\n" for name in ("system-auth", "password-auth"))
    facts = pam_facts(areas, [("root root 640\n", f"root root 640\n{links}")], "redhat")
    assert areas["pam"].outcomes(facts, "rhel")["ds-pam-09"] == "passed"
    assert areas["pam"].outcomes(pam_facts(areas, [], "redhat"), "rhel")["ds-pam-09"] == "failed"


def test_directory_services_are_used_only_where_they_are_set_up(areas):
    lines = ("account required pam_nologin.so", "account required pam_sss.so")
    module = ("pam_env.so\n", "pam_env.so\npam_sss.so\n")

    def outcome(*replace):
        return areas["pam"].outcomes(pam_facts(areas, replace))["ds-pam-10"]

    assert outcome(lines) == outcome(lines, module) == "failed"
    assert outcome(lines, module, ("=places\n", "=places\n/etc/sssd/sssd.conf\n")) == "passed"
    assert outcome((lines[0], "-account required pam_sss.so")) == "passed"


def test_every_control_that_is_on_can_be_broken_or_cannot(areas):
    on = {mark.args[0] for mark, _test, _param in areas["pam"].tests() if mark.kwargs["default"] == "on"}
    assert set(BREAKS) | CANNOT == on
