# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area pam: the stacks walked through as libpam does it, and the settings in force, arguments included."""

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
    os_family,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam import QUALITY, Line, parse, passes

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
DEBIAN = ("debian", "ubuntu")
SECURITY = "/etc/security"
# Stacks that every service includes: Debian's name says what they are for, those of RPM systems hold everything.
SHARED = ("common-auth", "common-account", "common-password", "system-auth", "password-auth")
RIGHT = {"pam_unix.so": "success", "pam_deny.so": "auth_err", "pam_faillock.so authfail": "ignore"}


def _command() -> str:
    files = [f"{SECURITY}/{name}.conf" for name in ("faillock", "pwquality", "pwhistory")]
    files += [f"{SECURITY}/pwquality.conf.d/*.conf", "/etc/libuser.conf", "/etc/pam.d/*"]
    folders = "/lib/security /lib64/security /usr/lib/security /usr/lib64/security /usr/lib/*-linux-*/security"
    return f"""\
tail -v -n +1 {" ".join(files)} 2>/dev/null
echo; echo '=modules'; ls {folders} /lib/*-linux-*/security 2>/dev/null | grep '\\.so$' | sort -u
echo '=profiles'; ls /usr/share/pam-configs 2>/dev/null
echo '=places'; stat -c '%n %U %G %a' /etc/libuser.conf 2>/dev/null
ls -d /etc/sssd/sssd.conf /etc/sssd/conf.d/*.conf 2>/dev/null
for name in system-auth password-auth; do
  test -L /etc/pam.d/$name && echo "/etc/pam.d/$name -> $(readlink /etc/pam.d/$name)"
done
true"""


class Pam:
    """What the command told."""

    def __init__(self, text: str) -> None:
        texts, modules, profiles, places = parts_of(text)
        self.texts = files_in(texts)
        self.modules = set(modules.split())
        self.profiles = set(profiles.split())
        self.places = places.splitlines()
        self.services = {
            path.rpartition("/")[2]: parse(text) for path, text in self.texts.items() if path.startswith("/etc/pam.d/")
        }

    def stacks(self, kind: str) -> dict[str, list[Line]]:
        """Lines of one kind in each shared stack that has any."""
        found = {name: [line for line in self.services.get(name, []) if line.kind == kind] for name in SHARED}
        return {name: lines for name, lines in found.items() if lines}

    def settings(self, path: str) -> dict[str, str]:
        """Keys and values of a settings file; a flag has the value "present"."""
        found = {}
        for line in self.texts.get(path, "").splitlines():
            key, equals, value = (part.strip() for part in line.partition("#")[0].partition("="))
            if key:
                found[key] = value if equals else "present"
        return found

    def pwquality(self) -> dict[str, str]:
        """Settings of libpwquality: drop-ins by name, then the main file, then arguments in the stacks."""
        drop_ins = sorted(path for path in self.texts if path.startswith(f"{SECURITY}/pwquality.conf.d/"))
        found: dict[str, str] = {}
        for path in [*drop_ins, f"{SECURITY}/pwquality.conf"]:
            found |= self.settings(path)
        for lines in self.stacks("password").values():
            found |= arguments(lines, "pam_pwquality.so")
        return found


def arguments(lines: list[Line], module: str) -> dict[str, str]:
    """Options of a module's lines; a flag has the value "present"."""
    words = [word.partition("=") for line in lines if line.module == module for word in line.options]
    return {key: value if equals else "present" for key, equals, value in words}


def order(lines: list[Line], *names: str) -> list[str]:
    """Which of the named lines (`module` or `module option`) there are, in the order of the stack."""
    found = []
    for line in lines:
        known = [line.module, *(f"{line.module} {word}" for word in line.options)]
        found += [name for name in names if name in known and name not in found]
    return found


def between(value: str | None, least: int, most: int | None = None) -> bool:
    """Whether a setting is a number within these bounds."""
    if value is None or not re.fullmatch(r"-?\d+", value):
        return False
    return int(value) >= least and (most is None or int(value) <= most)


@pytest.fixture
def pam(host: Any) -> Pam:
    return once(host, "pam", lambda: Pam(output_once(host, _command())))


@control("ds-pam-01")
def test_no_module_keeps_passwords(pam: Pam) -> None:
    users = [name for name, lines in pam.services.items() if any(line.module == "pam_ccreds.so" for line in lines)]
    assert ("pam_ccreds.so" in pam.modules, users) == (False, [])


