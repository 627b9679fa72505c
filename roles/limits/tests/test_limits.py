# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area limits: what the files say, last word counting, and what a fresh session and systemd really have."""

from __future__ import annotations

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
from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import SYSTEMD, systemd_order
from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import limits as entries_of
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sysctl import (
    FOLDERS,
    LEGACY,
    boot_order,
    parse,
    winner,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
OURS = "hallmark.images"  # stands in the first line of every file the collection writes


def _command() -> str:
    files = ["/etc/security/limits.conf", "/etc/security/limits.d/*.conf", LEGACY]
    files += [f"{folder}/{name}" for folder in SYSTEMD for name in ("system.conf", "coredump.conf")]
    files += [f"{folder}/{name}.conf.d/*.conf" for folder in SYSTEMD for name in ("system", "coredump")]
    files += [f"{folder}/*.conf" for folder in FOLDERS]
    files += [f"{folder}/system/user-.slice.d/*.conf" for folder in SYSTEMD[:2]]
    return f"""\
stat -c '%n %U %G %a %F' /etc/security/limits.d /etc/security/limits.d/*.conf /etc/systemd/*.conf.d 2>/dev/null
echo '=texts'; tail -v -n +1 {" ".join(files)} 2>/dev/null
echo '=sessions'
for user in root nobody; do
  runuser -u $user -- /bin/sh -c "echo $user hard \\$(ulimit -Hc); echo $user soft \\$(ulimit -Sc)" 2>/dev/null
done
echo '=systemd'; ls -d /usr/lib/systemd/systemd /lib/systemd/systemd 2>/dev/null | head -n 1
systemctl show --property=DefaultLimitCORE 2>/dev/null
echo '=kernel'; cat /proc/sys/kernel/core_pattern
ls -d /run/systemd/container /.dockerenv /run/.containerenv 2>/dev/null
true"""


class Limits:
    """What the command told."""

    def __init__(self, text: str) -> None:
        attributes, texts, sessions, systemd, kernel = parts_of(text)
        self.attributes = {line.split()[0]: line.split()[1:] for line in attributes.splitlines()}
        self.texts = files_in(texts)
        self.sessions = dict(line.rsplit(" ", 1) for line in sessions.splitlines())
        self.has_systemd = systemd.startswith("/")
        self.manager = systemd.partition("DefaultLimitCORE=")[2].strip()
        self.core_pattern, *marks = kernel.splitlines()
        self.is_container = bool(marks)
        # pam_limits reads limits.conf, then limits.d by name; of entries for one name the last counts.
        self.entries: dict[str, tuple[str, str]] = {}
        drop_ins = sorted(path for path in self.texts if path.startswith("/etc/security/limits.d/"))
        for path in ["/etc/security/limits.conf", *drop_ins]:
            for name, value in entries_of(self.texts.get(path, "")).items():
                self.entries[name] = (value, path)

    def entry(self, name: str) -> str:
        """Value in force of an entry such as `* hard core`."""
        return self.entries.get(name, ("not set", ""))[0]

    def setting(self, file: str, key: str) -> str:
        """Value in force of `key` in systemd's `file` and its drop-ins."""
        value = "not set"
        for path in systemd_order(self.texts, file):
            for line in self.texts[path].splitlines():
                name, equals, held = line.partition("=")
                if equals and name.strip() == key:
                    value = held.strip()
        return value

    def own(self, start: str) -> list[str]:
        """Files below `start` that the collection wrote and that are about core files."""
        return [path for path, text in self.texts.items() if path.startswith(start) and OURS in text.split("\n")[0]]


@pytest.fixture
def limits(host: Any) -> Limits:
    return once(host, "limits", lambda: Limits(output_once(host, _command())))


@control("ds-limits-01")
def test_no_core_files_of_logins(limits: Limits) -> None:
    everyone = {name: limits.entry(name) for name in limits.entries if name.endswith(" hard core")}
    path = limits.entries.get("* hard core", ("", ""))[1]
    found = {
        "* hard core": limits.entry("* hard core"),
        **{name: value for name, value in everyone.items() if not name.startswith("root ")},
        "its file": limits.attributes.get(path, "none")[:3],
        "/etc/security/limits.d": limits.attributes.get("/etc/security/limits.d", "none"),
        "a session of nobody": limits.sessions.get("nobody hard"),
    }
    expected = dict.fromkeys(found, "0")
    expected["its file"] = ["root", "root", "440"]
    expected["/etc/security/limits.d"] = ["root", "root", "755", "directory"]
    assert found == expected


@control("ds-limits-02")
def test_systemd_stores_no_core_files(limits: Limits) -> None:
    if not limits.has_systemd:
        not_applicable("there is no systemd")
    folder = "/etc/systemd/coredump.conf.d"
    found = {"Storage": limits.setting("coredump.conf", "Storage"), folder: limits.attributes.get(folder, "none")}
    assert found == {"Storage": "none", folder: ["root", "root", "755", "directory"]}


@control("ds-limits-03")
def test_drop_ins_against_core_files_come_and_go_together(limits: Limits) -> None:
    here = [path for path in limits.own("/etc/security/limits.d/") if " core " in limits.texts[path]]
    there = limits.own("/etc/systemd/coredump.conf.d/")
    if here and there:
        not_applicable("core files are switched off")
    assert (here, there) == ([], [])


@control("x-limits-01")
def test_no_core_files_of_root_and_services(limits: Limits) -> None:
    found = {"root hard core": limits.entry("root hard core"), "a session of root": limits.sessions.get("root hard")}
    if limits.has_systemd:
        found["DefaultLimitCORE at boot"] = limits.setting("system.conf", "DefaultLimitCORE")
        found["ProcessSizeMax"] = limits.setting("coredump.conf", "ProcessSizeMax")
        if limits.manager:
            found["DefaultLimitCORE of the running systemd"] = limits.manager
    assert found == dict.fromkeys(found, "0")


@control("x-limits-02")
def test_logins_are_bounded(limits: Limits) -> None:
    found = limits.entry("* hard maxlogins")
    assert found in [str(number) for number in range(10, 0, -1)]


@control("x-limits-03")
def test_kernel_discards_core_files(limits: Limits) -> None:
    if limits.is_container:
        not_applicable("a container shares its host's kernel and cannot set its parameters")
    found = {"running": limits.core_pattern}
    for tool, legacy in (("systemd-sysctl", False), ("sysctl --system", True)):
        paths = boot_order(list(limits.texts), legacy)
        last = winner("kernel/core_pattern", [item for path in paths for item in parse(limits.texts[path], path)])
        found[tool] = f"{last.value}" if last else "not set"
    assert found == dict.fromkeys(found, "|/bin/false")


@control("x-limits-04")
def test_processes_are_bounded(limits: Limits) -> None:
    value = limits.entry("* soft nproc")
    changed = [path for path, text in limits.texts.items() if "user-.slice.d" in path and "TasksMax" in text]
    found = {"* soft nproc": value, "changed TasksMax": changed}
    bounded = value.isdigit() and 0 < int(value) <= 4096
    assert found == {"* soft nproc": value if bounded else "4096", "changed TasksMax": []}
