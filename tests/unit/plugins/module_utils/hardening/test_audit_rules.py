# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import audit_rules
from ansible_collections.hallmark.images.plugins.module_utils.hardening.audit_rules import (
    calls_of,
    is_never_task,
    machine_of,
    parse,
    parse_all,
    render_group,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError


def all_lines(system="debian", machine="x86_64", library=b""):
    lines = []
    for name in audit_rules.GROUPS:
        lines += render_group(name, system, machine, 1000, library, programs=["/usr/bin/sudo"])
    return lines


@pytest.mark.parametrize("system", ["debian", "ubuntu", "redhat", "amazon", "alinux", "anolis", "suse"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "riscv64", "i386", "arm", ""])
def test_every_group_has_rules_and_no_rule_comes_twice(system, machine):
    for name in audit_rules.GROUPS:
        assert render_group(name, system, machine, 1000, programs=["/usr/bin/sudo"])
    rules = parse_all("\n".join(all_lines(system, machine)))
    assert len(rules) == len(all_lines(system, machine)) == len(set(rules))
    assert {rule[1] for rule in rules} == {"", *audit_rules.widths(machine)}


def test_rules_of_a_group_as_they_are_written():
    assert render_group("mounts", "debian", "x86_64", 500) == [
        "-a always,exit -F arch=b64 -S mount,umount2 -F auid>=500 -F auid!=unset -F key=mounts",
        "-a always,exit -F arch=b32 -S mount,umount,umount2 -F auid>=500 -F auid!=unset -F key=mounts",
    ]
    assert render_group("time", "debian", "aarch64", 1000) == [
        "-w /etc/localtime -p wa -k time-change",
        "-a always,exit -F arch=b64 -S adjtimex,settimeofday -F key=time-change",
        "-a always,exit -F arch=b32 -S adjtimex,settimeofday,stime -F key=time-change",
        "-a always,exit -F arch=b64 -S clock_settime -F a0=0x0 -F key=time-change",
        "-a always,exit -F arch=b32 -S clock_settime -F a0=0x0 -F key=time-change",
    ]
    assert render_group("privileged", "debian", "x86_64", 1000, programs=["/usr/bin/su"]) == [
        "-a always,exit -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=unset -F key=privileged"
    ]
    assert render_group("mac", "amazon", "x86_64", 1000) == [
        "-w /etc/selinux -p wa -k MAC-policy",
        "-w /usr/share/selinux -p wa -k MAC-policy",
    ]


def test_each_use_of_privileges_is_a_rule_of_its_own():
    rules = [line for line in render_group("scope", "debian", "x86_64", 1000) if line.endswith("user_emulation")]
    end = "-C euid!=uid -F auid!=unset -F key=user_emulation"
    calls = ("execve", "execveat")
    assert rules == [f"-a always,exit -F arch={width} -S {call} {end}" for call in calls for width in ("b64", "b32")]


@pytest.mark.parametrize(
    ("system", "twice"), [("debian", False), ("ubuntu", True), ("redhat", True), ("alinux", True), ("amazon", True)]
)
def test_modules_that_people_load_have_a_rule_of_their_own_where_benchmarks_want_it(system, twice):
    lines = [line for line in render_group("modules", system, "x86_64", 1000) if "-S init_module" in line]
    assert [line for line in lines if "auid" not in line] == lines[:2]
    people = [line.replace(" -F key", " -F auid>=1000 -F auid!=unset -F key") for line in lines[:2]]
    assert lines[2:] == (people if twice else [])


def test_watches_of_the_caller_come_once():
    more = [("/etc/networks", "system-locale"), ("/etc/networkd-dispatcher", "system-locale")]
    more += [("/etc/network", "system-locale")]
    lines = render_group("network", "ubuntu", "x86_64", 1000, watches=more)
    assert lines.count("-w /etc/networks -p wa -k system-locale") == 1
    assert lines.count("-w /etc/networkd-dispatcher -p wa -k system-locale") == 1
    assert [line for line in lines if "/etc/network/" in line or "/etc/network " in line] == [
        "-w /etc/network/ -p wa -k system-locale"
    ]


def test_calls_that_the_architecture_or_the_library_does_not_know_are_left_out():
    assert calls_of("chmod fchmod fchmodat fchmodat2", "x86_64", "b64") == ["chmod", "fchmod", "fchmodat"]
    assert calls_of("chmod fchmodat2", "x86_64", "b64", b"x\0fchmodat2\0y") == ["chmod", "fchmodat2"]
    assert calls_of("chmod fchmodat", "aarch64", "b64") == ["fchmodat"]
    assert calls_of("stime umount", "x86_64", "b64") == []
    assert calls_of("stime umount", "x86_64", "b32") == ["stime", "umount"]


@pytest.mark.parametrize(
    ("program", "machine"),
    [
        (b"\x7fELF" + bytes(14) + b"\x3e\0", "x86_64"),
        (b"\x7fELF" + bytes(14) + b"\xb7\0", "aarch64"),
        (b"\x7fELF" + bytes(14) + b"\x15\0", ""),
        (b"#!/bin/sh\n", ""),
        (b"", ""),
    ],
)
def test_the_architecture_of_a_program(program, machine):
    assert machine_of(program) == machine


# Written, and what auditctl 3.0.9 prints of it on Linux 6.18.
PRINTED = [
    ("-w /etc/sudoers.d -p wa -k scope", "-w /etc/sudoers.d/ -p wa -k scope"),
    ("-w /etc/sudoers.d -p wa -k scope", "-a always,exit -F dir=/etc/sudoers.d -F perm=wa -F key=scope"),
    ("-w /etc/shadow -p wa -k a", "-a always,exit -S all -F path=/etc/shadow -F perm=wa -F key=a"),
    (
        "-a always,exit -F arch=b32 -S adjtimex,settimeofday,clock_settime,stime -F key=time-change",
        "-a always,exit -F arch=b32 -S stime,settimeofday,adjtimex,clock_settime -F key=time-change",
    ),
    (
        "-a always,exit -F arch=b64 -S open -F exit=-EACCES -F auid>=1000 -F auid!=unset -F key=access",
        "-a always,exit -F arch=x86_64 -S open -F exit=-13 -F auid>=1000 -F auid!=-1 -F key=access",
    ),
    (
        "-a always,exit -F arch=b64 -S clock_settime -F a0=0 -k time-change",
        "-a always,exit -F arch=b64 -S clock_settime -F a0=0x0 -F key=time-change",
    ),
    ("-a always,exit -S kill -F a1=15 -k x", "-a always,exit -S kill -F a1=0xf -F key=x"),
    (
        "-a exit,always -F arch=b64 -S execve -C euid!=uid -F auid!=4294967295 -k user_emulation",
        "-a always,exit -F arch=b64 -S execve -C uid!=euid -F auid!=-1 -F key=user_emulation",
    ),
    (
        "-a always,exit -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=unset -F key=privileged",
        "-a always,exit -S all -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=-1 -F key=privileged",
    ),
]


@pytest.mark.parametrize(("written", "printed"), PRINTED)
def test_what_the_kernel_tells_is_what_was_written(written, printed):
    assert parse(written) == parse(printed)
    assert parse(written) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-w /a -p wa -k x", "-w /a -p w -k x"),
        ("-w /a -p wa -k x", "-w /a -p wa -k y"),
        ("-a always,exit -F arch=b64 -S open -k x", "-a always,exit -F arch=b32 -S open -k x"),
        ("-a always,exit -F arch=b64 -S open -k x", "-a never,exit -F arch=b64 -S open -k x"),
        ("-a always,exit -S open -F auid>=1000 -k x", "-a always,exit -S open -F auid>=100 -k x"),
        ("-a always,exit -S open -F auid>=1000 -k x", "-a always,exit -S open -F auid<=1000 -k x"),
        ("-a always,exit -S open -F a0=0x0 -k x", "-a always,exit -S open -F a0=0x1 -k x"),
        ("-a always,exit -S open -F a0=0x0 -k x", "-a always,exit -S open -F a0=zero -k x"),
    ],
)
def test_different_rules_stay_different(one, other):
    assert parse(one) != parse(other)


