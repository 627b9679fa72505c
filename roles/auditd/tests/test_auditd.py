# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area auditd: settings and rules in files, the rules and state of the running kernel, the boot loader."""

from __future__ import annotations

import fnmatch
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
from ansible_collections.hallmark.images.plugins.module_utils.hardening.audit_rules import (
    calls_of,
    is_never_task,
    parse_all,
    widths,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.swept import SWEEP, Swept

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
CONF = "/etc/audit/auditd.conf"
ARGUMENTS = ("audit=1", "audit_backlog_limit=8192")
SOCKET = "systemd-journald-audit.socket"
EVERY, SUDO_LOG = "every set-id file", "the log file of sudo"


def _command() -> str:
    musts = [must for item in CONTROLS.values() for must in item["must"] if must["kind"] == "audit_rule"]
    paths = {must.get("watch", must.get("exec", " ")) for must in musts}
    return f"""\
stat -Lc '%n %U %G %a %F' {CONF} /var/log/audit /var/log/audit/* /etc/audit/rules.d/* /etc/audit/audit.rules \\
  /sbin/auditctl /sbin/auditd /sbin/audisp-remote /etc/default/grub 2>/dev/null
echo '=texts'; tail -v -n +1 {CONF} /etc/audit/rules.d/*.rules /etc/default/grub /etc/default/grub.d/*.cfg \\
  /boot/loader/entries/*.conf /boot/grub2/grubenv 2>/dev/null
echo '=kernels'; grep -hE '^[[:space:]]*linux(efi|16)?[[:space:]]' /boot/grub/grub.cfg /boot/grub2/grub.cfg 2>/dev/null
echo '=paths'; ls -d /var/log/sudo.log {" ".join(sorted(path for path in paths if " " not in path))} 2>/dev/null
echo '=running'; auditctl -l 2>/dev/null
echo '=status'; auditctl -s 2>/dev/null
echo '=units'; ls -d /etc/systemd/system/*.wants/auditd.service /usr/lib/systemd/system/{SOCKET} \\
  /lib/systemd/system/{SOCKET} 2>/dev/null
echo "masked $(readlink /etc/systemd/system/{SOCKET})"
[ -d /run/systemd/system ] && systemctl show --property=Id,ActiveState auditd.service {SOCKET} 2>/dev/null
echo '=machine'; uname -m
awk '$1 == "UID_MIN" {{print "UID_MIN " $2}}' /etc/login.defs 2>/dev/null
sed -n 's/^ *Defaults.*logfile *= *"*\\([^", ]*\\).*/sudo_log \\1/p' /etc/sudoers /etc/sudoers.d/* 2>/dev/null
ls -d /run/systemd/container /.dockerenv /run/.containerenv /run/systemd/system /proc/self/loginuid 2>/dev/null
echo "btime $(awk '$1 == "btime" {{print $2}}' /proc/stat)"
echo "written $(stat -c %Y /boot/grub/grub.cfg /boot/grub2/grub.cfg /boot/loader/entries/*.conf 2>/dev/null | sort -n |
  tail -n 1)"
echo "cmdline $(cat /proc/cmdline)"
true"""


class Audit:
    """What the command told, and what was found in the file systems."""

    def __init__(self, text: str, swept: Swept) -> None:
        parts = parts_of(text)
        attributes, texts, kernels, paths, running, status, units, machine = parts
        self.attributes = {line.split()[0]: line.split(None, 4)[1:] for line in attributes.splitlines()}
        self.texts = files_in(texts)
        self.rule_files = {path: text for path, text in self.texts.items() if path.startswith("/etc/audit/rules.d/")}
        self.rules = [rule for text in self.rule_files.values() for rule in parse_all(text)]
        self.paths = paths.split()
        # Of a file with several names one rule is enough: the kernel goes by its inode.
        self.programs: dict[str, list[str]] = {}
        for file in swept.set_id:
            self.programs.setdefault(file.inode, []).append(file.path)
        lines = [line.partition(" ") for line in machine.splitlines()[1:]]
        marks = {name for name, _blank, _value in lines}
        values = {name: value for name, _blank, value in lines if value}
        self.is_container = bool(marks & {"/run/systemd/container", "/.dockerenv", "/run/.containerenv"})
        self.has_systemd = "/run/systemd/system" in marks
        # In a container the kernel's rules are the host's; without loginuid it has no audit system.
        self.is_running = self.has_systemd and not self.is_container and "/proc/self/loginuid" in marks
        self.running_text = running
        self.running = parse_all(running)
        self.status = dict(line.split(None, 1) for line in status.splitlines() if " " in line)
        self.units = units.splitlines()
        name = machine.split("\n")[0]
        self.machine = "i386" if re.fullmatch(r"i\d86", name) else "arm" if name.startswith("armv") else name
        self.uid_min = int(values.get("UID_MIN", 1000))
        self.sudo_log = values.get("sudo_log", "/var/log/sudo.log")
        self.cmdline = values.get("cmdline", "").split()
        # A kernel that was started after the boot loader's files were written shows what they really do.
        self.is_booted = int(values.get("btime", 0)) > int(values.get("written", 0)) > 0
        env = re.search(r"^kernelopts=(.*)", self.texts.get("/boot/grub2/grubenv", ""), re.MULTILINE)
        entries = [text for path, text in self.texts.items() if path.startswith("/boot/loader/entries/")]
        options = re.findall(r"^options (.*)", "\n".join(entries), re.MULTILINE)
        self.kernels = [line.replace("$kernelopts", env[1] if env else "").split() for line in options]
        self.kernels = self.kernels or [line.split() for line in kernels.splitlines()]

    def setting(self, key: str) -> str:
        """Value in force of a key of auditd.conf."""
        found = re.findall(rf"^\s*{key}\s*=\s*(.*?)\s*$", self.texts.get(CONF, ""), re.MULTILINE)
        return found[-1] if found else "not set"

    def is_active(self, unit: str) -> bool:
        """Whether systemd says that `unit` is active."""
        blocks = "\n".join(self.units).split("Id=")[1:]
        return any(block.startswith(f"{unit}\n") and "ActiveState=active" in block for block in blocks)

    def is_allowed(self, field: str, demanded: list[str]) -> bool:
        """Whether a rule with `field` still records what a rule with the fields `demanded` records."""
        if field.startswith("auid>="):
            number = field.removeprefix("auid>=")
            return "auid>=UID_MIN" in demanded and number.isdigit() and int(number) <= self.uid_min
        return field in demanded

    def covers(self, rule: tuple, must: dict, width: str, call: str, paths: list[str]) -> bool:
        """Whether `rule` records `call` (or access to one of `paths`) by programs of `width` as `must` demands."""
        kind, held_width, calls, fields, keys = rule
        if kind != "always,exit" or must["key"] not in keys or held_width not in ("", width):
            return False
        rest = set(fields)
        if paths:
            letters = next((field[5:] for field in fields if field.startswith("perm=")), "rwxa")
            place = next((field for field in fields if field.startswith("path=")), "")
            if place.removeprefix("path=") not in paths or set(must.get("perm", "x")) - set(letters):
                return False
            rest -= {place, f"perm={letters}"}
        elif not {call, "all"} & calls:
            return False
        return all(self.is_allowed(field, must.get("fields", [])) for field in rest)


@pytest.fixture
def audit(host: Any) -> Audit:
    return once(host, "auditd", lambda: Audit(output_once(host, _command()), Swept(output_once(host, SWEEP))))


def demands(audit: Audit, must: dict, system: str) -> list[tuple[str, str, str, list[str]]]:
    """Each `(what it is, width, call, paths)` that `must` wants to have recorded on this machine."""
    if system not in must.get("os", [system]):
        return []
    # 32-bit programs on ARM servers are rare, and their kernels often cannot run any.
    kinds = ("b64",) if audit.machine == "aarch64" else widths(audit.machine)
    wide = [width for width in kinds if width in must.get("arch", kinds)]
    if "calls" in must:
        names = {width: calls_of(must["calls"], audit.machine, width) for width in wide}
        return [(f"{call} ({width})", width, call, []) for width in wide for call in names[width]]
    place = must.get("watch") or must["exec"]
    groups = [[path] for path in audit.paths if fnmatch.fnmatchcase(path, place)] if "*" in place else [[place]]
    if place == EVERY:
        groups = list(audit.programs.values())
    if place == SUDO_LOG:
        groups = [[audit.sudo_log]]
    return [(group[0], width, "", group) for width in wide for group in groups]


def missing(audit: Audit, musts: list[dict], system: str) -> dict[str, list[str]]:
    """What no rule records, in the files and in the running kernel; nothing can be watched that does not exist."""
    found: dict[str, list[str]] = {"no rule in /etc/audit/rules.d": [], "no rule in the kernel": []}
    for must in musts:
        for name, width, call, paths in demands(audit, must, system):
            exists = not paths or paths[0] in audit.paths or must.get("exec") == EVERY
            places = [(audit.rules, "no rule in /etc/audit/rules.d")]
            if audit.is_running and exists:
                places.append((audit.running, "no rule in the kernel"))
            for rules, place in places:
                if not any(audit.covers(rule, must, width, call, paths) for rule in rules):
                    found[place].append(f"{name}, key {must['key']}")
    return {place: sorted(set(names)) for place, names in found.items()}


TABLE = [
    pytest.param(item["must"], id=name, marks=control(name))
    for name, item in CONTROLS.items()
    if item["must"][0]["kind"] == "audit_rule"
]


@pytest.mark.parametrize("musts", TABLE)
def test_rules(host: Any, audit: Audit, musts: list[dict]) -> None:
    found = missing(audit, musts, os_family(host))
    assert found == {place: [] for place in found}


def settings(audit: Audit, name: str) -> tuple[dict, dict]:
    """Settings found and demanded by control `name`; the daemon ignores upper and lower case."""
    found, expected = {}, {}
    for must in CONTROLS[name]["must"]:
        if must["kind"] == "conf":
            key = must["key"]
            found[key] = audit.setting(key)
            choices = must["value"].split(" or ")
            expected[key] = found[key] if found[key].lower() in map(str.lower, choices) else must["value"]
    return found, expected


@control("package-08")
def test_daemon_keeps_every_record(audit: Audit) -> None:
    if audit.is_container:
        not_applicable("a container has no audit daemon of its own")
    found, expected = settings(audit, "package-08")
    found["auditd"], expected["auditd"] = "/sbin/auditd" in audit.attributes, True
    assert found == expected


@control("ds-auditd-01")
def test_settings_are_private_and_complete(audit: Audit) -> None:
    if audit.is_container:
        not_applicable("a container has no audit daemon of its own")
    found, expected = settings(audit, "ds-auditd-01")
    found[CONF], expected[CONF] = audit.attributes.get(CONF, ["absent"])[:3], ["root", "root", "640"]
    assert found == expected


@control("ds-auditd-02")
def test_journald_does_not_record_twice(host: Any, audit: Audit) -> None:
    if os_family(host) == "suse":
        not_applicable("is for other systems than this")
    if not any(line.endswith(f"lib/systemd/system/{SOCKET}") for line in audit.units):
        not_applicable("there is no such socket")
    found = {"masked": "masked /dev/null" in audit.units, "active": audit.is_active(SOCKET)}
    assert found == {"masked": True, "active": False}


@control("ds-auditd-03")
def test_daemon_runs(audit: Audit) -> None:
    if audit.is_container:
        not_applicable("a container has no audit daemon of its own")
    found = {"enabled": any(line.endswith(".wants/auditd.service") for line in audit.units)}
    if audit.is_running:
        found["running"] = audit.is_active("auditd.service")
    assert found == dict.fromkeys(found, True)


@control("x-auditd-14")
def test_rules_are_locked(audit: Audit) -> None:
    # augenrules puts the last of these lines at the very end, whatever file it stands in.
    lines = [line.strip() for path in sorted(audit.rule_files) for line in audit.rule_files[path].splitlines()]
    found = {"last -e": ([line for line in lines if line.startswith("-e")] or ["none"])[-1]}
    expected = {"last -e": "-e 2"}
    if audit.is_running:
        found["running"], expected["running"] = audit.status.get("enabled"), "2"
    assert found == expected


@control("x-auditd-15")
def test_auditing_starts_with_the_kernel(host: Any, audit: Audit) -> None:
    system, found = os_family(host), {}
    has_grub = bool(audit.kernels) or "/etc/default/grub" in audit.attributes
    if not has_grub:
        not_applicable("the kernel is not started by GRUB")
    if system in ("debian", "ubuntu"):
        # Scanners read the first, where there is one; files of cloud images overrule it.
        places = [path for path in audit.texts if path == "/etc/default/grub"] + ["/etc/default/grub.d/*"]
        for place in places:
            texts = [text for path, text in audit.texts.items() if fnmatch.fnmatchcase(path, place)]
            values = re.findall(r"^GRUB_CMDLINE_LINUX=(.*)", "\n".join(texts), re.MULTILINE)
            found[place] = any(has_arguments(value.strip("\"'").split()) for value in values)
    for number, words in enumerate(audit.kernels, 1):
        found[f"kernel {number} of the boot loader"] = has_arguments(words)
    if audit.is_running:
        limit = audit.status.get("backlog_limit", "0")
        found["auditing is on"] = audit.status.get("enabled") in ("1", "2")
        found["backlog of the running kernel"] = limit.isdigit() and int(limit) >= 8192
        if audit.is_booted:
            found["/proc/cmdline"] = has_arguments(audit.cmdline)
    assert found == dict.fromkeys(found, True)


def has_arguments(words: list[str]) -> bool:
    """Whether a kernel's arguments say what they must; of several the last counts."""
    last = {word.partition("=")[0]: word for word in words}
    return all(last.get(word.partition("=")[0]) == word for word in ARGUMENTS)


@control("x-auditd-16")
def test_files_are_private(audit: Audit) -> None:
    bad = {}
    for must in CONTROLS["x-auditd-16"]["must"]:
        held = [path for path in audit.attributes if fnmatch.fnmatchcase(path, must["path"])]
        if not held and "*" not in must["path"] and not must["path"].endswith(".rules"):
            bad[must["path"]] = ["absent"]
        for path in held:
            owner, group, mode, _kind = audit.attributes[path]
            wrong_owner = "owner" in must and (owner, group) != (must["owner"], must["group"])
            if wrong_owner or int(mode, 8) & ~int(must["mode_max"], 8):
                bad[path] = [owner, group, mode]
    assert bad == {}


@control("x-auditd-17")
def test_no_rule_silences_the_others(audit: Audit) -> None:
    texts = audit.rule_files | ({"the kernel": audit.running_text} if audit.is_running else {})
    found = [f"{place}: {line}" for place, text in texts.items() for line in text.splitlines() if is_never_task(line)]
    assert found == []


@control("x-auditd-18")
def test_records_leave_with_names(audit: Audit) -> None:
    found, expected = settings(audit, "x-auditd-18")
    found["audisp-remote"], expected["audisp-remote"] = "/sbin/audisp-remote" in audit.attributes, True
    assert found == expected