@control("ds-pam-02")
def test_new_passwords_pass_a_strength_check(pam: Pam) -> None:
    stacks = pam.stacks("password")
    found = {}
    for name, lines in stacks.items():
        checks = [line.module for line in lines if line.module in QUALITY and line.module in pam.modules]
        refuses = not passes(lines, {**RIGHT, **dict.fromkeys(checks, "authtok_err")})
        limits = arguments(lines, "pam_passwdqc.so").get("min", "min=disabled,disabled,16,12,8")
        found[name] = bool(checks) and refuses and limits.endswith("disabled,disabled,16,12,8")
    assert found
    assert found == dict.fromkeys(found, True)


@control("ds-pam-03")
def test_accounts_lock_after_failed_logins(pam: Pam) -> None:
    found: dict[str, Any] = {}
    stages = ["pam_faillock.so preauth", "pam_unix.so", "pam_faillock.so authfail"]
    settings = pam.settings(f"{SECURITY}/faillock.conf")
    for name, lines in pam.stacks("auth").items():
        found[f"auth in {name}"] = order(lines, *stages)
        found[f"a locked account in {name}"] = passes(lines, {**RIGHT, stages[0]: "auth_err"})
        settings |= arguments(lines, "pam_faillock.so")
    for name, lines in pam.stacks("account").items():
        found[f"account in {name}"] = order(lines, "pam_faillock.so")
    expected: dict[str, Any] = {key: stages for key in found if key.startswith("auth")}
    expected |= {key: False for key in found if key.startswith("a locked")}
    expected |= {key: ["pam_faillock.so"] for key in found if key.startswith("account")}
    found |= {key: settings.get(key, "not set") for key in ("deny", "unlock_time", "even_deny_root")}
    expected["deny"] = found["deny"] if between(found["deny"], 1, 5) else "5"
    is_long = between(found["unlock_time"], 600) or found["unlock_time"] in ("0", "never")
    expected |= {"unlock_time": found["unlock_time"] if is_long else "600", "even_deny_root": "present"}
    assert "pam_faillock.so" in pam.modules
    assert len(found) > 3
    assert found == expected


@control("ds-pam-04")
def test_no_tally_modules(pam: Pam) -> None:
    users = [path for path, text in pam.texts.items() if re.search(r"^[^#\n]*pam_tally2?\b", text, re.MULTILINE)]
    assert (users, pam.profiles & {"tally", "tally2"}) == ([], set())


def history(pam: Pam) -> dict[str, dict[str, str]]:
    """Settings of pam_pwhistory in force per stack, with `refuses` when an old password is refused there."""
    found = {}
    for name, lines in pam.stacks("password").items():
        held = pam.settings(f"{SECURITY}/pwhistory.conf") | arguments(lines, "pam_pwhistory.so")
        used = order(lines, "pam_pwhistory.so", "pam_unix.so") == ["pam_pwhistory.so", "pam_unix.so"]
        if used and not passes(lines, {**RIGHT, "pam_pwhistory.so": "authtok_err"}):
            held["refuses"] = "old passwords"
        found[name] = held
    return found


@control("ds-pam-05")
def test_old_passwords_are_refused_on_rpm_systems(host: Any, pam: Pam) -> None:
    if os_family(host) not in ("redhat", "alinux", "anolis"):
        not_applicable("is for RPM systems; the other controls about old passwords hold everywhere")
    found = history(pam)
    bad = {
        name: held
        for name, held in found.items()
        if not ("refuses" in held and "use_authtok" in held and between(held.get("remember"), 5))
    }
    assert found
    assert bad == {}


@control("ds-pam-06")
def test_hashes_of_rpm_systems_are_slow(host: Any, pam: Pam) -> None:
    if os_family(host) not in ("redhat", "alinux", "anolis"):
        not_applicable("is for RPM systems")
    stacks = pam.stacks("password")
    found = {name: arguments(lines, "pam_unix.so") for name, lines in stacks.items()}
    bad = {
        name: held
        for name, held in found.items()
        if not ("shadow" in held and ("yescrypt" in held or ("sha512" in held and between(held.get("rounds"), 640000))))
    }
    assert found
    assert bad == {}


