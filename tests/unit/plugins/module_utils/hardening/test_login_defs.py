# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import login_defs
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.login_defs import set_keys
from support.image_tree import name_root
from support.role_vars import role_value

FILES = Path(__file__).parent / "files"
UNKNOWN = json.loads((FILES / "unknown_keys.json").read_text())
RPM = ("rhel8", "rhel9", "amazon2023", "alinux3", "anolis8")


def role_settings():
    """The role's own tables, its variables being their defaults."""
    return {
        "settings": role_value("login_defs", "__login_defs_common"),
        "family_settings": role_value("login_defs", "__login_defs_families"),
    }


def options(**others):
    return {
        "settings": {},
        "family_settings": {},
        "overrides": {},
        "encrypt_method": "auto",
        "inactive_days": -1,
        "shell_umask": True,
        "umask_script": "/etc/profile.d/zz-hallmark-umask.sh",
        "mode": "0444",
        **others,
    }


def make_tree(top, system):
    """A tree with the recorded files of `system` and a useradd that knows what that release knows."""
    for folder in ("etc/pam.d", "etc/default", "etc/profile.d", "usr/sbin"):
        (top / folder).mkdir(parents=True)
    name_root(top)
    for name in ("os-release", "login.defs"):
        shutil.copy(FILES / system / name, top / "etc" / name)
    every = [key for key in KEYS if key not in UNKNOWN[system]]
    (top / "usr/sbin/useradd").write_bytes(b"ELF\0" + b"\0".join(key.encode() for key in every) + b"\0")
    (top / "etc/default/useradd").write_text("SHELL=/bin/sh\n# INACTIVE=-1\n")
    if system in RPM:
        (top / "etc/bashrc").write_text("umask 002\n")
    else:
        (top / "etc/adduser.conf").write_text("# Default: DIR_MODE=0700\n#DIR_MODE=0700\n")
        (top / "etc/bash.bashrc").write_text('[ -z "$PS1" ] && return\n')
        for name in ("common-session", "common-session-noninteractive"):
            (top / "etc/pam.d" / name).write_text("session required pam_unix.so\n# end of pam-auth-update config\n")


KEYS = """
    MAIL_DIR FAILLOG_ENAB LOG_UNKFAIL_ENAB LOG_OK_LOGINS SYSLOG_SU_ENAB SYSLOG_SG_ENAB FTMP_FILE SU_NAME HUSHLOGIN_FILE
    ENV_SUPATH ENV_PATH TTYGROUP TTYPERM ERASECHAR KILLCHAR UMASK HOME_MODE PASS_MAX_DAYS PASS_MIN_DAYS PASS_WARN_AGE
    UID_MIN UID_MAX SYS_UID_MIN SYS_UID_MAX GID_MIN GID_MAX SYS_GID_MIN SYS_GID_MAX SUB_UID_MIN SUB_UID_MAX
    SUB_UID_COUNT SUB_GID_MIN SUB_GID_MAX SUB_GID_COUNT LOGIN_RETRIES LOGIN_TIMEOUT CHFN_RESTRICT
    DEFAULT_HOME USERGROUPS_ENAB
    MD5_CRYPT_ENAB ENCRYPT_METHOD SHA_CRYPT_MIN_ROUNDS SHA_CRYPT_MAX_ROUNDS YESCRYPT_COST_FACTOR CREATE_HOME
""".split()


def values(text):
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len({line[0] for line in lines}) == len(lines), "a key is set twice"
    return {key: value.strip() for key, value in lines}


