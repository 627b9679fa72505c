# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area sysctl: each parameter in the running kernel and as both tools would set it at the next boot.

What is demanded stands in controls.yml beside this file, never in the role's variables. Everything is read from the
machine by one command.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    os_family,
    output_once,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sysctl import (
    FOLDERS,
    LEGACY,
    Assignment,
    boot_order,
    is_pattern,
    key_name,
    key_path,
    overlaps,
    parse,
    winner,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
# These need more than a table of parameters.
OTHERS = ("sysctl-31b", "sysctl-33", "ds-sysctl-05", "ds-sysctl-08", "ds-sysctl-09", "x-sysctl-11", "x-sysctl-17")
ORDERS = {"systemd-sysctl": False, "sysctl --system": True}
OURS = "hallmark.images"  # stands in the first line of every file the collection writes
TABLE = [
    pytest.param(item["must"], id=name, marks=control(name)) for name, item in CONTROLS.items() if name not in OTHERS
]


def _command() -> str:
    musts = [must for item in CONTROLS.values() for must in item["must"] if "key" in must]
    keys = {key_path(must["key"]) for must in musts}
    keys |= {key_path(must["key"]).replace("/all/", "/*/") for must in musts if must.get("interfaces")}
    keys = {key for key in keys if key.startswith(("net/", "kernel/", "vm/", "fs/", "dev/", "user/"))}
    folders = " ".join(f"{folder}/*.conf" for folder in FOLDERS)
    return f"""\
cd /proc/sys && grep -Hs '' {" ".join(sorted(keys))} kernel/exec-shield
echo '=files'; ls -1d {folders} {LEGACY} 2>/dev/null
echo '=lines'; grep -Hs '' {folders} {LEGACY}
echo '=attributes'; stat -c '%n %U %G %a' /etc/sysctl.d/*.conf 2>/dev/null
echo '=init'; cat /etc/sysconfig/init 2>/dev/null
echo '=bits'; grep -hs MMAP_RND /boot/config-$(uname -r)
echo '=machine'; uname -m; grep -m1 -ow nx /proc/cpuinfo
echo '=marks'; ls -d /proc/sys/net/ipv6 /run/systemd/container /.dockerenv /run/.containerenv 2>/dev/null
true"""


class Kernel:
    """What the command told: running values and the files that set them at boot."""

    def __init__(self, text: str) -> None:
        parts = {"running": []}
        name = "running"
        for line in text.splitlines():
            if re.fullmatch(r"=[a-z]+", line):
                name = line[1:]
                parts[name] = []
            else:
                parts[name].append(line)
        pairs = (line.split(":", maxsplit=1) for line in parts["running"] if ":" in line)
        self.running = {key: " ".join(value.split()) for key, value in pairs}
        self.files = parts["files"]
        self.texts: dict[str, list[str]] = {path: [] for path in self.files}
        for line in parts["lines"]:
            path, _colon, rest = line.partition(".conf:")
            self.texts.setdefault(f"{path}.conf", []).append(rest)
        self.attributes = {x.split()[0]: x.split()[1:] for x in parts["attributes"]}
        self.init = dict(re.findall(r"^\s*(\w+)[=\s]\s*(\S+)", "\n".join(parts["init"]), re.MULTILINE))
        self.bits = dict(line.split("=", 1) for line in parts["bits"] if "=" in line and not line.startswith("#"))
        self.machine = parts["machine"][0]
        self.has_nx = "nx" in parts["machine"][1:]
        self.has_ipv6 = "/proc/sys/net/ipv6" in parts["marks"]
        self.is_container = any(mark != "/proc/sys/net/ipv6" for mark in parts["marks"])
        self.boot: dict[str, list[Assignment]] = {}
        for tool, legacy in ORDERS.items():
            paths = boot_order(self.files, legacy)
            self.boot[tool] = [item for path in paths for item in parse("\n".join(self.texts[path]), path)]

    def places(self, key: str, stored: bool = True) -> dict[str, str]:
        """Value of a parameter (a path) where it is found: running, and after a boot by either tool."""
        values = {"running": self.running.get(key, "no such key")}
        for tool, assignments in self.boot.items() if stored else ():
            found = winner(key, assignments)
            values[tool] = f"{found.value}" if found else "not set"
        return values

    def interfaces(self, key: str) -> dict[str, str]:
        """Running value of a parameter of all interfaces (a path) for each that there is."""
        front, back = key.split("/all/")
        return {
            f"{key_name(path)} (running)": value
            for path, value in self.running.items()
            if re.fullmatch(rf"{front}/(?!all/|default/)[^/]+/{back}", path)
        }

    def own_files(self) -> list[str]:
        """Drop-ins this collection wrote."""
        paths = [path for path in self.files if path.startswith("/etc/sysctl.d/")]
        return [path for path in paths if OURS in "".join(self.texts[path][:1])]


@pytest.fixture
def kernel(host: Any) -> Kernel:
    found = once(host, "sysctl", lambda: Kernel(output_once(host, _command())))
    if found.is_container:
        not_applicable("a container shares its host's kernel and cannot set its parameters")
    return found


def _accepts(value: str, rule: Any) -> bool:
    if not isinstance(rule, dict):
        return value == str(rule)
    if "in" in rule:
        return value in map(str, rule["in"])
    if "min" in rule:
        return value.isdigit() and int(value) >= rule["min"]
    return re.search(rule["regex"], value) is not None


def _wish(rule: Any) -> str:
    if not isinstance(rule, dict):
        return str(rule)
    if "in" in rule:
        return " or ".join(map(str, rule["in"]))
    return f"at least {rule['min']}"


def judge(musts: list[dict], kernel: Kernel, family: str) -> tuple[dict, dict]:
    """What was found and what is demanded, one entry per parameter and place; both empty when nothing applies."""
    found, expected = {}, {}
    for must in musts:
        key = key_path(must["key"])
        if family not in must.get("os", [family]):
            continue
        lacks = must.get("may_lack") or (key.startswith("net/ipv6/") and not kernel.has_ipv6)
        if lacks and key not in kernel.running:
            continue
        places = {
            f"{must['key']} ({place})": value for place, value in kernel.places(key, must.get("stored", True)).items()
        }
        if must.get("interfaces"):  # what these say counts, whatever the one for all says
            places |= kernel.interfaces(key)
        for name, value in places.items():
            found[name] = value
            expected[name] = value if _accepts(value, must["value"]) else _wish(must["value"])
    return found, expected


@pytest.mark.parametrize("musts", TABLE)
def test_parameters(host: Any, kernel: Kernel, musts: list[dict]) -> None:
    found, expected = judge(musts, kernel, os_family(host))
    if not expected:
        not_applicable(f"this system's kernel has no {', '.join(must['key'] for must in musts)}")
    assert found == expected


@control("sysctl-31b")
def test_core_path_is_absolute_or_a_pipe(kernel: Kernel) -> None:
    if kernel.running.get("fs/suid_dumpable") != "2":
        not_applicable("fs.suid_dumpable is not 2: set-id programs write no core files")
    found = {place: value for place, value in kernel.places("kernel/core_pattern").items() if value != "not set"}
    wrong = {place: value for place, value in found.items() if not _accepts(value, {"regex": r"^\|?/.*"})}
    assert wrong == {}


@control("sysctl-33")
def test_cpu_has_no_execute_pages(kernel: Kernel) -> None:
    if kernel.machine == "aarch64":
        not_applicable("every 64-bit ARM processor has no-execute pages and lists no flag for them")
    found = (
        "nx" if kernel.has_nx else f"no nx, kernel.exec-shield {kernel.running.get('kernel/exec-shield', 'missing')}"
    )
    assert found in ("nx", "no nx, kernel.exec-shield 1")


@control("ds-sysctl-05")
def test_mmap_randomisation_is_full(kernel: Kernel) -> None:
    most = {"vm.mmap_rnd_bits": "32", "vm.mmap_rnd_compat_bits": "16"}
    if kernel.machine != "x86_64":
        most["vm.mmap_rnd_bits"] = kernel.bits.get("CONFIG_ARCH_MMAP_RND_BITS_MAX", "")
        most["vm.mmap_rnd_compat_bits"] = kernel.bits.get("CONFIG_ARCH_MMAP_RND_COMPAT_BITS_MAX", "")
    musts = [{"key": key, "value": value, "may_lack": True} for key, value in most.items() if value]
    found, expected = judge(musts, kernel, "")
    if not expected:
        not_applicable(f"the most random bits of a {kernel.machine} kernel are unknown, or it has no such parameter")
    assert found == expected


@control("ds-sysctl-08")
def test_settings_are_in_a_protected_drop_in(kernel: Kernel) -> None:
    own = kernel.own_files()
    assert own != [], "no drop-in of the collection in /etc/sysctl.d"
    found = {path: " ".join(kernel.attributes[path]) for path in own}
    assert found == dict.fromkeys(own, "root root 440")


@control("ds-sysctl-09")
def test_legacy_init_umask(host: Any, kernel: Kernel) -> None:
    family = os_family(host)
    if family not in ("redhat", "alinux", "anolis") or not kernel.init:
        not_applicable("only SysV init of the RPM family reads /etc/sysconfig/init, and there is none")
    accepted = {"umask": ["027"], "PROMPT": ["yes", "no"], "SINGLE": ["/sbin/sulogin", "/sbin/sushell"]}
    found = {key: kernel.init.get(key) for key in accepted}
    assert found == {key: found[key] if found[key] in values else values[0] for key, values in accepted.items()}


@control("x-sysctl-11")
def test_reverse_path_filter_of_every_interface(kernel: Kernel) -> None:
    values = {
        key.split("/")[3]: int(value)
        for key, value in kernel.running.items()
        if re.fullmatch(r"net/ipv4/conf/[^/]+/rp_filter", key)
    }
    found = {name: max(value, values["all"]) for name, value in values.items() if name not in ("all", "default")}
    stored = kernel.places("net/ipv4/conf/an-interface/rp_filter")  # one that does not exist yet
    found.update({place: value for place, value in stored.items() if place != "running"})
    assert found == {name: "1" if name in ORDERS else 1 for name in found}


@control("x-sysctl-17")
def test_no_file_overrides_ours(kernel: Kernel) -> None:
    own = kernel.own_files()
    assert own != [], "no drop-in of the collection in /etc/sysctl.d"
    keys = {item.key for path in own for item in parse("\n".join(kernel.texts[path]), path)}
    overrides = set()
    for tool, assignments in kernel.boot.items():
        deciding = [winner(key.replace("*", "an-interface"), assignments) for key in keys]
        # One that names an interface beats our wildcard wherever it stands.
        named = [item for item in assignments if item.key not in keys and not is_pattern(item.key)]
        deciding += [item for item in named if any(overlaps(key, item.key) for key in keys)]
        for item in deciding:
            if item and item.value is not None and item.path not in own:
                overrides.add(f"{item.path}: {key_name(item.key)} = {item.value} ({tool})")
    assert sorted(overrides) == []
