# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters: the language of sysctl.d files and which assignment wins at boot.

Two programs read these files and disagree (tried on Debian 12): systemd-sysctl reads the sysctl.d folders only, procps'
`sysctl --system` reads /etc/sysctl.conf after all of them. In both, files sort by name whatever folder they are in, the
later assignment wins, and a name without wildcard beats one with. So our file sorts after the vendors' 99-*.conf.
Keys are held as paths below /proc/sys (`net/ipv4/conf/eth0.5/rp_filter`), the one form without ambiguity.
"""

from __future__ import annotations

import fnmatch

from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import read_order

FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
LEGACY = "/etc/sysctl.conf"
UFW = "/etc/ufw/sysctl.conf"  # ufw's own start script loads it after everything else

# At these values the kernel keeps the parameter until it is booted again (Documentation/admin-guide/sysctl/kernel.rst).
LOCKED = {
    "kernel/modules_disabled": "1",
    "kernel/kexec_load_disabled": "1",
    "kernel/unprivileged_bpf_disabled": "1",
    "kernel/yama/ptrace_scope": "3",
}


class Assignment:
    """One line of a file that sets a value, or (value None) takes a name out of wildcards' reach."""

    __slots__ = ("key", "value", "path", "line")

    def __init__(self, key: str, value: str | None, path: str, line: int) -> None:
        self.key, self.value, self.path, self.line = key, value, path, line


def key_path(name: str) -> str:
    """`net.ipv4.ip_forward`, `net/ipv4/ip_forward` or `net.ipv4.conf.eth0/5.rp_filter` as a path below /proc/sys.

    Which of `.` and `/` comes first is the separator, the other one then stands for it (sysctl.d(5)).
    """
    dot, slash = name.find("."), name.find("/")
    if dot >= 0 and (slash < 0 or dot < slash):
        return name.replace("/", "\0").replace(".", "/").replace("\0", ".")
    return name


def key_name(path: str) -> str:
    """The dotted name of a path below /proc/sys, the opposite of `key_path`."""
    return path.replace(".", "\0").replace("/", ".").replace("\0", "/")


def normal(value: object) -> str:
    """A value as the kernel compares it: blanks of any kind and number are one space."""
    return " ".join(str(value).split())


def is_pattern(key: str) -> bool:
    """Whether `key` holds wildcards."""
    return any(char in key for char in "*?[")


def parse(text: str, path: str) -> list[Assignment]:
    """Assignments of one file in order. Lines that are none are left to the tools to complain about."""
    found = []
    for number, raw in enumerate(text.split("\n")):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        name, equals, value = line.partition("=")
        name = name.strip()
        if name.startswith("-"):
            name = name[1:].strip()
            if not equals:
                found.append(Assignment(key_path(name), None, path, number))
                continue
        if equals and name:
            found.append(Assignment(key_path(name), normal(value), path, number))
    return found


def boot_order(files: list[str], legacy_last: bool) -> list[str]:
    """Those of `files` that are read, in order; of files with one name the first folder's is read.

    `legacy_last`: procps, which reads /etc/sysctl.conf at the end; False: systemd-sysctl, which does not read it.
    """
    ordered = read_order([path for path in files if path.endswith(".conf")], FOLDERS)
    return [*ordered, LEGACY] if legacy_last and LEGACY in files else ordered


def winner(key: str, assignments: list[Assignment]) -> Assignment | None:
    """The assignment (all of them in the order they are read) that decides `key`, a path without wildcards."""
    exact = [item for item in assignments if item.key == key]
    if exact:
        return exact[-1] if exact[-1].value is not None else None
    hits = [item for item in assignments if is_pattern(item.key) and fnmatch.fnmatchcase(key, item.key)]
    return hits[-1] if hits else None


def overlaps(ours: str, other: str) -> bool:
    """Whether the two keys, each maybe with wildcards, can name the same parameter."""
    return ours == other or fnmatch.fnmatchcase(other, ours) or fnmatch.fnmatchcase(ours, other)


def rivals(settings: dict[str, str], assignments: list[Assignment]) -> list[Assignment]:
    """Assignments that give a parameter of `settings` (paths) another value.

    Where both a name and a pattern of `settings` match, the name's value counts.
    """
    found = []
    for item in assignments:
        if item.value is None:
            continue
        values = {settings[item.key]} if item.key in settings else set()
        if not values:
            values = {value for key, value in settings.items() if overlaps(key, item.key)}
        if values and values != {item.value}:
            found.append(item)
    return found


def comment_out(text: str, items: list[Assignment], reason: str) -> str:
    """`text` with the lines of `items` made comments that say why."""
    lines = text.split("\n")
    for item in items:
        lines[item.line] = f"# {lines[item.line].strip()}  # {reason}"
    return "\n".join(lines)


def render(settings: dict[str, str], header: str) -> str:
    """The drop-in's text. Parameters keep their order: ip_forward resets others when written."""
    return f"# {header}\n" + "".join(f"{key_name(key)} = {value}\n" for key, value in settings.items())
