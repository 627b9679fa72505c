# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package database says, as texts in and names out: nothing here runs a program or opens a file."""

from __future__ import annotations

import fnmatch

# What a machine may need to boot, to be reached or to manage packages, whatever asks for it in the database.
PROTECTED = """
    apt base-files bash ca-certificates cloud-* coreutils dbus dhcpcd* dnf dpkg e2fsprogs grub* ifupdown init
    initramfs-* iproute2 isc-dhcp-client kmod libc6 login netplan* network-manager networkmanager* open-vm-tools
    openssh-* passwd python3 python3-minimal qemu-guest-agent rpm shim* sudo systemd* udev util-linux
    linux-image-[!0-9]* linux-generic* linux-virtual* linux-aws* linux-azure* linux-gcp* linux-kvm*
""".split()
# Packages of a Debian or Ubuntu kernel end in its release; the first two hold the kernel itself.
_IMAGES = ("linux-image-unsigned-", "linux-image-")
_COMPANIONS = (*_IMAGES, "linux-modules-extra-", "linux-modules-", "linux-headers-")
# Packages of which an RPM system keeps several versions side by side; the first four hold a kernel.
_RPM_IMAGES = ("kernel", "kernel-core", "kernel-uek", "kernel-uek-core")
_RPM_COMPANIONS = (*_RPM_IMAGES, "kernel-modules", "kernel-modules-core", "kernel-modules-extra", "kernel-devel")
_STRONG, _WEAK = ("Pre-Depends", "Depends"), ("Recommends", "Suggests")


def is_protected(name: str) -> bool:
    """Whether a machine may not boot, be reached or manage packages without `name`."""
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in PROTECTED)


def parse_status(text: str) -> dict[str, dict]:
    """Packages of dpkg's status file by name: state, section, whether essential, dependencies, what is provided.

    A package of two architectures is one here, with the dependencies of both. `rests` are names, with architecture, of
    which only the configuration is left.
    """
    packages: dict[str, dict] = {}
    for stanza in text.split("\n\n"):
        fields = {}
        for line in stanza.split("\n"):
            if line[:1] not in (" ", "\t"):
                key, colon, value = line.partition(":")
                if colon:
                    fields[key] = value.strip()
        name = fields.get("Package")
        if not name:
            continue
        package = {
            "state": fields.get("Status", "").split(" ")[-1],
            "section": fields.get("Section", ""),
            "essential": fields.get("Essential") == "yes" or fields.get("Priority") == "required",
            "depends": [group for key in _STRONG for group in _groups(fields.get(key, ""))],
            "suggests": [group for key in _WEAK for group in _groups(fields.get(key, ""))],
            "provides": [names[0] for names in _groups(fields.get("Provides", ""))],
            "rests": [],
        }
        if package["state"] == "config-files":
            architecture = fields.get("Architecture", "all")
            package["rests"] = [name if architecture == "all" else f"{name}:{architecture}"]
        held = packages.get(name)
        if held:
            for key in ("depends", "suggests", "provides", "rests"):
                package[key] = held[key] + package[key]
            if is_there(held):
                package["state"] = held["state"]
        packages[name] = package
    return packages


def _groups(text: str) -> list[list[str]]:
    """Dependencies `a (>= 1) | b, c:any` as groups of alternatives."""
    groups = []
    for group in text.split(","):
        names = [name.split("(")[0].split(":")[0].strip() for name in group.split("|")]
        if names[0]:
            groups.append(names)
    return groups


def is_there(package: dict) -> bool:
    """Whether files of a package are on the machine."""
    return package["state"] not in ("not-installed", "config-files", "")


def parse_auto(text: str) -> set[str]:
    """Names of the packages that apt installed for the sake of others (its extended_states)."""
    found = set()
    for stanza in text.split("\n\n"):
        lines = stanza.strip().split("\n")
        if "Auto-Installed: 1" in lines:
            found |= {line[9:].strip() for line in lines if line.startswith("Package: ")}
    return found


def _providers(packages: dict[str, dict]) -> dict[str, set[str]]:
    table: dict[str, set[str]] = {}
    for name, package in packages.items():
        if is_there(package):
            for provided in (name, *package["provides"]):
                table.setdefault(provided, set()).add(name)
    return table


