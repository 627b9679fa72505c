# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of areas limits and login_defs on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import re

import pytest

from support.role_vars import role_value

CORE = "/etc/security/limits.d/zz-hallmark.conf"
LOGINS = "/etc/security/limits.d/zz-hallmark-logins.conf"
COREDUMP = "/etc/systemd/coredump.conf.d/zz-hallmark.conf"
MANAGER = "/etc/systemd/system.conf.d/zz-hallmark.conf"


def limits_facts(areas, files=None, replace=()):
    """A hardened machine: the role's own files and more of them, with parts of the answer replaced."""
    texts = {
        item["path"]: item["content"]
        for item in role_value("limits", "__limits_files")
        if item.get("state", "file") == "file"
    } | (files or {})
    folders = ["/etc/security/limits.d", "/etc/systemd/coredump.conf.d", "/etc/systemd/system.conf.d"]
    answer = "".join(f"{path} root root 755 directory\n" for path in folders)
    answer += "".join(f"{path} root root 440 regular file\n" for path in texts if "limits.d" in path)
    answer += "=texts\n" + "\n".join(f"==> {path} <==\n{text}" for path, text in texts.items() if text is not None)
    answer += "\n=sessions\nroot hard 0\nroot soft 0\nnobody hard 0\nnobody soft 0\n"
    answer += "=systemd\n/usr/lib/systemd/systemd\nDefaultLimitCORE=0\n=kernel\ncore\n"
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return areas["limits"].module.Limits(answer)


def test_the_limits_roles_own_files_meet_every_control(areas):
    outcomes = areas["limits"].outcomes(limits_facts(areas))
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == {"x-limits-03", "x-limits-04"}
    assert outcomes["ds-limits-03"] == "not applicable"


@pytest.mark.parametrize(
    ("files", "replace", "controls"),
    [
        ({"/etc/security/limits.d/zz.conf": "* hard core unlimited\n"}, [], {"ds-limits-01"}),
        ({"/etc/security/limits.d/zz.conf": "* - core 100\n"}, [], {"ds-limits-01"}),
        ({"/etc/security/limits.d/zz.conf": "admin hard core 100\n"}, [], {"ds-limits-01"}),
        ({"/etc/security/limits.d/10.conf": "* hard core unlimited\n"}, [], set()),
        ({"/etc/security/limits.conf": "* hard core unlimited\nroot hard core 1\n"}, [], set()),
        ({"/etc/security/limits.d/zz.conf": "# * hard core unlimited\n"}, [], set()),
        ({}, [("zz-hallmark.conf root root 440", "zz-hallmark.conf root root 644")], {"ds-limits-01"}),
        ({}, [("limits.d root root 755", "limits.d root root 777")], {"ds-limits-01"}),
        ({}, [("nobody hard 0", "nobody hard unlimited")], {"ds-limits-01"}),
        ({"/etc/systemd/coredump.conf.d/zz.conf": "[Coredump]\nStorage=external\n"}, [], {"ds-limits-02"}),
        ({"/run/systemd/coredump.conf.d/zz.conf": "[Coredump]\nStorage=external\n"}, [], {"ds-limits-02"}),
        ({"/etc/systemd/coredump.conf": "[Coredump]\nStorage=external\n"}, [], set()),
        ({}, [("coredump.conf.d root root 755", "coredump.conf.d root root 775")], {"ds-limits-02"}),
        ({"/etc/systemd/coredump.conf.d/zz.conf": "[Coredump]\nProcessSizeMax=1G\n"}, [], {"x-limits-01"}),
        ({"/etc/systemd/system.conf.d/zz.conf": "[Manager]\nDefaultLimitCORE=infinity\n"}, [], {"x-limits-01"}),
        ({}, [("DefaultLimitCORE=0\n=kernel", "DefaultLimitCORE=infinity\n=kernel")], {"x-limits-01"}),
        ({}, [("root hard core 0\n", "")], {"x-limits-01"}),
        ({}, [("root hard 0\n", "root hard unlimited\n")], {"x-limits-01"}),
        ({}, [("* hard maxlogins 10\n", "")], {"x-limits-02"}),
        ({"/etc/security/limits.d/zz.conf": "* hard maxlogins 50\n"}, [], {"x-limits-02"}),
        ({}, [("* hard maxlogins 10\n", "* hard maxlogins 3\n")], set()),
    ],
)
def test_a_broken_limit_fails_its_control_alone(areas, files, replace, controls):
    assert areas["limits"].failing(limits_facts(areas, files, replace)) == controls


def test_half_of_the_drop_ins_against_core_files_is_no_state(areas):
    facts = limits_facts(areas)
    del facts.texts[COREDUMP]
    assert areas["limits"].outcomes(facts)["ds-limits-03"] == "failed"
    del facts.texts[CORE]
    assert areas["limits"].outcomes(facts)["ds-limits-03"] == "passed"


