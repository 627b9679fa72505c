# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area securetty: who gets in at a console, by the files that count and by what systemd has loaded."""

from __future__ import annotations

import posixpath
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

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
TTYS = ["console", "tty1", "tty2", "tty3", "tty4", "tty5", "tty6"]
SERIAL = ["ttyS0", "ttyAMA0", "hvc0"]
# Of unit files and drop-ins with one name the first folder's counts (systemd.unit(5)).
UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system")
UNITS += ("/usr/lib/systemd/system", "/lib/systemd/system")
DEBUG, ASKING = "debug-shell.service", ("rescue.service", "emergency.service")
FORCE = "SYSTEMD_SULOGIN_FORCE"
# agetty(8), mingetty(8): a name is given, or login is told not to ask for a password.
LETS_IN = re.compile(r"\s(--a[a-z]*[= ]|-a\s*[^\s-]|(--login-o[a-z]*[= ]|-o\s*)('[^']*|\"[^\"]*|)\s*-f\b)")


def _command() -> str:
    names = ("*getty*.service", "autovt@*.service", *ASKING, DEBUG)
    files = [f"{folder}/{name}" for folder in UNITS for name in names]
    files += [f"{folder}/{name}.d/*.conf" for folder in UNITS for name in names]
    # Of a password only its first letter, which says whether it is locked.
    first = r"sed -n 's/^root:\([^:]\{0,1\}\)[^:]*:.*/\1/p'"
    return f"""\
stat -c '%U %G %a %F' /etc/securetty 2>/dev/null
echo '=ttys'; cat /etc/securetty 2>/dev/null; echo
echo '=pam'; grep -lE '^[^#]*pam_securetty[.]so' /etc/pam.d/* 2>/dev/null
echo '=shadow'; {first} /etc/shadow 2>/dev/null
echo '=passwd'; {first} /etc/passwd
echo '=systemd'; ls -d /usr/lib/systemd/systemd /lib/systemd/systemd 2>/dev/null | head -n 1
echo '=links'
for file in {" ".join(files)}; do
  if [ -L "$file" ]; then echo "$file $(readlink "$file")"; fi
done
echo '=texts'; tail -v -n +1 {" ".join(files)} 2>/dev/null
echo; echo '=loaded'
systemctl show --property=Id,LoadState,ActiveState,ExecStart {DEBUG} {" ".join(ASKING)} 2>/dev/null
echo '=running'
grep -lzE '^--autologin(=|$)' /proc/[0-9]*/cmdline 2>/dev/null
true"""


class Console:
    """What the command told."""

    def __init__(self, text: str) -> None:
        parts = parts_of(text)
        attributes, ttys, pam, shadow, passwd, systemd, links, texts, loaded, running = parts
        self.attributes = attributes.strip()
        self.ttys = [line.strip() for line in ttys.splitlines() if line.strip() and not line.startswith("#")]
        self.enforcing = pam.split()
        self.passwords = {"shadow": shadow.strip("\n"), "passwd": passwd.strip("\n")}
        self.has_systemd = systemd.startswith("/")
        self.links = dict(line.split(None, 1) for line in links.splitlines())
        held = files_in(texts)
        # By name below the folders: the path that counts. A link to another unit is that unit's second name.
        self.files: dict[str, str] = {}
        for folder in UNITS:
            for path in sorted({*held, *self.links}):
                if path.startswith(f"{folder}/"):
                    self.files.setdefault(path[len(folder) + 1 :], path)
        self.texts = {name: "" if self._is_other(path) else held.get(path, "") for name, path in self.files.items()}
        blocks = (dict(re.findall(r"^(\w+)=(.*)$", block, re.MULTILINE)) for block in loaded.split("\n\n"))
        self.loaded = {block["Id"]: block for block in blocks if "Id" in block}
        self.running = running.splitlines()

    def _is_other(self, path: str) -> bool:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), self.links.get(path, path)))
        return path in self.links and target.startswith(("/dev/null", *UNITS))

    def settings(self, unit: str, key: str) -> list[str]:
        """Values of a list setting of a unit: its file, then drop-ins by name; an empty value starts anew."""
        parts = [unit, *sorted(name for name in self.texts if name.startswith(f"{unit}.d/"))]
        values: list[str] = []
        for part in parts:
            for line in self.texts.get(part, "").replace("\\\n", " ").splitlines():
                name, equals, value = line.partition("=")
                if equals and name.strip() == key:
                    values = [*values, value.strip()] if value.strip() else []
        return values

    def letting_in(self) -> list[str]:
        """Gettys that log somebody in without a password."""
        found = []
        for name, text in self.texts.items():
            for line in text.replace("\\\n", " ").splitlines():
                key, _equals, value = line.partition("=")
                if "getty" in value and key.strip() == "ExecStart" and LETS_IN.search(value):
                    found.append(f"{self.files[name]}: {line}")
        return found


@pytest.fixture
def console(host: Any) -> Console:
    return once(host, "securetty", lambda: Console(output_once(host, _command())))


@control("ds-securetty-01")
def test_terminals_of_root(console: Console) -> None:
    # Serial consoles belong into the list where, and only where, it is enforced (x-securetty-04).
    ttys = [tty for tty in console.ttys if not console.enforcing or tty not in SERIAL]
    assert (console.attributes, ttys) == ("root root 400 regular file", TTYS)


@control("x-securetty-01")
def test_password_of_root_is_locked(console: Console) -> None:
    found = {name: mark or "empty" for name, mark in console.passwords.items()}
    # x sends from passwd to shadow.
    wrong = {name: mark for name, mark in found.items() if mark not in ("!", "*") and (name, mark) != ("passwd", "x")}
    assert wrong == {}


@control("x-securetty-02")
def test_nobody_is_logged_in_automatically(console: Console) -> None:
    if not console.has_systemd:
        not_applicable("there is no systemd")
    path = console.files.get(DEBUG, "")
    state = console.loaded.get(DEBUG, {})
    found = {
        "logins": [*console.letting_in(), *console.running],
        DEBUG: console.links.get(path, path or "absent"),
        "loaded": state.get("LoadState", "masked"),
        "running": state.get("ActiveState", "inactive"),
    }
    assert path.startswith(UNITS[0]), f"{DEBUG} is not masked for good"
    assert found == {"logins": [], DEBUG: "/dev/null", "loaded": "masked", "running": "inactive"}


@control("x-securetty-03")
def test_rescue_asks_for_a_password(console: Console) -> None:
    if not console.has_systemd:
        not_applicable("there is no systemd")
    wrong = {}
    for unit in ASKING:
        commands = console.settings(unit, "ExecStart")
        if console.loaded.get(unit, {}).get("ExecStart"):
            commands.append(console.loaded[unit]["ExecStart"])
        if not commands or not all("sulogin" in command for command in commands):
            wrong[unit] = commands
        forced = any(FORCE in value for value in console.settings(unit, "Environment"))
        if forced and not any(FORCE in value for value in console.settings(unit, "UnsetEnvironment")):
            wrong[unit] = [FORCE]  # a root shell without a password, when root's is locked
    assert wrong == {}


@control("x-securetty-04")
def test_serial_consoles_are_listed_where_the_list_counts(console: Console) -> None:
    if not console.enforcing:
        not_applicable("no PAM stack asks the list")
    assert [tty for tty in SERIAL if tty not in console.ttys] == []
