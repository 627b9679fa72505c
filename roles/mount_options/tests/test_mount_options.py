# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area mount_options: flags of what is mounted, and those it will have after the next boot."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.mounts import (
    API,
    UNIT_FOLDERS,
    fields_of,
    mount_options,
    unit_name,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.running_mounts import parse

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
TABLES = ("os-14", "os-15", "os-16")
#: What these will be after a boot is judged by controls of their own.
OWN_CONTROLS = ("/tmp", "/dev/shm")
VARIABLE_DATA = ("/home", "/var", "/var/log", "/var/log/audit", "/var/tmp")
# Options of fstab lines that stand for several flags (mount(8)).
IMPLIED = dict.fromkeys(("user", "users"), ("nodev", "nosuid", "noexec"))
IMPLIED.update(dict.fromkeys(("owner", "group"), ("nodev", "nosuid")))


def _command() -> str:
    paths = {must["path"] for item in CONTROLS.values() for must in item["must"] if must["kind"] == "mount"}
    units = " ".join(sorted(unit_name(path) for path in paths if path not in API))
    wants = [f"{folder}/local-fs.target.wants/tmp.mount" for folder in UNIT_FOLDERS]
    own = f"{UNIT_FOLDERS[0]}/tmp.mount {wants[0]} {UNIT_FOLDERS[0]}/tmp.mount.d/*.conf"
    return f"""\
cat /proc/self/mountinfo
echo '=fstab'; cat /etc/fstab 2>/dev/null
echo; echo '=units'; systemctl cat {units} 2>/dev/null
echo; echo '=wants'; ls -d {" ".join(wants)} 2>/dev/null
echo '=changed'; stat -c %Z {own} $(grep -lsE '[[:space:]]/tmp[[:space:]]' /etc/fstab) 2>/dev/null | sort -n | tail -n 1
echo '=booted'; sed -n 's/^btime //p' /proc/stat
echo '=marks'; ls -d /run/systemd/container /.dockerenv /run/.containerenv 2>/dev/null
true"""


def flags_of(options: str) -> set[str]:
    """Flags that an option field gives; of what contradicts itself the last counts."""
    found: set[str] = set()
    for option in options.split(","):
        if option in ("dev", "suid", "exec"):
            found.discard(f"no{option}")
        found |= set(IMPLIED.get(option, (option,)))
    return found & {"nodev", "nosuid", "noexec"}


class Mounts:
    """What the command told."""

    def __init__(self, text: str) -> None:
        mounted, fstab, units, wants, changed, booted, marks = parts_of(text)
        self.mounted = {path: set(flags) for path, flags in parse(mounted).items()}
        self.fstab = {}
        for fields in map(fields_of, fstab.splitlines()):
            if fields:
                self.fstab[fields[1].rstrip("/")] = fields[3] if len(fields) > 3 else ""
        # systemctl puts the path of each file before it; drop-ins stand in folders with the unit's name.
        found = re.split(r"^# (/\S+)\n", units, flags=re.MULTILINE)
        self.units: dict[str, str] = {}
        for path, part in zip(found[1::2], found[2::2], strict=True):
            name = next(word.removesuffix(".d") for word in path.split("/") if word.endswith((".mount", ".mount.d")))
            self.units[name] = self.units.get(name, "") + part
        self.is_wanted = bool(wants.strip())
        self.changed_since_boot = bool(changed.strip() and booted.strip() and int(changed) > int(booted))
        self.is_container = bool(marks.strip())

    def at_boot(self, path: str) -> set[str] | None:
        """Flags `path` will have after a boot; None when nothing mounts it then."""
        if path in self.fstab:
            return flags_of(self.fstab[path])
        if path in API:
            return set(API[path][1])
        options = mount_options(self.units.get(unit_name(path), ""))
        return None if options is None else flags_of(options)


@pytest.fixture
def mounts(host: Any) -> Mounts:
    found = once(host, "mount_options", lambda: Mounts(output_once(host, _command())))
    if found.is_container:
        not_applicable("a container's file systems are mounted by what runs it")
    return found


def show(flags: set[str] | None, wanted: list[str]) -> str:
    """Those of the wanted flags that are there, as text."""
    return "no mount" if flags is None else ",".join(flag for flag in wanted if flag in flags)


def judge(musts: list[dict], mounts: Mounts, with_boot: bool) -> tuple[dict, dict]:
    """What was found and what is demanded, an entry per mount point and time; both empty when none is mounted."""
    found, expected = {}, {}
    for must in musts:
        if must["kind"] != "mount" or must["path"] not in mounts.mounted:
            continue
        path, wanted = must["path"], must["options"]
        at_boot = mounts.at_boot(path)
        found[f"{path} now"] = show(mounts.mounted[path], wanted)
        expected[f"{path} now"] = ",".join(wanted)
        if at_boot is not None and (with_boot or path not in OWN_CONTROLS):
            found[f"{path} at boot"] = show(at_boot, wanted)
            expected[f"{path} at boot"] = ",".join(wanted)
    return found, expected


@pytest.mark.parametrize(
    "musts", [pytest.param(CONTROLS[name]["must"], id=name, marks=control(name)) for name in TABLES]
)
def test_flags(mounts: Mounts, musts: list[dict]) -> None:
    found, expected = judge(musts, mounts, with_boot=False)
    if not expected:
        not_applicable("none of these is a mount point: " + ", ".join(must["path"] for must in musts))
    assert found == expected


@control("x-mount-01")
def test_tmp_is_a_file_system_of_its_own(mounts: Mounts) -> None:
    wanted = next(must["options"] for must in CONTROLS["x-mount-01"]["must"] if must["kind"] == "mount")
    is_wanted = "/tmp" in mounts.fstab or mounts.is_wanted
    found = {"at boot": show(mounts.at_boot("/tmp"), wanted) if is_wanted else "tmp.mount is not enabled"}
    expected = {"at boot": ",".join(wanted)}
    assert found == expected
    if "/tmp" not in mounts.mounted and mounts.changed_since_boot:
        not_applicable("was set up after this boot and takes effect with the next one, as files were in the way")
    found["now"], expected["now"] = show(mounts.mounted.get("/tmp"), wanted), ",".join(wanted)
    assert found == expected


@control("x-mount-02")
def test_shared_memory_is_hardened(mounts: Mounts) -> None:
    found, expected = judge(CONTROLS["x-mount-02"]["must"], mounts, with_boot=True)
    if not expected:
        not_applicable("there is no /dev/shm")
    assert found == expected


@control("x-mount-03")
def test_var_tmp_runs_no_programs(mounts: Mounts) -> None:
    wanted = CONTROLS["x-mount-03"]["must"][0]["options"]
    found = {
        "at boot": show(mounts.at_boot("/var/tmp"), wanted),
        "now": show(mounts.mounted.get("/var/tmp"), wanted),
    }
    assert found == dict.fromkeys(found, ",".join(wanted))


@control("x-mount-04")
def test_variable_data_has_file_systems_of_its_own(mounts: Mounts) -> None:
    missing = [path for path in VARIABLE_DATA if path not in mounts.mounted]
    assert missing == []