def split_needed(packages: dict[str, dict], targets: set[str]) -> tuple[set[str], dict[str, str]]:
    """Of `targets` those that can go without taking other packages along, and the others with who needs them.

    A package that only stands for a list of others (section metapackages) goes with what it stands for.
    """
    going = {name for name in targets if name in packages and is_there(packages[name])}
    kept: dict[str, str] = {}
    providers = _providers(packages)
    changed = True
    while changed:
        changed = False
        for name, package in packages.items():
            if name in going or not is_there(package):
                continue
            for group in package["depends"]:
                there = set().union(*(providers.get(alternative, set()) for alternative in group))
                if not there or there - going:
                    continue
                listing = package["section"].split("/")[-1] == "metapackages"
                # One that somebody needs is no mere list: it would go and come back for ever.
                if listing and name not in kept and not is_protected(name):
                    going.add(name)
                else:
                    going -= there
                    kept.update(dict.fromkeys(sorted(there), name))
                changed = True
                break
    return going, {name: who for name, who in kept.items() if name in targets}


def unneeded(packages: dict[str, dict], auto: set[str]) -> set[str]:
    """Automatically installed packages that nothing else refers to: at least those that apt's autoremove would take."""
    providers = _providers(packages)
    todo = [name for name, item in packages.items() if is_there(item) and (name not in auto or item["essential"])]
    reached = set(todo)
    while todo:
        package = packages[todo.pop()]
        for group in package["depends"] + package["suggests"]:
            for alternative in group:
                fresh = providers.get(alternative, set()) - reached
                reached |= fresh
                todo += fresh
    return {name for name, item in packages.items() if is_there(item)} - reached


def version_key(version: str) -> list[tuple[int, int, str]]:
    """Order of kernel releases: numbers as numbers, a number after a word, a tilde before everything."""
    parts: list[tuple[int, int, str]] = []
    word = ""
    for char in f"{version} ":
        if word and not (char.isdigit() if word[0].isdigit() else char.isalpha()):
            parts.append((2, int(word), "") if word.isdigit() else (1, 0, word))
            word = ""
        if char == "~":
            parts.append((-1, 0, ""))
        elif char.isdigit() or char.isalpha():
            word += char
    return [*parts, (0, 0, "")]


def _surplus(releases: set[str], keep: set[str]) -> set[str]:
    """Releases that are not the newest and not to be kept."""
    if len(releases) < 2:
        return set()
    newest = max(map(version_key, releases))
    return {release for release in releases if version_key(release) != newest} - keep


def is_kernel(name: str) -> bool:
    """Whether a Debian or Ubuntu package holds the kernel of one release."""
    return bool(_release(name, _IMAGES))


def old_kernels(packages: dict[str, dict], running: str) -> tuple[set[str], str]:
    """Packages of kernels that neither run, nor are the newest, nor are asked for by another package; and the newest.

    The newest release is empty when no kernel is installed.
    """
    releases: dict[str, set[str]] = {}
    for name, package in packages.items():
        release = _release(name, _IMAGES)
        if release and package["state"] == "installed":
            releases.setdefault(release, set()).add(name)
    asked = {
        alternative
        for name, package in packages.items()
        if is_there(package) and not _release(name, _COMPANIONS)
        for group in package["depends"]
        for alternative in group
    }
    keep = {release for release, names in releases.items() if names & asked} | {running}
    old = _surplus(set(releases), keep)
    going = {f"{start}{release}" for release in old for start in _COMPANIONS}
    newest = max(releases, key=version_key) if releases else ""
    return {name for name in going if name in packages and is_there(packages[name])}, newest


def _release(name: str, starts: tuple[str, ...]) -> str:
    for start in starts:
        rest = name[len(start) :]
        if name.startswith(start) and rest[:1].isdigit():
            return rest
    return ""


def old_rpm_kernels(installed: dict[str, list[str]], running: str) -> tuple[set[str], str]:
    """As old_kernels; `installed` holds per name of a package its releases, as in 5.14.0-427.el9.x86_64."""
    releases = {release for name in _RPM_IMAGES for release in installed.get(name, [])}
    old = _surplus(releases, {running})
    going = {f"{name}-{release}" for name in _RPM_COMPANIONS for release in installed.get(name, []) if release in old}
    return going, max(releases, key=version_key) if releases else ""


def simulated(text: str) -> tuple[set[str], set[str]]:
    """What `apt-get -s` says it would take away, and what it would install instead."""
    gone, fresh = set(), set()
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] in ("Remv", "Purg"):
            gone.add(words[1].split(":")[0])
        elif len(words) > 1 and words[0] == "Inst":
            fresh.add(words[1].split(":")[0])
    return gone, fresh
