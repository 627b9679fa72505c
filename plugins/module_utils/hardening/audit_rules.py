# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the Linux audit system as texts: the groups that the collection writes, and reading rules back.

Rules are compared in a normal form, because auditctl prints them otherwise than they were written (auditctl(8)).
"""

from __future__ import annotations

import re

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError

_DEBIAN = ("debian", "ubuntu")
_RPM = ("redhat", "amazon", "alinux", "anolis", "suse")

#: Of each group: `(path, key, families or None for all)` of files whose change (write, attributes) is recorded. Which
#: folders end with a slash auditctl does not mind, but scanners compare texts.
WATCHES = {
    "time": [("/etc/localtime", "time-change", None)],
    "identity": [
        (f"/etc/{name}", "identity", None)
        for name in "group passwd gshadow shadow security/opasswd nsswitch.conf pam.conf pam.d/".split()
    ],
    "network": [
        *((f"/etc/{name}", "system-locale", None) for name in ("issue", "issue.net", "hosts", "networks")),
        *((f"/etc/{name}", "system-locale", _DEBIAN) for name in ("network/", "netplan/")),
        ("/etc/sysconfig/network", "system-locale", _RPM),
    ],
    "mac": [
        *((f"/etc/{name}", "MAC-policy", _DEBIAN) for name in ("apparmor", "apparmor.d")),
        *((name, "MAC-policy", _RPM) for name in ("/etc/selinux", "/usr/share/selinux")),
    ],
    "logins": [(path, "logins", None) for path in ("/var/log/lastlog", "/var/run/faillock")],
    "session": [(path, "session", None) for path in ("/var/run/utmp", "/var/log/wtmp", "/var/log/btmp")],
    "scope": [(path, "scope", None) for path in ("/etc/sudoers", "/etc/sudoers.d")],
}
#: Folders and the start of names in them that group network looks for besides.
NETWORK_NAMES = (("/etc", "network"), ("/etc/sysconfig", "network"))

_PEOPLE = "-F auid>={uid_min} -F auid!=unset"
#: Of each group: `(system calls, the rest of the rule, key)`; one rule for each of b64 and b32.
SYSCALLS = {
    "time": [
        ("adjtimex settimeofday stime", "", "time-change"),
        ("clock_settime", "-F a0=0x0", "time-change"),  # CLOCK_REALTIME; the others are no time of day
    ],
    "network": [("sethostname setdomainname", "", "system-locale")],
    "perm_mod": [
        (calls, _PEOPLE, "perm_mod")
        for calls in (
            "chmod fchmod fchmodat fchmodat2",
            "chown fchown lchown fchownat",
            "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr",
        )
    ],
    "access": [
        ("creat open openat openat2 open_by_handle_at truncate ftruncate", f"-F exit=-{error} {_PEOPLE}", "access")
        for error in ("EACCES", "EPERM")
    ],
    "mounts": [("mount umount umount2", _PEOPLE, "mounts")],
    "delete": [("rename renameat renameat2 unlink unlinkat rmdir", _PEOPLE, "delete")],
    "scope": [
        ("execve execveat", f"-F euid=0 {_PEOPLE}", "actions"),
        ("execve", "-C euid!=uid -F auid!=unset", "user_emulation"),
        ("execveat", "-C euid!=uid -F auid!=unset", "user_emulation"),
    ],
    "modules": [("init_module finit_module delete_module create_module query_module", "", "kernel_modules")],
}
#: Groups whose system calls some families' benchmarks want to have recorded for people in a rule of its own as well.
PEOPLE_TOO = {"modules": ("ubuntu", *_RPM)}
#: Of each group: file systems whose files no record needs to name. A module that is loaded makes files there, each of
#: which would have a record of its own: kvm alone makes 1500, more than auditd takes at once (auditctl(8), filesystem).
LEFT_OUT = {"modules": ("tracefs", "debugfs")}
#: Of each group: `(program, key)` whose start by people is recorded.
PROGRAMS = {
    "modules": [("/usr/bin/kmod", "kernel_modules")],
    "tools": [
        *((f"/usr/bin/{name}", "perm_chng") for name in ("chcon", "setfacl", "chacl")),
        ("/usr/sbin/usermod", "usermod"),
    ],
}
#: Every group, in the order of the file.
GROUPS = tuple(
    "time identity network mac logins session perm_mod access privileged mounts delete scope modules tools".split()
)

# Calls that an architecture never had, of those above; asking for one is an error that auditctl reports.
_OLD = frozenset("open creat rename unlink rmdir chmod chown lchown stime umount create_module query_module".split())
_ABSENT = {
    "x86_64": {"b64": frozenset(("stime", "umount"))},
    "aarch64": {"b64": _OLD, "b32": frozenset(("create_module", "query_module"))},
    "riscv64": {"b64": _OLD},
}
_32_BIT = ("i386", "arm")
# Calls that only newer releases of libaudit know by name.
_NEW = ("fchmodat2", "openat2")
# e_machine of an ELF file -> architecture (elf.h).
_ELF = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


def machine_of(program: bytes) -> str:
    """Architecture of a program (its bytes) as `uname -m` names it; empty when it is none that is known here."""
    return _ELF.get(int.from_bytes(program[18:20], "little"), "") if program[:4] == b"\x7fELF" else ""


def widths(machine: str) -> tuple[str, ...]:
    """Which kinds of programs a machine runs: b64, b32 or both."""
    return ("b32",) if machine in _32_BIT else ("b64",) if machine == "riscv64" else ("b64", "b32")


def calls_of(calls: str, machine: str, width: str, library: bytes = b"") -> list[str]:
    """Those of the system calls (names with spaces) that the architecture has and libaudit (its bytes) knows."""
    absent = _ABSENT.get(machine, {}).get(width, frozenset())
    return [
        call for call in calls.split() if call not in absent and (call not in _NEW or call.encode() + b"\0" in library)
    ]


def render_group(
    name: str,
    system: str,
    machine: str,
    uid_min: int,
    library: bytes = b"",
    watches: tuple | list = (),
    programs: tuple | list = (),
) -> list[str]:
    """Lines of one group for a system of family `system`.

    `library` is the content of libaudit, `watches` holds more `(path, key)` to watch, `programs` the set-id programs of
    the system (used by group privileged).
    """
    people = _PEOPLE.format(uid_min=uid_min)
    own = [(path, key) for path, key, families in WATCHES.get(name, []) if families is None or system in families]
    held = {(_place(path), key) for path, key in own}
    own += [(path, key) for path, key in watches if (_place(path), key) not in held]
    lines = [f"-a never,filesystem -F fstype={kind}" for kind in LEFT_OUT.get(name, ())]
    lines += [f"-w {path} -p wa -k {key}" for path, key in own]
    asked = SYSCALLS.get(name, [])
    if system in PEOPLE_TOO.get(name, ()):
        asked = [*asked, *((calls, _PEOPLE, key) for calls, _rest, key in asked)]
    for calls, rest, key in asked:
        for width in widths(machine):
            names = calls_of(calls, machine, width, library)
            fields = f"{rest.format(uid_min=uid_min)} ".lstrip()
            if names:
                lines.append(f"-a always,exit -F arch={width} -S {','.join(names)} {fields}-F key={key}")
    started = PROGRAMS.get(name, []) + [(path, "privileged") for path in programs if name == "privileged"]
    lines += [f"-a always,exit -F path={path} -F perm=x {people} -F key={key}" for path, key in started]
    return lines


def check_extra(rules: list[str]) -> list[str]:
    """The user's own rules without blanks around; raises HardeningError for what is no rule."""
    clean = [str(rule).strip() for rule in rules]
    for rule in clean:
        if not rule.startswith("-") or "\n" in rule:
            raise HardeningError(
                f"extra_rules: {rule!r} is no rule; give one line as auditctl(8) takes it, e.g. '-w /x'"
            )
        if rule.split()[0] in ("-D", "-e", "-R"):
            raise HardeningError(f"extra_rules: {rule!r}: -D and -e have options of their own, -R reads no file here")
    return clean