@pytest.mark.parametrize("system", UNKNOWN)
def test_the_roles_values_on_recorded_systems(tmp_path, system):
    make_tree(tmp_path, system)
    tree = Tree(str(tmp_path))
    report = login_defs.set_all(tree, options(**role_settings()))
    found = values((tmp_path / "etc/login.defs").read_text())
    rpm = system in RPM
    yescrypt = system in ("debian12", "debian13", "ubuntu2404", "amazon2023")
    expected = {
        "PASS_MAX_DAYS": "60",
        "PASS_MIN_DAYS": "7",
        "UMASK": "077" if rpm else "027",
        "HOME_MODE": "0700",
        "SYS_UID_MIN": "201" if rpm else "100",
        "SYS_GID_MAX": "999",
        "SUB_UID_MAX": "600100000",
        "ENCRYPT_METHOD": "YESCRYPT" if yescrypt else "SHA512",
        "SHA_CRYPT_MIN_ROUNDS": "640000",
        "DEFAULT_HOME": "no",
        "ENV_PATH": "PATH=/usr/local/bin:/usr/bin:/bin",
        "MAIL_DIR": "/var/spool/mail" if rpm else "/var/mail",
    }
    assert {key: found.get(key) for key in expected} == expected
    assert ("CREATE_HOME" in found) is rpm
    assert "CHFN_RESTRICT" not in found
    assert report["unknown_keys"] == UNKNOWN[system]
    assert not set(UNKNOWN[system]) & set(found)
    assert (tmp_path / "etc/login.defs").stat().st_mode & 0o7777 == 0o444

    again = Tree(str(tmp_path))
    login_defs.set_all(again, options(**role_settings()))
    assert again.changes == []


@pytest.mark.parametrize(("system", "umask"), [("debian12", "027"), ("rhel9", "077")])
def test_companions_agree_and_can_be_taken_back(tmp_path, system, umask):
    make_tree(tmp_path, system)
    login_defs.set_all(Tree(str(tmp_path)), options(**role_settings(), inactive_days=45))
    shell = tmp_path / ("etc/bash.bashrc" if system == "debian12" else "etc/bashrc")
    assert f"\numask {umask}\n" in shell.read_text()
    assert f"\numask {umask}\n" in (tmp_path / "etc/profile.d/zz-hallmark-umask.sh").read_text()
    assert "\nINACTIVE=45\n" in (tmp_path / "etc/default/useradd").read_text()
    sessions = list((tmp_path / "etc/pam.d").iterdir())
    if system == "debian12":
        assert (tmp_path / "etc/adduser.conf").read_text().endswith("#DIR_MODE=0700\nDIR_MODE=0700\n")
        assert len(sessions) == 2
        for path in sessions:  # after pam-auth-update's part, which it would write anew
            assert path.read_text().split("# end of pam-auth-update config\n")[1].count("pam_umask.so") == 1
    login_defs.set_all(Tree(str(tmp_path)), options(**role_settings(), shell_umask=False))
    assert f"umask {umask}" not in shell.read_text()
    assert not (tmp_path / "etc/profile.d/zz-hallmark-umask.sh").exists()
    assert not any("pam_umask" in path.read_text() for path in sessions)


CROND = "account include password-auth\nsession required pam_loginuid.so\nsession include password-auth\n"


@pytest.mark.parametrize(
    ("postlogin", "is_link", "gets"),
    [
        ("session optional pam_umask.so silent\n", False, False),
        ("session optional pam_lastlog.so silent\n", False, True),
        ("session optional pam_lastlog.so silent\n", True, False),  # authselect's
    ],
)
def test_jobs_of_cron_have_the_umask_on_rpm_systems(tmp_path, postlogin, is_link, gets):
    make_tree(tmp_path, "rhel9")
    pam, line = tmp_path / "etc/pam.d", "session optional pam_umask.so\n"
    (pam / "crond").write_text(CROND)
    (tmp_path / "etc/authselect").mkdir()
    real = tmp_path / "etc/authselect/postlogin" if is_link else pam / "postlogin"
    real.write_text(postlogin)
    if is_link:
        (pam / "postlogin").symlink_to("/etc/authselect/postlogin")
    login_defs.set_all(Tree(str(tmp_path)), options(**role_settings()))
    assert (pam / "crond").read_text().startswith(CROND)
    assert (pam / "crond").read_text().count(line) == 1
    assert (line in real.read_text()) is gets
    again = Tree(str(tmp_path))
    login_defs.set_all(again, options(**role_settings()))
    assert again.changes == []
    assert not (pam / "atd").exists()
    login_defs.set_all(Tree(str(tmp_path)), options(**role_settings(), shell_umask=False))
    assert ((pam / "crond").read_text(), real.read_text()) == (CROND, postlogin)


def test_check_mode_says_the_same(tmp_path):
    make_tree(tmp_path, "debian12")
    dry, real = Tree(str(tmp_path), check_mode=True), Tree(str(tmp_path))
    login_defs.set_all(dry, options(**role_settings()))
    assert values((tmp_path / "etc/login.defs").read_text())["UMASK"] == "022"
    login_defs.set_all(real, options(**role_settings()))
    assert dry.result() == real.result()


