# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import pam_stack
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam import parse, passes, problems
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam_profiles import (
    TYPES,
    Change,
    apply,
    local_changes,
    parse_profile,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.pam_stack import OPTIONS
from support.image_tree import name_root

FILES = Path(__file__).parent / "files"
PROFILES = {
    "unix": """\
Name: Unix authentication
Default: yes
Priority: 256
Auth-Type: Primary
Auth:
\t[success=end default=ignore]\tpam_unix.so nullok try_first_pass
Auth-Initial:
\t[success=end default=ignore]\tpam_unix.so nullok
Account-Type: Primary
Account:
\t[success=end new_authtok_reqd=done default=ignore]\tpam_unix.so
Session-Type: Additional
Session:
\trequired\tpam_unix.so
Password-Type: Primary
Password:
\t[success=end default=ignore]\tpam_unix.so obscure use_authtok try_first_pass yescrypt
Password-Initial:
\t[success=end default=ignore]\tpam_unix.so obscure yescrypt
""",
    "systemd": """\
Name: Sessions
Default: yes
Priority: 0
Session-Interactive-Only: yes
Session-Type: Additional
Session:
\toptional\tpam_systemd.so
""",
    "mkhomedir": """\
Name: Homes
Default: no
Priority: 0
Session-Type: Additional
Session-Interactive-Only: yes
Session:
\toptional\t\t\tpam_mkhomedir.so
""",
}
PWQUALITY = """\
Name: Strength
Default: yes
Priority: 1024
Conflicts: cracklib
Password-Type: Primary
Password:
\trequisite\t\t\tpam_pwquality.so retry=3
Password-Initial:
\trequisite\t\t\tpam_pwquality.so retry=3
"""
MODULES = (
    "unix deny permit faillock pwhistory pwquality passwdqc systemd mkhomedir umask cap".split()  # nothing else is used
)
# As Debian 12's own pam-auth-update left them.
BLOCKS = {
    "auth": ("auth\t[success=1 default=ignore]\tpam_unix.so nullok\n", ""),
    "account": ("account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so \n", ""),
    "password": ("password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt\n", ""),
    "session": (
        "session\t[default=1]\t\t\tpam_permit.so\n",
        "session\trequired\tpam_unix.so \nsession\toptional\tpam_systemd.so \n",
    ),
    "session-noninteractive": ("session\t[default=1]\t\t\tpam_permit.so\n", "session\trequired\tpam_unix.so \n"),
}
MEMORY = {
    "auth": "Module: unix\n[success=end default=ignore]\tpam_unix.so nullok\n",
    "account": "Module: unix\n[success=end new_authtok_reqd=done default=ignore]\tpam_unix.so\n",
    "password": "Module: unix\n[success=end default=ignore]\tpam_unix.so obscure yescrypt\n",
    "session": (
        "Module: null\n[default=1]\t\t\tpam_permit.so\nModule: unix\nrequired\tpam_unix.so\n"
        "Module: systemd\noptional\tpam_systemd.so\n"
    ),
    "session-noninteractive": "Module: null\n[default=1]\t\t\tpam_permit.so\nModule: unix\nrequired\tpam_unix.so\n",
}


def common(kind, first, more):
    pam_kind = kind.partition("-")[0]
    return (
        f'# /etc/pam.d/common-{kind}\n\n# here are the per-package modules (the "Primary" block)\n{first}'
        f"# here's the fallback if no module succeeds\n{pam_kind}\trequisite\t\t\tpam_deny.so\n"
        f"# prime the stack\n{pam_kind}\trequired\t\t\tpam_permit.so\n"
        f'# and here are more per-package modules (the "Additional" block)\n{more}# end of pam-auth-update config\n'
    )


@pytest.fixture
def top(tmp_path):
    """A tree with the recorded stacks of Debian 12."""
    for folder in ("etc/pam.d", "etc/security", "usr/share/pam-configs", "var/lib/pam", "usr/lib/x86_64-linux-gnu"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/lib/x86_64-linux-gnu/security").mkdir()
    for name in MODULES:
        (tmp_path / f"usr/lib/x86_64-linux-gnu/security/pam_{name}.so").touch()
    (tmp_path / "usr/lib/x86_64-linux-gnu/security/pam_pwquality.so").unlink()
    name_root(tmp_path)
    shutil.copy(FILES / "debian12/os-release", tmp_path / "etc/os-release")
    (tmp_path / "etc/security/faillock.conf").write_text("# The default is 3.\n# deny = 3\n# audit\n")
    for name, text in PROFILES.items():
        (tmp_path / "usr/share/pam-configs" / name).write_text(text)
    for kind in TYPES:
        (tmp_path / f"etc/pam.d/common-{kind}").write_text(common(kind, *BLOCKS[kind]))
        (tmp_path / f"var/lib/pam/{kind}").write_text(MEMORY[kind])
    (tmp_path / "var/lib/pam/seen").write_text("unix\nsystemd\nmkhomedir\n")
    return tmp_path


def options(**others):
    given = {name: copy.deepcopy(argument.get("default")) for name, argument in OPTIONS.items()}
    return {**given, "faillock_settings": {"deny": 3}, "pwquality_settings": {"minlen": 16}, **others}


def run(*_words):
    raise AssertionError("no program is run on Debian")


def harden(top, check_mode=False, **others):
    tree = Tree(str(top), check_mode=check_mode)
    return pam_stack.set_all(tree, options(**others), run), tree


def lines(top, kind):
    text = (top / f"etc/pam.d/common-{kind}").read_text()
    return [" ".join(line.split()) for line in text.splitlines() if line.startswith(kind.partition("-")[0])]


def all_files(top):
    return {path: path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_nothing_asked_nothing_changed(top):
    tree = Tree(str(top))
    apply(tree, Change({}, []), set())
    assert tree.changes == []


def test_stacks_of_debian_12(top):
    report, tree = harden(top)
    assert report == {"family": "debian", "missing_packages": [], "unwanted_packages": []}
    assert lines(top, "auth") == [
        "auth required pam_faillock.so preauth",
        "auth [success=3 default=ignore] pam_unix.so try_first_pass",
        "auth [default=die] pam_faillock.so authfail",
        "auth sufficient pam_faillock.so authsucc",
        "auth requisite pam_deny.so",
        "auth required pam_permit.so",
    ]
    assert lines(top, "account") == [
        "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so no_pass_expiry",
        "account requisite pam_deny.so",
        "account required pam_permit.so",
        "account required pam_faillock.so",
    ]
    assert lines(top, "password")[:2] == [
        "password requisite pam_pwhistory.so remember=24 enforce_for_root",
        "password [success=1 default=ignore] pam_unix.so obscure use_authtok try_first_pass yescrypt",
    ]
    # What the vendor's tool remembers has no options of the administrator's.
    assert "nullok" in (top / "var/lib/pam/auth").read_text()
    assert "no_pass_expiry" not in (top / "var/lib/pam/account").read_text()
    assert {"hallmark-faillock", "hallmark-pwhistory"} < set((top / "var/lib/pam/seen").read_text().split())
    assert {change["path"] for change in tree.changes} >= {"/etc/pam.d/common-auth", "/etc/security/faillock.conf"}
    assert harden(top)[1].changes == []


AUTH = "pam_faillock.so preauth", "pam_unix.so", "pam_faillock.so authfail", "pam_faillock.so authsucc"


@pytest.mark.parametrize(
    ("kind", "answers", "lets_in"),
    [
        ("auth", {}, True),
        ("auth", {AUTH[0]: "auth_err"}, False),  # locked
        ("auth", {AUTH[1]: "auth_err", AUTH[2]: "ignore", AUTH[3]: "success"}, False),  # wrong password
        ("auth", {AUTH[1]: "user_unknown", AUTH[2]: "ignore", AUTH[3]: "success"}, False),
        ("auth", {AUTH[1]: "auth_err", AUTH[2]: "success", AUTH[3]: "success"}, False),
        ("account", {}, True),  # a login by key or sudo without a password asks for no more
        ("account", {"pam_unix.so": "acct_expired"}, False),
        ("account", {"pam_unix.so": "perm_denied", "pam_faillock.so": "success"}, False),
    ],
)
def test_who_gets_in_on_debian_12(top, kind, answers, lets_in):
    harden(top)
    stack = parse((top / f"etc/pam.d/common-{kind}").read_text())
    right = {"pam_unix.so": "success", "pam_deny.so": "auth_err", **dict.fromkeys(AUTH[::2], "success")}
    assert passes(stack, {**right, **answers}) is lets_in
    assert problems(stack, set()) == []


def test_more_sources_of_accounts_jump_over_both_lines(top):
    text = PROFILES["unix"].replace("Priority: 256", "Priority: 128").replace("pam_unix.so", "pam_sss.so")
    (top / "usr/share/pam-configs/sss").write_text(text)
    (top / "usr/lib/x86_64-linux-gnu/security/pam_sss.so").touch()
    harden(top, extra_features=["sss"])
    assert lines(top, "auth")[1:5] == [
        "auth [success=4 default=ignore] pam_unix.so try_first_pass",
        "auth [success=3 default=ignore] pam_sss.so nullok try_first_pass",
        "auth [default=die] pam_faillock.so authfail",
        "auth sufficient pam_faillock.so authsucc",
    ]
    stack = parse((top / "etc/pam.d/common-auth").read_text())
    right = {"pam_deny.so": "auth_err", AUTH[0]: "success", AUTH[2]: "ignore"}
    for answers in ({"pam_unix.so": "success"}, {"pam_unix.so": "user_unknown", "pam_sss.so": "success"}):
        assert passes(stack, {**right, **answers}) is True
    assert passes(stack, {**right, "pam_unix.so": "auth_err", "pam_sss.so": "auth_err"}) is False


def test_a_machine_that_an_earlier_release_hardened(top):
    """The profiles change, and the tool's memory of the old ones is no line of the administrator's."""
    harden(top)
    for path in (top / "etc/pam.d/common-auth", top / "var/lib/pam/auth"):
        text = path.read_text().replace("success=3", "success=2").splitlines(keepends=True)
        path.write_text("".join(line for line in text if "authsucc" not in line))
    harden(top)
    assert "auth [success=3 default=ignore] pam_unix.so try_first_pass" in lines(top, "auth")
    assert harden(top)[1].changes == []


@pytest.mark.parametrize(
    ("given", "has_rounds"),
    [({}, False), ({"yescrypt_cost": 8}, True), ({"yescrypt_cost": 8, "hash": "sha512"}, False)],
)
def test_cost_of_yescrypt(top, given, has_rounds):
    harden(top, **given)
    assert ("rounds=8" in " ".join(lines(top, "password")).split()) is has_rounds
    assert harden(top, **given)[1].changes == []


@pytest.mark.parametrize("cost", [-1, 2, 12, 65536])
def test_a_cost_that_yescrypt_does_not_know(top, cost):
    with pytest.raises(HardeningError, match=f"yescrypt_cost: {cost} is not from 3 to 11"):
        harden(top, yescrypt_cost=cost)


def test_the_strength_checks_package_fits_in(top):
    harden(top)
    (top / "usr/share/pam-configs/pwquality").write_text(PWQUALITY)
    (top / "usr/lib/x86_64-linux-gnu/security/pam_pwquality.so").touch()
    harden(top)
    assert lines(top, "password")[:2] == [
        "password requisite pam_pwquality.so retry=3",
        "password requisite pam_pwhistory.so remember=24 enforce_for_root try_first_pass use_authtok",
    ]
    assert harden(top)[1].changes == []
    # The profile's option would count more than the file of settings.
    for dummy in range(2):
        _report, tree = harden(top, pwquality_settings={"retry": 2})
    assert lines(top, "password")[0] == "password requisite pam_pwquality.so"
    assert tree.changes == []


def test_switching_off_takes_the_lines_out(top):
    before = {kind: lines(top, kind) for kind in ("auth", "password")}
    harden(top)
    harden(top, faillock=False, remember=0, quality="none")
    assert lines(top, "auth") == [line.replace(" nullok", "") for line in before["auth"]]
    assert lines(top, "password") == before["password"]
    assert sorted(path.name for path in (top / "usr/share/pam-configs").iterdir()) == sorted(PROFILES)
    assert "hallmark" not in "".join((top / "var/lib/pam" / kind).read_text() for kind in (*TYPES, "seen"))
    assert not (top / "etc/security/pwquality.conf.d/zz-hallmark.conf").exists()


@pytest.mark.parametrize("is_live", [True, False])
def test_the_folder_of_counts_is_there_from_boot_on(top, is_live):
    (top / ("run/systemd/system" if is_live else "run")).mkdir(parents=True)
    harden(top)
    path = top / "etc/tmpfiles.d/hallmark-faillock.conf"
    assert path.read_text().splitlines()[1:] == ["d /run/faillock 0755 root root -"]
    assert (top / "run/faillock").is_dir() is is_live
    assert harden(top)[1].changes == []
    harden(top, faillock=False)
    assert not path.exists()
    path.write_text("d /run/faillock 0700 root root -\n")  # somebody else's
    harden(top, faillock=False)
    assert path.exists()


def test_one_strength_check_at_a_time(top):
    folder = top / "usr/share/pam-configs"
    (folder / "pwquality").write_text(PWQUALITY)
    (folder / "passwdqc").write_text(PWQUALITY.replace("pam_pwquality.so retry=3", "pam_passwdqc.so"))
    (top / "usr/lib/x86_64-linux-gnu/security/pam_pwquality.so").touch()
    harden(top, quality="passwdqc")
    assert lines(top, "password")[0] == "password requisite pam_passwdqc.so min=disabled,disabled,16,12,8"
    assert "pwquality" not in (top / "etc/pam.d/common-password").read_text()
    harden(top, quality="pwquality")
    assert lines(top, "password")[0] == "password requisite pam_pwquality.so retry=3"
    assert "passwdqc" not in (top / "etc/pam.d/common-password").read_text()


def test_what_the_administrator_changed_is_kept(top):
    path = top / "etc/pam.d/common-auth"
    path.write_text("auth optional pam_umask.so\n" + path.read_text().replace("nullok", "nullok audit") + "# mine\n")
    session = top / "etc/pam.d/common-session"
    session.write_text(session.read_text() + "session optional pam_umask.so nousergroups\n")
    harden(top)
    assert "auth [success=3 default=ignore] pam_unix.so try_first_pass audit" in lines(top, "auth")
    assert path.read_text().startswith("auth optional pam_umask.so\n")
    assert path.read_text().endswith("# mine\n")
    assert session.read_text().endswith("session optional pam_umask.so nousergroups\n")
    assert harden(top)[1].changes == []


def test_lines_that_no_profile_explains_are_refused_or_dropped(top):
    path = top / "etc/pam.d/common-auth"
    path.write_text(path.read_text().replace("auth\t[success", "auth\toptional\tpam_cap.so\nauth\t[success"))
    before = all_files(top)
    with pytest.raises(HardeningError, match="common-auth: lines of its own stand inside pam-auth-update's part"):
        harden(top)
    assert all_files(top) == before
    harden(top, replace_local_changes=True)
    assert not any("pam_cap" in line for line in lines(top, "auth"))


def test_profiles_of_earlier_tools_go(top):
    old = parse_profile("Name: x\nPriority: 0\nAuth-Type: Primary\nAuth:\n\t[default=die]\tpam_faillock.so authfail\n")
    assert old["Auth"] == "[default=die]\tpam_faillock.so authfail"
    folder = top / "usr/share/pam-configs"
    (folder / "faillock_authfail").write_text((folder / "systemd").read_text())
    (folder / "tally2").write_text("Name: old\n")
    harden(top, absent_profiles=["tally2", "faillock_authfail"])
    assert not {"tally2", "faillock_authfail"} & {path.name for path in folder.iterdir()}


def test_more_profiles(top):
    harden(top, extra_features=["mkhomedir"])
    assert lines(top, "session")[-1] == "session optional pam_mkhomedir.so"
    with pytest.raises(HardeningError, match="extra_features: ldap is no profile"):
        harden(top, extra_features=["ldap"])


def test_a_stack_that_would_lock_everybody_out_is_not_written(top):
    (top / "usr/lib/x86_64-linux-gnu/security/pam_faillock.so").unlink()
    before = all_files(top)
    with pytest.raises(
        HardeningError, match=r"common-auth is left as it is, because in the new one module pam_faillock\.so"
    ):
        harden(top)
    bad = PWQUALITY.replace("Password", "Auth").replace("requisite\t\t\tpam_pwquality.so", "requisite pam_deny.so")
    own = {"bad": bad}
    with pytest.raises(
        HardeningError, match="common-auth is left as it is, because in the new one auth refuses the right"
    ):
        apply(Tree(str(top)), Change(own, []), set())
    assert all_files(top) == before


def test_a_stack_without_the_tools_part_is_refused(top):
    (top / "etc/pam.d/common-account").write_text("account required pam_unix.so\n")
    with pytest.raises(HardeningError, match="common-account: has no part of pam-auth-update"):
        harden(top)


def test_memory_that_does_not_fit_is_noticed():
    text = common("auth", *BLOCKS["auth"])
    assert local_changes(text, MEMORY["auth"], "auth").mods == ["unix"]
    assert local_changes(text, MEMORY["account"], "auth") is None
    local = local_changes(text.replace("nullok", "audit"), MEMORY["auth"], "auth")
    key = "[success= default=ignore]\tpam_unix.so"
    assert (local.add[key], local.remove[key]) == (["audit"], ["nullok"])


def test_check_mode_says_the_same(top):
    before = all_files(top)
    _report, dry = harden(top, check_mode=True)
    assert all_files(top) == before
    assert harden(top)[1].result() == dry.result()
