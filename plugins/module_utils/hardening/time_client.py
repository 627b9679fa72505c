# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps the clock: one of chrony and systemd-timesyncd enabled, with servers, and the other masked."""

from __future__ import annotations

import os
from typing import Callable, List, Tuple

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree, set_block
from ansible_collections.hallmark.images.plugins.module_utils.hardening.kernel import is_live

#: Runs a program: its exit code, output and errors.
Run = Callable[[List[str]], Tuple[int, str, str]]
UNITS = "/usr/lib/systemd/system"
ETC = "/etc/systemd/system"
TIMESYNCD = "systemd-timesyncd.service"
#: Debian's name and that of the RPM family.
CHRONY = ("chrony.service", "chronyd.service")
DROP_IN = "/etc/systemd/timesyncd.conf.d/zz-hallmark.conf"
CHRONY_CONF = ("/etc/chrony/chrony.conf", "/etc/chrony.conf")
#: Where systemd's own settings are read, the last word counting.
TIMESYNCD_CONF = ("/usr/lib/systemd/timesyncd.conf", "/etc/systemd/timesyncd.conf")
_MARK = "hallmark.images.time_client"
_HEADER = "# Managed by Ansible, module hallmark.images.time_client; changes here are lost."
_UNSAFE = set(" \t\n\"'`$\\;#")


def client_of(tree: Tree, wanted: str) -> tuple[str, str]:
    """Client to use, chrony or timesyncd, and its unit; the unit is empty when it is not installed."""
    units = {
        "chrony": next((unit for unit in CHRONY if tree.found(f"{UNITS}/{unit}")), ""),
        "timesyncd": TIMESYNCD if tree.found(f"{UNITS}/{TIMESYNCD}") else "",
    }
    if wanted != "auto":
        return wanted, units[wanted]
    name = next((name for name, unit in units.items() if unit), "chrony")
    return name, units[name]


def vendor_servers(texts: list[str]) -> str:
    """Servers that systemd was compiled with, which its configuration shows in a comment; empty when it does not."""
    found = ""
    for text in texts:
        for line in text.splitlines():
            if line.startswith("#FallbackNTP="):
                found = line.partition("=")[2].strip() or found
    return found


def timesyncd_text(servers: list[str], vendor: str) -> str:
    """Drop-in for timesyncd; servers of the distribution stay behind those of the network (DHCP). Empty for none."""
    if servers:
        return f"{_HEADER}\n[Time]\nNTP={' '.join(servers)}\n"
    return f"{_HEADER}\n[Time]\nFallbackNTP={vendor}\n" if vendor else ""


def chrony_lines(servers: list[str]) -> str:
    """Lines for chrony's configuration."""
    return "".join(f"server {server} iburst prefer\n" for server in servers)


def sources_folder(text: str) -> str:
    """Folder for files of sources that chrony's configuration reads and that survives a boot; empty for none."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["sourcedir"] and len(words) > 1 and words[1].startswith("/etc/"):
            return words[1]
    return ""


def is_enabled(tree: Tree, unit: str) -> bool:
    """Whether some target starts `unit` at boot."""
    folders = [name for name in tree.names(ETC) if name.endswith(".wants")]
    return any(unit in tree.names(f"{ETC}/{folder}") for folder in folders)


def is_masked(tree: Tree, unit: str) -> bool:
    """Whether `unit` cannot be started."""
    place = os.path.join(tree.real(ETC), unit)
    return os.path.islink(place) and os.readlink(place) == "/dev/null"


def set_all(tree: Tree, options: dict, run: Run) -> dict:
    """Do what module time_client promises; `options` are its own. Changes are in `tree`."""
    for server in options["servers"]:
        if not server or _UNSAFE & set(server):
            raise HardeningError(f"servers: {server!r} is no server; write a name or an address, one in each item")
    name, unit = client_of(tree, options["client"])
    if not unit:
        package = "chrony" if name == "chrony" else "systemd-timesyncd"
        return {"client": "", "missing_packages": [package], "warnings": []}
    if name == "timesyncd":
        configured, warnings = _timesyncd(tree, options["servers"])
    else:
        configured, warnings = _chrony(tree, options["servers"])
    others = [other for other in (TIMESYNCD, *CHRONY) if other != unit and tree.found(f"{UNITS}/{other}")]
    units = is_masked(tree, unit) and tree.remove(f"{ETC}/{unit}")
    if not is_enabled(tree, unit):
        target = "sysinit" if name == "timesyncd" else "multi-user"
        units = tree.link(f"{ETC}/{target}.target.wants/{unit}", tree.found(f"{UNITS}/{unit}")) or units
    for other in others:
        units = tree.link(f"{ETC}/{other}", "/dev/null") or units
    live = is_live(tree.root) if options["live"] == "auto" else options["live"] == "true"
    if live and tree.exists("/run/systemd/system") and (units or configured) and not tree.check_mode:
        commands = [["daemon-reload"]] if units else []
        commands += [["stop", *others]] if units and others else []
        commands += [["restart" if configured else "start", unit]]
        for command in commands:
            code, _out, error = run(["systemctl", *command])
            if code:
                warnings.append(f"systemctl {' '.join(command)}: {' '.join(error.split())}")
    return {"client": name, "missing_packages": [], "warnings": warnings}


def _timesyncd(tree: Tree, servers: list[str]) -> tuple[bool, list[str]]:
    text = timesyncd_text(servers, vendor_servers([tree.read(path) or "" for path in TIMESYNCD_CONF]))
    if not text:
        return tree.remove(DROP_IN), ["servers: none is given, and systemd's configuration shows none; give some"]
    tree.directory("/etc/systemd/timesyncd.conf.d")
    return tree.write(DROP_IN, text, 0o644, "root", "root"), []


def _chrony(tree: Tree, servers: list[str]) -> tuple[bool, list[str]]:
    path = next((path for path in CHRONY_CONF if tree.exists(path)), "")
    if not path:
        return False, [f"chrony has no configuration; there should be {' or '.join(CHRONY_CONF)}"]
    text, lines = tree.read(path) or "", chrony_lines(servers)
    folder = sources_folder(text)
    own = f"{folder}/hallmark.sources"
    if folder and lines:
        return tree.write(own, f"{_HEADER}\n{lines}", 0o644, "root", "root"), []
    changed = bool(folder) and tree.remove(own)
    new = set_block(text, _MARK, "" if folder else lines)
    if new != text:
        changed = tree.write(path, new) or changed
    return changed, []