def test_overrides_win(tmp_path):
    make_tree(tmp_path, "debian12")
    tree = Tree(str(tmp_path))
    tables = {"settings": {"UMASK": "022"}, "family_settings": {"debian": {"UMASK": "027"}}}
    login_defs.set_all(tree, options(**tables, overrides={"UMASK": "077", "USERGROUPS_ENAB": False}))
    found = values((tmp_path / "etc/login.defs").read_text())
    assert (found["UMASK"], found["USERGROUPS_ENAB"]) == ("077", "no")


def test_an_empty_text_leaves_a_key_to_the_system(tmp_path):
    make_tree(tmp_path, "debian12")
    path, companion = tmp_path / "etc/login.defs", tmp_path / "etc/adduser.conf"
    lines = [line for line in path.read_text().splitlines() if "HOME_MODE" in line]
    before = companion.read_text()
    settings = role_settings()
    settings["settings"] = {**settings["settings"], "HOME_MODE": ""}
    login_defs.set_all(Tree(str(tmp_path)), options(**settings, overrides={"PASS_MAX_DAYS": ""}))
    assert [line for line in path.read_text().splitlines() if "HOME_MODE" in line] == lines
    assert companion.read_text() == before
    assert values(path.read_text())["PASS_MAX_DAYS"] == "99999"


def test_keys_are_set_in_place_once():
    text = "# UMASK is prose\nUMASK 022\nUMASK\t002\n#HOME_MODE\t0700\nOTHER x\n"
    new, changes = set_keys(text, {"UMASK": "027", "HOME_MODE": "0700", "NEW": "1", "OTHER": None})
    assert new == "# UMASK is prose\n#UMASK 022\nUMASK\t027\n#HOME_MODE\t0700\nHOME_MODE\t0700\n#OTHER x\nNEW\t1\n"
    assert changes == [("UMASK", "002", "027"), ("HOME_MODE", None, "0700"), ("NEW", None, "1"), ("OTHER", "x", None)]
    assert set_keys(new, {"UMASK": "027", "HOME_MODE": "0700", "NEW": "1", "OTHER": None}) == (new, [])


def test_shell_style_values():
    assert set_keys("DIR_MODE=0755\n", {"DIR_MODE": "0700"}, "=") == (
        "DIR_MODE=0700\n",
        [("DIR_MODE", "0755", "0700")],
    )


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"settings": {"ENV_PATH": "PATH=/usr/bin:"}}, "ENV_PATH: .* an element that is empty"),
        ({"settings": {"ENV_PATH": "PATH=/usr/bin::/bin"}}, "ENV_PATH: .* an element that is empty"),
        ({"settings": {"ENV_SUPATH": "PATH=.:/bin"}}, "ENV_SUPATH: .* not an absolute path"),
        ({"settings": {"ENV_PATH": "/usr/bin"}}, "must begin with PATH="),
        ({"settings": {"UMASK": 23}}, "UMASK: '23' is not a mode"),
        ({"settings": {"PASS_MAX_DAYS": "1\nUMASK 0"}}, "PASS_MAX_DAYS: .* is no value"),
        ({"settings": {"PASS_MAX_DAYS": [60]}}, "PASS_MAX_DAYS: .* is no value"),
        ({"mode": "rw"}, "mode: 'rw' is not a mode"),
    ],
)
def test_bad_input_is_one_clear_line_and_changes_nothing(tmp_path, others, message):
    make_tree(tmp_path, "debian12")
    before = (tmp_path / "etc/login.defs").read_text()
    with pytest.raises(HardeningError, match=message) as caught:
        login_defs.set_all(Tree(str(tmp_path)), options(**others))
    assert "\n" not in str(caught.value)
    assert (tmp_path / "etc/login.defs").read_text() == before


def test_yescrypt_where_shadow_does_not_know_it_is_refused(tmp_path):
    make_tree(tmp_path, "debian11")
    with pytest.raises(HardeningError, match="does not know yescrypt; choose sha512 or auto"):
        login_defs.set_all(Tree(str(tmp_path)), options(encrypt_method="yescrypt"))


def test_a_system_without_login_defs_is_refused(tmp_path):
    (tmp_path / "etc").mkdir()
    with pytest.raises(HardeningError, match=r"/etc/login\.defs does not exist"):
        login_defs.set_all(Tree(str(tmp_path)), options())