# --- reading rules ---------------------------------------------------------------------------------------------------

_UNSET = ("-1", "4294967295", "unset")
_ERRORS = {"-13": "-EACCES", "-1": "-EPERM"}
_WIDTHS = {"x86_64": "b64", "aarch64": "b64", "riscv64": "b64", "i386": "b32", "i686": "b32", "arm": "b32"}
_ARGUMENTS = ("a0", "a1", "a2", "a3")
_OPERATORS = ("!=", ">=", "<=", "&=", "=", ">", "<", "&")


def parse(line: str) -> tuple | None:
    """Normal form `(action and list, width, calls, fields, keys)` of a rule; None for comments and control lines.

    The last three are frozensets. Works on files and on what `auditctl -l` prints. A rule about permissions of a path
    has the calls `all`: which ones they are libaudit decides.
    """
    words = line.split()
    if not words or words[0] not in ("-a", "-A", "-w") or len(words) < 2:
        return None
    kind, width = "always,exit", ""
    calls, fields, keys = set(), set(), set()
    for option, value in zip(words[0::2], words[1::2]):
        if option in ("-a", "-A"):
            kind = ",".join(sorted(value.split(","), key=lambda word: word not in ("always", "never")))
        elif option == "-w":
            fields.add(f"path={_place(value)}")
        elif option == "-p":
            fields.add(f"perm={_letters(value)}")
        elif option == "-S":
            calls.update(value.split(","))
        elif option == "-k":
            keys.add(value)
        elif option == "-C":
            fields.add(_compared(value))
        elif option == "-F":
            name, operator, held = split_field(value)
            if name == "key":
                keys.add(held)
            elif name == "arch":
                width = _WIDTHS.get(held, held)
            else:
                fields.add(_field(name, operator, held))
    if not calls or any(field.startswith("perm=") for field in fields):
        calls = {"all"}
    return kind, width, frozenset(calls), frozenset(fields), frozenset(keys)


