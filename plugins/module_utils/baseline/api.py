# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check may import: everything else of this package belongs to the runner.

A check is an ordinary pytest function with the testinfra fixture C(host); it only needs to say when a control does not
apply, to know which system it looks at, and to read whole tables once instead of a command per value.
"""

from __future__ import annotations

import os
import re
import shlex
import typing as t
import weakref

from ansible.module_utils.common.yaml import yaml_load

#: Distribution id of os-release(5) -> the family whose values the controls name.
_FAMILIES = {
    "debian": "debian",
    "raspbian": "debian",
    "ubuntu": "ubuntu",
    "rhel": "redhat",
    "centos": "redhat",
    "rocky": "redhat",
    "almalinux": "redhat",
    "ol": "redhat",
    "fedora": "redhat",
    "amzn": "amazon",
    "alinux": "alinux",
    "anolis": "anolis",
    "sles": "suse",
    "suse": "suse",
    "opensuse": "suse",
    "opensuse-leap": "suse",
    "opensuse-tumbleweed": "suse",
}

_T = t.TypeVar("_T")

# Weak keys: what was read from one host is forgotten with the host, and never serves another.
_REMEMBERED: weakref.WeakKeyDictionary[t.Any, dict[t.Hashable, t.Any]] = weakref.WeakKeyDictionary()


def controls_beside(check_file: str) -> dict[str, dict[str, t.Any]]:
    """Return, by id, the controls that the file C(controls.yml) beside a check file lists.

    :param check_file: the check file's C(__file__).
    """
    with open(os.path.join(os.path.dirname(check_file), "controls.yml"), encoding="utf-8") as file:
        return {control["id"]: control for control in yaml_load(file)}


def marker(controls: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.Callable[[str], t.Any]:
    """Return the decorator that makes a test the check of one of these controls, by its id."""
    import pytest  # checks are run by it; who only reads their tables need not have it

    def control(name: str) -> t.Any:
        names = ("title", "severity", "tier", "default", "variable", "refs")
        return pytest.mark.control(name, **{key: controls[name][key] for key in names})

    return control


class NotApplicable(Exception):
    """The control says nothing about this machine; the text is the reason shown in the report."""


def not_applicable(reason: str) -> t.NoReturn:
    """End the running check as "not applicable".

    :param reason: why the control does not apply, one line; must not be empty.
    :raises ValueError: the reason is empty.
    """
    if not reason or not reason.strip():
        raise ValueError("not_applicable() needs a reason")
    raise NotApplicable(" ".join(reason.split()))


def once(host: t.Any, key: t.Hashable, read: t.Callable[[], _T]) -> _T:
    """Return what C(read) returned the first time it was called for this host and key.

    For tables that several checks look at: one round trip instead of one per check.
    """
    table = _REMEMBERED.setdefault(host, {})
    if key not in table:
        table[key] = read()
    return table[key]


def output_once(host: t.Any, command: str, *args: str) -> str:
    """Return the whole standard output of a command that only reads, run at most once per host.

    Whole: testinfra's C(check_output) takes the last line's end away, which a table's last, empty part may need.

    :param command: shell command, C(%s) being replaced by the quoted C(args) as in testinfra's C(host.run).
    :raises AssertionError: the command did not exit with 0.
    """

    def read() -> str:
        done = host.run(command, *args)
        if done.rc:
            raise AssertionError(f"exit status {done.rc}: {command.splitlines()[0]}: {done.stderr.strip()}")
        return done.stdout

    return once(host, ("output", command, args), read)


def parts_of(output: str) -> list[str]:
    """Split what one command told of several things, each after the first begun by a line C(=name).

    The names are for who reads the command; a check knows the order.
    """
    return re.split(r"^=\w+\n", output, flags=re.MULTILINE)


def files_in(output: str) -> dict[str, str]:
    """Return path and content of each file in the output of head(1) or tail(1) with C(-v) or of several files."""
    found = re.split(r"^==> (.*) <==\n", output, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def parse_os_release(text: str) -> dict[str, str]:
    """Return the assignments of an os-release(5) file, quotes removed; lines that are none are ignored."""
    values = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if not separator or key.startswith("#"):
            continue
        try:
            words = shlex.split(value)
        except ValueError:
            continue
        values[key] = words[0] if words else ""
    return values


def family_of(release: t.Mapping[str, str]) -> str | None:
    """Return the family of an os-release table, by its C(ID), else by the first known name of C(ID_LIKE)."""
    names = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    return next((_FAMILIES[name] for name in names if name in _FAMILIES), None)


def os_release(host: t.Any) -> dict[str, str]:
    """Return the machine's os-release(5) as a dictionary (one round trip per run)."""
    return parse_os_release(output_once(host, "cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release"))


def os_family(host: t.Any) -> str:
    """Return debian, ubuntu, redhat, amazon, alinux, anolis or suse (one round trip per run).

    :raises AssertionError: the system is none of these.
    """
    release = os_release(host)
    family = family_of(release)
    if family is None:
        raise AssertionError(f"unknown operating system: ID={release.get('ID')!r} ID_LIKE={release.get('ID_LIKE')!r}")
    return family
