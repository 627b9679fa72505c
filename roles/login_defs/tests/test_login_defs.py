# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area login_defs: the file's keys, those that must agree with them, and the umask a session really has."""

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

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
# These need more than a table of keys.
OTHERS = ("ds-login_defs-03", "ds-login_defs-07", "x-login_defs-02", "x-login_defs-03", "x-login_defs-04")
OTHERS += ("x-login_defs-05",)
LOGIN_DEFS = "/etc/login.defs"
PAM_SESSIONS = ("/etc/pam.d/common-session", "/etc/pam.d/common-session-noninteractive")
PAM_PASSWORDS = ("/etc/pam.d/common-password", "/etc/pam.d/system-auth", "/etc/pam.d/password-auth")
# Services whose sessions a person or cron has, and what they may include besides.
SERVICES = ("cron", "crond", "atd", "login", "sshd", "su")
INCLUDED = ("/etc/pam.d/postlogin",)
SHELL_FILES = ("/etc/bash.bashrc", "/etc/bashrc")


def _command() -> str:
    files = (LOGIN_DEFS, "/etc/adduser.conf", "/etc/default/useradd", *PAM_SESSIONS, *PAM_PASSWORDS, *SHELL_FILES)
    files += (*INCLUDED, *(f"/etc/pam.d/{name}" for name in SERVICES))
    return f"""\
stat -c '%n %U %G %a %F' {LOGIN_DEFS} 2>/dev/null
echo '=texts'; tail -v -n +1 {" ".join(files)} /etc/profile /etc/profile.d/*.sh 2>/dev/null
echo '=umasks'
su -s /bin/sh -c 'echo "a PAM session: $(umask)"' nobody </dev/null 2>/dev/null
su -l -c 'echo "a login shell of root: $(umask)"' root </dev/null 2>/dev/null
bash -ic 'echo "an interactive bash: $(umask)"' </dev/null 2>/dev/null
echo '=known'; grep -aoE '[A-Z][A-Z0-9_]{{3,}}' $(command -v useradd || echo /dev/null) | sort -u
true"""


class Login:
    """What the command told."""

    def __init__(self, text: str) -> None:
        attributes, texts, umasks, known = parts_of(text)
        self.attributes = attributes.split()[1:4]
        self.texts = files_in(texts)
        self.umasks = dict(re.findall(r"^(.*): (\d+)$", umasks, re.MULTILINE))
        self._known = known.split()

    def knows(self, key: str) -> bool:
        """Whether the installed shadow knows `key`; linkers let a short key share the end of a long one."""
        return not self._known or any(word.endswith(key) for word in self._known)

    def value(self, path: str, key: str) -> str:
        """Value in force of a key: the last line counts."""
        found = re.findall(rf"^[ \t]*{key}[ \t=]+(.*?)[ \t]*$", self.texts.get(path, ""), re.MULTILINE)
        return found[-1].strip("\"'") if found else "not set"


@pytest.fixture
def login(host: Any) -> Login:
    return once(host, "login_defs", lambda: Login(output_once(host, _command())))


def judge(musts: list[dict], login: Login, family: str) -> tuple[dict, dict]:
    """What was found and what is demanded, an entry per key; both empty when nothing applies to this system."""
    found, expected = {}, {}
    for must in musts:
        if family not in must.get("os", [family]):
            continue
        if must["kind"] == "file":
            found["owner, group, mode"] = login.attributes
            owner, group = must.get("owner", "root"), must.get("group", "root")
            expected["owner, group, mode"] = [owner, group, must["mode"].lstrip("0")]
        elif must["path"] in login.texts and (must["path"] != LOGIN_DEFS or login.knows(must["key"])):
            key, value = must["key"], must["value"]
            held = login.value(must["path"], key)
            found[key] = held
            expected[key] = held if must.get("match") == "contains" and value in held else value
    return found, expected


TABLE = [pytest.param(CONTROLS[name]["must"], id=name, marks=control(name)) for name in CONTROLS if name not in OTHERS]


@pytest.mark.parametrize("musts", TABLE)
def test_keys(host: Any, login: Login, musts: list[dict]) -> None:
    found, expected = judge(musts, login, os_family(host))
    if not expected:
        not_applicable("is for other systems than this, or its shadow does not know these keys")
    assert found == expected