@control("ds-pam-07")
def test_key_logins_survive_an_expired_password(pam: Pam) -> None:
    stacks = pam.stacks("account")
    found = {name: "no_pass_expiry" in arguments(lines, "pam_unix.so") for name, lines in stacks.items()}
    assert found
    assert found == dict.fromkeys(found, True)


@control("ds-pam-08")
def test_hashes_of_libuser(pam: Pam) -> None:
    if "/etc/libuser.conf" not in pam.texts:
        not_applicable("libuser is not installed")
    attributes = next(line.split()[1:] for line in pam.places if line.startswith("/etc/libuser.conf "))
    found = (pam.settings("/etc/libuser.conf").get("crypt_style", "not set"), attributes)
    assert found == ("sha512", ["root", "root", "640"])


@control("ds-pam-09")
def test_stacks_are_own_copies_reached_by_link(host: Any, pam: Pam) -> None:
    if os_family(host) not in ("redhat", "alinux", "anolis"):
        not_applicable("is for RPM systems")
    names = ("/etc/pam.d/system-auth", "/etc/pam.d/password-auth")
    assert [line for line in pam.places if " -> " in line] == [f"{name} -> {name}-local" for name in names]


@control("ds-pam-10")
def test_directory_services_only_where_they_are_set_up(pam: Pam) -> None:
    used = {line.module for lines in pam.services.values() for line in lines if not line.may_lack}
    found = {name for name in ("pam_sss.so", "pam_oddjob_mkhomedir.so") if name in used}
    ready = {name for name in found if name in pam.modules}
    if not any(place.startswith("/etc/sssd/") for place in pam.places):
        ready.discard("pam_sss.so")
    assert found == ready


@control("x-pam-01")
def test_passwords_are_long_and_varied(pam: Pam) -> None:
    held = pam.pwquality()
    bounds = {"minlen": (16, None), "minclass": (4, 4), "difok": (2, None)}
    bounds |= dict.fromkeys(("dcredit", "ucredit", "lcredit", "ocredit"), (-99, -1))
    bounds |= dict.fromkeys(("maxrepeat", "maxsequence", "retry"), (1, 3))
    bounds |= dict.fromkeys(("dictcheck", "usercheck", "enforcing"), (1, None))
    bad = {
        key: held.get(key, "not set")
        for key, (least, most) in bounds.items()
        if not between(held.get(key), least, most)
    }
    assert (bad, held.get("enforce_for_root"), "pam_pwquality.so" in pam.modules) == ({}, "present", True)


@control("x-pam-02")
def test_lock_out_is_strict(pam: Pam) -> None:
    held = pam.settings(f"{SECURITY}/faillock.conf")
    for lines in pam.stacks("auth").values():
        held |= arguments(lines, "pam_faillock.so")
    bounds = {"deny": (1, 3), "fail_interval": (900, None), "unlock_time": (900, None), "root_unlock_time": (900, None)}
    bad = {
        key: held.get(key, "not set")
        for key, (least, most) in bounds.items()
        if not between(held.get(key), least, most)
    }
    assert (bad, held.get("audit")) == ({}, "present")


@control("x-pam-03")
def test_old_passwords_are_refused(pam: Pam) -> None:
    found = history(pam)
    wanted = {"refuses", "use_authtok", "enforce_for_root"}
    bad = {name: held for name, held in found.items() if wanted - set(held) or not between(held.get("remember"), 24)}
    assert "pam_pwhistory.so" in pam.modules
    assert found
    assert bad == {}


@control("x-pam-04")
def test_no_blank_passwords(pam: Pam) -> None:
    found = [
        f"{name}: {line.kind} {line.module}"
        for name, lines in pam.services.items()
        for line in lines
        if line.kind in ("auth", "password") and {"nullok", "nullok_secure"} & set(line.options)
    ]
    assert found == []


@control("x-pam-05")
def test_sessions_have_temporary_directories(host: Any, pam: Pam) -> None:
    if os_family(host) not in DEBIAN:
        not_applicable("is for Debian and Ubuntu")
    assert "pam_tmpdir.so" in pam.modules


@control("x-pam-06")
def test_apparmor_confines_sessions(host: Any, pam: Pam) -> None:
    if os_family(host) not in DEBIAN:
        not_applicable("is for Debian and Ubuntu")
    assert "pam_apparmor.so" in pam.modules