def test_limits_that_are_off_by_default_can_be_met(areas):
    files = {
        "/etc/security/limits.d/zz.conf": "* soft nproc 4096\n",
        "/etc/sysctl.d/zz-hallmark-core.conf": "kernel.core_pattern = |/bin/false\n",
    }
    outcomes = areas["limits"].outcomes(limits_facts(areas, files, [("=kernel\ncore", "=kernel\n|/bin/false")]))
    assert (outcomes["x-limits-03"], outcomes["x-limits-04"]) == ("passed", "passed")


def test_allowing_core_files_removes_both_drop_ins_and_keeps_the_other_limits():
    files = role_value("limits", "__limits_files", limits_core_dumps_enabled=True)
    states = {item["path"]: item.get("state") for item in files}
    assert {path for path, state in states.items() if state == "absent"} == {CORE, COREDUMP, MANAGER}
    assert states[LOGINS] == "file"


# --- login_defs ----------------------------------------------------------------------------------------------------


def login_facts(areas, replace=(), family="debian"):
    """A hardened machine whose answer has parts replaced (old must be there)."""
    keys = role_value("login_defs", "__login_defs_common")
    keys = keys | role_value("login_defs", "__login_defs_families")[family]
    keys["ENCRYPT_METHOD"] = "SHA512" if family == "redhat" else "YESCRYPT"
    texts = {
        "/etc/login.defs": "".join(f"{key}\t{value}\n" for key, value in keys.items() if value is not None),
        "/etc/default/useradd": "SHELL=/bin/sh\n# INACTIVE=-1\n",
        "/etc/profile.d/zz-hallmark-umask.sh": f"umask {keys['UMASK']}\n",
    }
    if family == "debian":
        texts |= {
            f"/etc/pam.d/common-session{end}": "session optional pam_umask.so\n" for end in ("", "-noninteractive")
        }
        texts["/etc/pam.d/cron"] = "session required pam_loginuid.so\n@include common-session-noninteractive\n"
        texts["/etc/pam.d/common-password"] = "password [success=1 default=ignore] pam_unix.so obscure yescrypt\n"
        texts["/etc/adduser.conf"] = "#DIR_MODE=0700\nDIR_MODE=0700\n"
    else:
        texts["/etc/pam.d/crond"] = "session include password-auth\nsession optional pam_umask.so\n"
        texts["/etc/pam.d/sshd"] = "session include password-auth\nsession include postlogin\n"
        texts["/etc/pam.d/postlogin"] = "session optional pam_umask.so silent\n"
        texts["/etc/pam.d/password-auth"] = "password sufficient pam_unix.so sha512 shadow\n"
    texts["/etc/bash.bashrc" if family == "debian" else "/etc/bashrc"] = f"umask 002\numask {keys['UMASK']}\n"
    answer = "/etc/login.defs root root 444 regular file\n=texts\n"
    answer += "\n".join(f"==> {path} <==\n{text}" for path, text in texts.items())
    answer += "\n=umasks\na PAM session: 0027\na login shell of root: 0027\n=known\n"
    answer += "".join(f"{key}\n" for key in [*keys, "CHFN_RESTRICT"])
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return areas["login_defs"].module.Login(answer)