@control("ds-login_defs-03")
def test_password_hashes_are_slow(login: Login) -> None:
    keys = ("ENCRYPT_METHOD", "SHA_CRYPT_MIN_ROUNDS", "SHA_CRYPT_MAX_ROUNDS")
    found = {key: login.value(LOGIN_DEFS, key) for key in keys if login.knows(key)}
    found["MD5_CRYPT_ENAB"] = login.value(LOGIN_DEFS, "MD5_CRYPT_ENAB")
    is_slow = found["ENCRYPT_METHOD"] in ("SHA512", "YESCRYPT")  # the stronger one is as good
    expected = dict.fromkeys(found, "640000")
    expected["ENCRYPT_METHOD"] = found["ENCRYPT_METHOD"] if is_slow else "SHA512"
    expected["MD5_CRYPT_ENAB"] = "not set" if found["MD5_CRYPT_ENAB"] == "not set" else "no"
    assert found == expected


@control("ds-login_defs-07")
def test_users_cannot_change_their_names(login: Login) -> None:
    found = login.value(LOGIN_DEFS, "CHFN_RESTRICT")
    assert found == "not set"


@control("x-login_defs-02")
def test_default_hash_is_yescrypt(host: Any, login: Login) -> None:
    family = os_family(host)
    if family not in ("debian", "ubuntu", "amazon"):
        not_applicable("this system's account tools use SHA512")
    found, expected = {}, {}
    if login.knows("YESCRYPT_COST_FACTOR"):
        for key, value in (("ENCRYPT_METHOD", "YESCRYPT"), ("YESCRYPT_COST_FACTOR", "11")):
            found[key], expected[key] = login.value(LOGIN_DEFS, key), value
    lines = [line for path in PAM_PASSWORDS for line in login.texts.get(path, "").splitlines()]
    hashes = {
        word
        for line in lines
        if re.match(r"-?password\s.*pam_unix\.so", line)
        for word in line.split()
        if word in ("md5", "bigcrypt", "sha256", "sha512", "blowfish", "gost_yescrypt", "yescrypt")
    }
    found["pam_unix"], expected["pam_unix"] = sorted(hashes), ["yescrypt"]
    assert found == expected


@control("x-login_defs-03")
def test_unused_accounts_are_closed(login: Login) -> None:
    found = login.value("/etc/default/useradd", "INACTIVE")
    assert found == "45"


@control("x-login_defs-04")
def test_umask_of_shells_and_sessions(host: Any, login: Login) -> None:
    found: dict[str, Any] = {name: login.umasks.get(name, "none") for name in login.umasks or ["a PAM session"]}
    scripts = [login.texts[path] for path in login.texts if path.startswith("/etc/profile")]
    found["/etc/profile.d"] = _umasks("\n".join(scripts))
    shell_file = next((path for path in SHELL_FILES if path in login.texts), None)
    if shell_file:
        found[shell_file] = _umasks(login.texts[shell_file])
    expected = {name: value if is_strict(value) else "027" for name, value in found.items()}
    paths = [f"/etc/pam.d/{name}" for name in SERVICES]
    paths = [path for path in paths if path in login.texts]
    for path in [*(PAM_SESSIONS if os_family(host) in ("debian", "ubuntu") else ()), *paths]:
        found[path] = session_umask(login.texts, path)
        expected[path] = "of login.defs"
    assert found == expected


def session_umask(texts: dict[str, str], path: str) -> str:
    """Where the umask of a PAM stack's sessions comes from: the last pam_umask, in what it includes too, decides."""
    found = "nowhere"
    for line in texts.get(path, "").splitlines():
        words = line.split()
        if words[:1] == ["@include"] or (words[:1] == ["session"] and words[1:2] in (["include"], ["substack"])):
            inner = session_umask(texts, f"/etc/pam.d/{words[-1]}")
            found = inner if inner != "nowhere" else found
        elif words[:1] in (["session"], ["-session"]) and "pam_umask.so" in words:
            fixed = [word for word in words if word == "usergroups" or word.startswith("umask=")]
            lax = [word for word in fixed if not is_strict(word.partition("=")[2])]
            found = " ".join(lax) or "of login.defs"
    return found


def _umasks(text: str) -> str:
    """The umask a script sets last, which is in force when it ends."""
    found = re.findall(r"^\s*umask\s+([0-7]{3,4})\b", text, re.MULTILINE)
    return found[-1] if found else "not set"


def is_strict(umask: str) -> bool:
    """Whether a umask takes at least what 027 takes."""
    return umask.isdigit() and int(umask, 8) & 0o027 == 0o027


@control("x-login_defs-05")
def test_paths_have_no_empty_element(login: Login) -> None:
    found = {key: login.value(LOGIN_DEFS, key).removeprefix("PATH=") for key in ("ENV_PATH", "ENV_SUPATH")}
    bad = {key: value for key, value in found.items() if not all(part.startswith("/") for part in value.split(":"))}
    assert bad == {}