def split_field(text: str) -> tuple[str, str, str]:
    """`auid>=1000` as name, operator and value; operator and value are empty when there is none."""
    for place in range(len(text)):
        for operator in _OPERATORS:
            if text.startswith(operator, place):
                return text[:place], operator, text[place + len(operator) :]
    return text, "", ""


def _place(path: str) -> str:
    return path.rstrip("/") or "/"


def _letters(value: str) -> str:
    return "".join(letter for letter in "rwxa" if letter in value)


def _compared(text: str) -> str:
    left, operator, right = split_field(text)
    return operator.join(sorted((left, right)))


def _field(name: str, operator: str, value: str) -> str:
    if name in ("path", "dir"):
        return f"path={_place(value)}"
    if name == "perm":
        return f"perm={_letters(value)}"
    if name in ("auid", "loginuid") and value in _UNSET:
        return f"auid{operator}unset"
    if name in _ARGUMENTS and re.fullmatch(r"0[xX][0-9a-fA-F]+", value):
        value = str(int(value, 16))
    if name == "exit":
        value = _ERRORS.get(value, value)
    return f"{name}{operator}{value}"


def is_never_task(line: str) -> bool:
    """Whether a line is the vendors' rule that records no task at all, in either order of words."""
    rule = parse(line)
    return rule is not None and set(rule[0].split(",")) == {"never", "task"} and not rule[3]


def parse_all(text: str) -> list[tuple]:
    """Normal forms of all rules of a text."""
    return [rule for rule in map(parse, text.splitlines()) if rule]
