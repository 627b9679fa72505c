# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area modprobe: what modprobe would do, what is loaded, and whether the initramfs knows."""

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
from ansible_collections.hallmark.images.plugins.module_utils.hardening.modprobe import (
    EFI_MARKS,
    NOTHING,
    SNAP_MARKS,
    blocked_by,
    file_systems,
    normal,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
# These need more than a table of modules.
OTHERS = ("ds-modprobe-02", "ds-modprobe-03", "x-modprobe-03")
OURS = "hallmark.images"  # stands in the first line of every file the collection writes
INSPEC = "/etc/modprobe.d/dev-sec.conf"
CONTAINER_MARKS = ("/run/systemd/container", "/.dockerenv", "/run/.containerenv")


def _command() -> str:
    # Module names in paths may have - where the kernel says _.
    names = {must["name"] for item in CONTROLS.values() for must in item["must"] if must["kind"] == "module"}
    pattern = "|".join(sorted(name.replace("-", "[-_]") for name in names))
    return f"""\
PATH=$PATH:/usr/sbin:/sbin
command -v modprobe
echo '=rules'; modprobe -c 2>/dev/null | grep -E '^(install|blacklist) '
echo '=attributes'; stat -c '%n %U %G %a' /etc/modprobe.d/*.conf 2>/dev/null
echo '=texts'; tail -v -n +1 /etc/modprobe.d/*.conf 2>/dev/null
echo '=loaded'; cat /proc/modules 2>/dev/null
echo '=tables'; cat /etc/fstab /proc/mounts 2>/dev/null
echo '=marks'; ls -d {" ".join(EFI_MARKS + SNAP_MARKS + CONTAINER_MARKS)} 2>/dev/null
echo '=images'
for folder in /lib/modules/*; do
  version=${{folder##*/}}
  for image in /boot/initrd.img-$version /boot/initramfs-$version.img /boot/initrd-$version; do
    [ -e $image ] || continue
    echo $image $(grep -oE '/drivers/[^:]*/({pattern})[.]ko' $folder/modules.dep)
    for list in /etc/modprobe.d/*.conf; do [ $list -nt $image ] && echo older than $list; done
  done
done
true"""


class Modules:
    """What the command told."""

    def __init__(self, text: str) -> None:
        kmod, rules, attributes, texts, loaded, tables, marks, images = parts_of(text)
        self.has_kmod = bool(kmod.strip())
        # Of several install commands for one module the first is in force.
        self.install: dict[str, str] = {}
        self.blacklist: set[str] = set()
        for line in rules.splitlines():
            rule, name, *command = line.split(None, 2)
            if rule == "install":
                self.install.setdefault(normal(name), " ".join(command))
            else:
                self.blacklist.add(normal(name))
        self.attributes = {line.split()[0]: line.split()[1:] for line in attributes.splitlines()}
        self.texts = files_in(texts)
        self.loaded = {line.split()[0] for line in loaded.splitlines()}
        self.in_use = {normal(name) for name in file_systems(tables)}
        self.marks = marks.split()
        self.is_container = any(mark in CONTAINER_MARKS for mark in self.marks)
        # Images, the drivers their kernels ship of those that controls name, and newer files of rules.
        self.images: list[tuple[str, list[str], list[str]]] = []
        for line in images.splitlines():
            if line.startswith("older than "):
                self.images[-1][2].append(line.split()[2])
            else:
                path, *drivers = line.split()
                self.images.append((path, drivers, []))

    def own_files(self) -> list[str]:
        """Files of rules that this collection wrote."""
        return [path for path, text in self.texts.items() if OURS in text.partition("\n")[0]]

    def needed(self) -> dict[str, str]:
        """Modules this machine needs, and why."""
        found = dict.fromkeys(self.in_use, "in use")
        found.update(dict.fromkeys(["vfat"] if set(EFI_MARKS) & set(self.marks) else [], "UEFI"))
        found.update(dict.fromkeys(["squashfs"] if set(SNAP_MARKS) & set(self.marks) else [], "snapd"))
        return found

    def state(self, module: str) -> str:
        """Whether a module is in the kernel or may come there."""
        if module in self.loaded:
            return "loaded"
        return "blocked" if self.install.get(module) in NOTHING else "may be loaded"


@pytest.fixture
def modules(host: Any) -> Modules:
    found = once(host, "modprobe", lambda: Modules(output_once(host, _command())))
    if found.is_container:
        not_applicable("a container shares its host's kernel and loads no modules")
    return found


def judge(musts: list[dict], modules: Modules) -> tuple[dict, dict]:
    """What was found and what is demanded, an entry per module; both empty when the machine needs them all."""
    found, expected = {}, {}
    names = [normal(must["name"]) for must in musts if must["kind"] == "module"]
    names = [name for name in names if name not in modules.needed()]
    literal = blocked_by(modules.texts.get(INSPEC, ""))
    for name in names:
        found[name], expected[name] = modules.state(name), "blocked"
    for must in musts:
        for name in names if must["kind"] == "conf" else ():
            key = f"{must['key'].replace('<fs>', name)} in {INSPEC}"
            found[key] = literal.get(name, "not set").split("; ")[0].replace("install ", "")
            expected[key] = must["value"]
    return found, expected


TABLE = [pytest.param(CONTROLS[name]["must"], id=name, marks=control(name)) for name in CONTROLS if name not in OTHERS]


@pytest.mark.parametrize("musts", TABLE)
def test_modules_are_blocked(modules: Modules, musts: list[dict]) -> None:
    found, expected = judge(musts, modules)
    if not expected:
        not_applicable("this machine needs what it would block: " + ", ".join(must["name"] for must in musts))
    assert found == expected


@control("ds-modprobe-02")
def test_what_is_needed_is_not_blocked(modules: Modules) -> None:
    blocked = {
        name: reason
        for name, reason in modules.needed().items()
        if name in modules.blacklist or modules.install.get(name) in NOTHING
    }
    assert blocked == {}


@control("ds-modprobe-03")
def test_the_list_is_one_file(modules: Modules) -> None:
    own = modules.own_files()
    assert modules.has_kmod, "package kmod is not installed"
    assert len(own) == 1, "not one file of rules in /etc/modprobe.d is the collection's"
    found = {path: " ".join(modules.attributes[path]) for path in own}
    assert found == dict.fromkeys(own, "root root 644")


@control("x-modprobe-03")
def test_names_aliases_and_the_initramfs_are_covered(modules: Modules) -> None:
    own = modules.own_files()
    assert own != [], "no file of rules in /etc/modprobe.d is the collection's"
    names = [name for path in own for name in blocked_by(modules.texts[path])]
    found = {
        "by name only": [name for name in names if name not in modules.blacklist],
        "by alias only": [name for name in names if modules.install.get(name) not in NOTHING],
        # Only drivers of hardware are loaded in an initramfs without anyone asking.
        "images older than the list": [
            image for image, drivers, newer in modules.images if drivers and set(newer) & set(own)
        ],
    }
    assert found == {name: [] for name in found}