@pytest.mark.parametrize("family", ["debian", "redhat", "amazon"])
def test_the_login_defs_roles_own_values_meet_every_control(areas, family):
    system = {"redhat": "rhel", "amazon": "amzn"}.get(family, family)
    # Which hash PAM takes on Amazon Linux is the business of its own stack, not of this role.
    expected = {"x-login_defs-02"} if family == "amazon" else set()
    assert areas["login_defs"].failing(login_facts(areas, family=family), system) == expected


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("root root 444", "root root 644", {"os-05"}),
        ("root root 444", "root daemon 444", {"os-05"}),
        ("PASS_MAX_DAYS\t60", "PASS_MAX_DAYS\t365", {"os-05"}),
        ("PASS_MIN_DAYS\t7", "PASS_MIN_DAYS\t0", {"os-05"}),
        ("PASS_WARN_AGE\t7\n", "", {"os-05"}),
        ("UMASK\t027", "UMASK\t022", {"os-05"}),
        ("LOGIN_RETRIES\t5", "LOGIN_RETRIES\t50", {"os-05"}),
        ("LOGIN_TIMEOUT\t60", "LOGIN_TIMEOUT\t600", {"os-05"}),
        ("LOG_OK_LOGINS\tyes", "LOG_OK_LOGINS\tno", {"ds-login_defs-01"}),
        ("UID_MAX\t60000", "UID_MAX\t61000", {"ds-login_defs-02"}),
        ("SYS_GID_MIN\t100", "SYS_GID_MIN\t1", {"ds-login_defs-02"}),
        ("SHA_CRYPT_MIN_ROUNDS\t640000", "SHA_CRYPT_MIN_ROUNDS\t5000", {"ds-login_defs-03"}),
        ("MD5_CRYPT_ENAB\tno", "MD5_CRYPT_ENAB\tyes", {"ds-login_defs-03"}),
        ("MD5_CRYPT_ENAB\tno", "", set()),
        ("ENCRYPT_METHOD\tYESCRYPT", "ENCRYPT_METHOD\tDES", {"ds-login_defs-03", "x-login_defs-02"}),
        ("ENCRYPT_METHOD\tYESCRYPT", "ENCRYPT_METHOD\tSHA512", {"x-login_defs-02"}),
        ("obscure yescrypt", "obscure sha512", {"x-login_defs-02"}),
        ("YESCRYPT_COST_FACTOR\t11", "YESCRYPT_COST_FACTOR\t5", {"x-login_defs-02"}),
        ("DEFAULT_HOME\tno", "DEFAULT_HOME\tyes", {"ds-login_defs-04"}),
        ("TTYPERM\t0600", "TTYPERM\t0622", {"ds-login_defs-05"}),
        ("MAIL_DIR\t/var/mail", "MAIL_DIR\t/tmp", {"ds-login_defs-06"}),
        ("USERGROUPS_ENAB\tyes", "CHFN_RESTRICT\trwh\nUSERGROUPS_ENAB\tyes", {"ds-login_defs-07"}),
        ("HOME_MODE\t0700", "HOME_MODE\t0755", {"x-login_defs-01"}),
        ("\nDIR_MODE=0700", "\nDIR_MODE=0755", {"x-login_defs-01"}),
        ("a PAM session: 0027", "a PAM session: 0022", {"x-login_defs-04"}),
        ("a login shell of root: 0027", "a login shell of root: 0007", {"x-login_defs-04"}),
        ("a PAM session: 0027", "a PAM session: 0077", set()),
        ("umask 002\numask 027", "umask 027\numask 002", {"x-login_defs-04"}),
        ("noninteractive <==\nsession optional pam_umask.so", "noninteractive <==\n", {"x-login_defs-04"}),
        ("zz-hallmark-umask.sh <==\numask 027", "zz-hallmark-umask.sh <==\n", {"x-login_defs-04"}),
        ("PATH=/usr/local/bin:/usr/bin:/bin\n", "PATH=/usr/local/bin:/usr/bin:/bin:\n", {"x-login_defs-05"}),
        ("PATH=/usr/local/bin:/usr/bin:/bin\n", "PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin\n", set()),
    ],
)
def test_a_broken_key_fails_its_control_alone(areas, old, new, controls):
    assert areas["login_defs"].failing(login_facts(areas, [(old, new)])) == controls


def test_id_ranges_of_rpm_systems_have_a_control_of_their_own(areas):
    facts = login_facts(areas, [("SYS_UID_MIN\t201", "SYS_UID_MIN\t100")], "redhat")
    assert areas["login_defs"].failing(facts, "rhel") == {"os-05b", "ds-login_defs-02"}


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("session include password-auth\nsession optional pam_umask.so", "session include password-auth", True),
        ("pam_umask.so\n", "pam_umask.so umask=0022\n", True),
        ("pam_umask.so\n", "pam_umask.so umask=0077\n", False),
        ("pam_umask.so silent", "pam_umask.so silent usergroups", True),
        ("session include postlogin\n", "", True),
        ("pam_umask.so silent", "pam_umask.so umask=022\nsession optional pam_umask.so silent", False),
        ("password-auth <==\n", "password-auth <==\nsession optional pam_umask.so umask=022\n", False),
    ],
)
def test_sessions_of_cron_and_ssh_on_rpm_systems(areas, old, new, controls):
    facts = login_facts(areas, [(old, new)], "redhat")
    assert areas["login_defs"].failing(facts, "rhel") == ({"x-login_defs-04"} if controls else set())


def test_a_key_that_shadow_does_not_know_is_not_demanded(areas):
    facts = login_facts(areas, [("SU_NAME\tsu\n", ""), ("SU_NAME\n", "")])
    assert areas["login_defs"].failing(facts) == set()
    facts = login_facts(areas, [("SU_NAME\tsu\n", "")])
    assert areas["login_defs"].failing(facts) == {"ds-login_defs-01"}


def test_unused_accounts_may_be_closed(areas):
    facts = login_facts(areas, [("# INACTIVE=-1", "INACTIVE=45")])
    assert areas["login_defs"].outcomes(facts)["x-login_defs-03"] == "passed"
    assert areas["login_defs"].outcomes(login_facts(areas))["x-login_defs-03"] == "failed"


def test_umasks_are_compared_bit_by_bit(areas):
    is_strict = areas["login_defs"].module.is_strict
    assert [umask for umask in ("027", "0027", "077", "037", "022", "007", "026", "none") if is_strict(umask)] == [
        "027",
        "0027",
        "077",
        "037",
    ]
    assert re.match("not set", areas["login_defs"].module._umasks("# umask 027\n"))
