# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module sysctl_set does, step by step: values, file, rivals, running kernel."""

from __future__ import annotations

import os

from ansible_collections.hallmark.images.plugins.module_utils.hardening import kernel, sysctl
from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import winning
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree, octal

LOCK_UNIT = "/etc/systemd/system/hallmark-lock-modules.service"
_LOCK_LINK = "/etc/systemd/system/multi-user.target.wants/hallmark-lock-modules.service"
# Not in sysctl.d: that is read so early that file systems, firewall and network could not load their modules any more.
_LOCK_TEXT = """\
# Managed by Ansible, module hallmark.images.sysctl_set; changes here are lost.
[Unit]
Description=Let the kernel load no more modules until the next boot
DefaultDependencies=no
After=multi-user.target cloud-final.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo 1 >/proc/sys/kernel/modules_disabled'
CapabilityBoundingSet=
NoNewPrivileges=yes
RestrictAddressFamilies=none
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""
_FLAGS = {True: "1", False: "0"}  # what YAML made of on/yes and off/no


def wanted(raw: dict) -> dict[str, str]:
    """Option `settings` as paths and values; raises HardeningError for what no sysctl.d file could hold."""
    settings = {}
    for name, value in raw.items():
        if value is None:
            continue
        text = _FLAGS[value] if isinstance(value, bool) else str(value)
        if isinstance(value, (dict, list)) or not text.strip() or "\n" in text:
            raise HardeningError(f"settings: {name}: {value!r} is no value; give one number or one line of text")
        path = sysctl.key_path(str(name).strip())
        if path.startswith("-") or any(char in path for char in " =\t\n#") or {"", ".."} & set(path.split("/")):
            raise HardeningError(f"settings: {name!r} is no parameter name; give one like net.ipv4.ip_forward")
        settings[path] = sysctl.normal(text)
    return settings


def resolve_most(settings: dict[str, str], tree: Tree) -> list[str]:
    """Replace the value `max` by the number; parameters where it is unknown are dropped and returned."""
    unknown = []
    for key in [key for key, value in settings.items() if value == "max"]:
        if not key.startswith("vm/mmap_rnd_"):
            raise HardeningError(f"settings: {sysctl.key_name(key)}: 'max' is for vm.mmap_rnd_bits and its compat twin")
        machine, config = os.uname().machine, ""
        if machine != "x86_64":
            names = [f"config-{os.uname().release}", *tree.names("/boot")]
            texts = (tree.read(f"/boot/{name}") for name in names if name.startswith("config-"))
            config = next(filter(None, texts), "")
        bits = kernel.most_bits(key, config, machine)
        if bits:
            settings[key] = bits
        else:
            del settings[key]
            unknown.append(key)
    return unknown


def disable_rivals(tree: Tree, settings: dict[str, str], own: str, ufw: bool) -> None:
    """Comment out other values for the same parameters in the administrator's files; vendors' files sort earlier."""
    paths = [f"/etc/sysctl.d/{name}" for name in tree.names("/etc/sysctl.d") if name.endswith(".conf")]
    paths += [sysctl.LEGACY, *([sysctl.UFW] if ufw else [])]
    seen = {tree.real(own)}
    for path in paths:
        real = tree.real(path)
        if real in seen or real == "/dev/null":
            continue
        seen.add(real)
        text = tree.read(path)
        found = sysctl.rivals(settings, sysctl.parse(text, path)) if text else []
        if found:
            keys = [(sysctl.key_name(item.key), item.value, "commented out") for item in found]
            place = f"/{os.path.relpath(real, tree.root)}"
            tree.write(place, sysctl.comment_out(text, found, f"set in {own}"), keys=keys)


def winners(tree: Tree, path: str, text: str, disabled: bool) -> list[str]:
    """Warnings about files of later names; `disabled`: those in /etc say nothing else any more."""

    def read(text: str) -> dict[str, str]:
        return {sysctl.key_name(item.key): item.value for item in sysctl.parse(text, path) if item.value is not None}

    return [line for line in winning(tree, path, text, read) if not (disabled and line.startswith("/etc/"))]


def lock_modules(tree: Tree, wanted_on: bool | None) -> None:
    """Have a unit forbid further modules at the end of every boot, or take that unit away; None leaves it as it is."""
    if wanted_on is None:
        return
    if wanted_on:
        tree.write(LOCK_UNIT, _LOCK_TEXT, 0o644, "root", "root")
        tree.link(_LOCK_LINK, LOCK_UNIT)
    else:
        tree.remove(_LOCK_LINK)
        tree.remove(LOCK_UNIT)


def set_all(tree: Tree, options: dict) -> dict:
    """Do what module sysctl_set promises; `options` are its own. Changes are in `tree`, the rest is returned."""
    settings = wanted(options["settings"])
    path, folder = options["path"], os.path.dirname(options["path"])
    if folder not in sysctl.FOLDERS or not path.endswith(".conf"):
        raise HardeningError(f"path: {path} is read by nothing at boot; choose a name /etc/sysctl.d/*.conf")
    missing = resolve_most(settings, tree)
    live = kernel.is_live(tree.root) if options["live"] == "auto" else options["live"] == "true"
    if live:
        absent = [key for key in settings if not kernel.expand(key)]
        if absent and not options["ignore_missing"]:
            names = ", ".join(sysctl.key_name(key) for key in absent)
            raise HardeningError(f"settings: this kernel has no {names}; take them out or set ignore_missing")
        missing += absent
        settings = {key: value for key, value in settings.items() if key not in absent}

    before = {item.key: item.value for item in sysctl.parse(tree.read(path) or "", path)}
    keys = [
        (sysctl.key_name(key), before.get(key), settings.get(key))
        for key in [*settings, *(key for key in before if key not in settings)]
        if before.get(key) != settings.get(key)
    ]
    text = sysctl.render(settings, "Managed by Ansible, module hallmark.images.sysctl_set; changes here are lost.")
    tree.write(path, text, octal(options["mode"], "mode"), "root", "root", keys)
    if options["disable_rivals"]:
        disable_rivals(tree, settings, path, options["ufw"])
    lock_modules(tree, options["lock_modules"])

    changes, waiting, failures = kernel.apply(settings, tree.check_mode) if live else ([], [], [])
    for key, old, new in changes:
        tree.note(kernel.PROC_SYS, old, new, sysctl.key_name(key))
    return {
        "live": live,
        "warnings": winners(tree, path, text, options["disable_rivals"]),
        "missing": sorted(sysctl.key_name(key) for key in missing),
        "next_boot": sorted(sysctl.key_name(key) for key in waiting),
        "failures": [f"{sysctl.key_name(key)} = {value}: {reason}" for key, value, reason in failures],
    }