@pytest.mark.parametrize("line", ["", "# -w /a", "-D", "-b 8192", "-e 2", "-i", "No rules", "-a"])
def test_lines_that_are_no_rules(line):
    assert parse(line) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-a never,task", True),
        ("-a task,never", True),
        ("  -a  never,task", True),
        ("-A task,never", True),
        ("#-a never,task", False),
        ("-a never,task -F uid=33", False),
        ("-a never,exit", False),
        ("-a always,exit -S open", False),
    ],
)
def test_the_rule_that_silences_all_others(line, expected):
    assert is_never_task(line) is expected


@pytest.mark.parametrize("rule", ["/etc/x", "-w /a\n-w /b", "", "-D", "-e 2", "-R /etc/x"])
def test_extra_rules_that_are_none_are_refused(rule):
    with pytest.raises(HardeningError, match="extra_rules: ") as caught:
        audit_rules.check_extra([rule])
    assert "\n" not in str(caught.value)


def test_extra_rules():
    assert audit_rules.check_extra([" -w /srv -p rwa -k srv "]) == ["-w /srv -p rwa -k srv"]


def test_files_that_modules_make_need_no_records_and_the_kernel_shows_the_rule_as_it_is_written():
    lines = render_group("modules", "debian", "x86_64", 1000)
    assert lines[:2] == ["-a never,filesystem -F fstype=tracefs", "-a never,filesystem -F fstype=debugfs"]
    assert parse(lines[0]) == parse("-a filesystem,never -F fstype=tracefs")
    assert not any(is_never_task(line) for line in lines)
