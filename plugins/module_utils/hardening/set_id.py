# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set-id programs and file capabilities: which there are, which are known, and taking the bits away for good."""

from __future__ import annotations

import errno
import os
import stat

from ansible_collections.hallmark.images.plugins.module_utils.hardening import set_id_known
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.overrides import Wish, persist
from ansible_collections.hallmark.images.plugins.module_utils.hardening.permissions import Permissions
from ansible_collections.hallmark.images.plugins.module_utils.hardening.survey import ATTRIBUTE, survey

DROP_IN = "/etc/tmpfiles.d/hallmark-set-id.conf"
_BITS = stat.S_ISUID | stat.S_ISGID
#: Names by number (capabilities(7), linux/capability.h of Linux 6.12).
NAMES = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service"
    " net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin"
    " sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap"
    " mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
).split()


def decode(raw: bytes) -> frozenset[str]:
    """Names of the capabilities in a security.capability attribute (struct vfs_cap_data of linux/capability.h).

    What a program may take up (permitted) and what it may keep (inheritable) counts alike. Little-endian: a version
    word, then pairs of words, permitted and inheritable, of the low and the high 32 numbers.
    """
    words = [int.from_bytes(raw[place : place + 4], "little") for place in range(4, min(len(raw), 20), 4)]
    bits = 0
    for number, word in enumerate(words):
        bits |= word << (32 * (number // 2))
    known = {number for number in range(len(NAMES)) if bits >> number & 1}
    rest = bits >> len(NAMES)
    return frozenset([f"cap_{NAMES[number]}" for number in known] + (["cap_unknown"] if rest else []))


def capabilities(place: str) -> frozenset[str]:
    """Names of a file's capabilities."""
    try:
        return decode(os.getxattr(place, ATTRIBUTE, follow_symlinks=False))
    except OSError:
        return frozenset()


class Paths:
    """Files by the place in the tree where their names end, so that /bin/su and /usr/bin/su are the same one."""

    def __init__(self, tree: Tree, paths: list[str]) -> None:
        folders: dict[str, str] = {}
        self.places: dict[str, str] = {}
        for path in paths:
            folder, _slash, name = path.rstrip("/").rpartition("/")
            if folder not in folders:
                folders[folder] = tree.real(folder or "/")
            self.places[os.path.join(folders[folder], name)] = path

    def __contains__(self, place: str) -> bool:
        return place in self.places


class SetId:
    """One run of module set_id_files; `surveys` are those of the call."""

    def __init__(self, tree: Tree, options: dict, surveys: dict | None = None) -> None:
        release = tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or ""
        self.tree, self.options, self.rights = tree, options, Permissions(tree)
        self.surveys = surveys
        self.known_release = set_id_known.known_set_id(release) is not None
        self.allow = Paths(tree, options["allow"])
        self.known = Paths(tree, [*(set_id_known.known_set_id(release) or []), *options["allow"], *options["known"]])
        known = set_id_known.known_capabilities(release) or {}
        places = Paths(tree, list(known)).places
        self.capabilities = {place: known[path] for place, path in places.items()}
        self.wishes: list[Wish] = []
        self.done: set[str] = set()
        self.found: list[dict] = []
        self.unknown: list[str] = []
        self.unknown_capabilities: list[dict] = []

    def deny(self) -> None:
        """Take the bits from the programs that are denied and not allowed; a link counts as what it points to."""
        for path in self.options["deny"]:
            place = self.tree.real(path)
            if place in self.done or place in self.allow or path in self.options["allow"]:
                continue
            self.done.add(place)
            try:
                held = os.lstat(place)
            except OSError:
                continue
            if stat.S_ISREG(held.st_mode):
                self.strip(place, held)

    def strip(self, place: str, held: os.stat_result) -> None:
        """Take the bits from one file, and remember that it is to stay so."""
        mode = stat.S_IMODE(held.st_mode) & ~_BITS
        self.rights.change(place, held, mode)
        owner, group = self._name(held.st_uid, "passwd"), self._name(held.st_gid, "group")
        self.wishes.append(Wish(self.rights.name(place), owner, group, mode))

    def look(self) -> None:
        """Judge every program with rights of its own; what is denied has lost its bits before."""
        asks = self.options["capabilities"] != "ignore"
        found = survey(self.tree, self.options["skip"], self.surveys, asks)
        for place in found.set_id:
            try:
                held = os.lstat(place)
            except OSError:  # vanished since it was seen
                continue
            if stat.S_ISREG(held.st_mode) and held.st_mode & _BITS and place not in self.done:
                self._set_id(place, held)
        for place in found.capable if asks else ():
            self._capable(place)

    def _set_id(self, place: str, held: os.stat_result) -> None:
        path = self.rights.name(place)
        self.found.append(
            {
                "path": path,
                "mode": f"{stat.S_IMODE(held.st_mode):04o}",
                "owner": self._name(held.st_uid, "passwd"),
                "group": self._name(held.st_gid, "group"),
            }
        )
        if place not in self.known and self.options["unknown"] != "ignore":
            self.unknown.append(path)
            if self.options["unknown"] == "strip":
                self.strip(place, held)

    def _capable(self, place: str) -> None:
        have = capabilities(place)
        if not have or have <= self.capabilities.get(place, frozenset()) or place in self.allow:
            return
        path = self.rights.name(place)
        self.unknown_capabilities.append({"path": path, "capabilities": sorted(have)})
        if self.options["capabilities"] == "strip":
            if not self.tree.check_mode:
                try:
                    os.removexattr(place, ATTRIBUTE, follow_symlinks=False)
                except OSError as error:
                    if error.errno not in (errno.ENODATA, errno.ENOENT):
                        self.rights.failures.append({"path": path, "reason": os.strerror(error.errno or errno.EIO)})
                        return
            self.tree.note(path, ",".join(sorted(have)), "none", "capabilities")

    def _name(self, number: int, kind: str) -> str:
        for line in (self.tree.read(f"/etc/{kind}") or "").splitlines():
            fields = line.split(":")
            if len(fields) > 2 and fields[2] == str(number):
                return fields[0]
        return f"#{number}" if self.tree.exists("/var/lib/dpkg/status") else str(number)


def set_all(tree: Tree, options: dict, surveys: dict | None = None) -> dict:
    """Do what module set_id_files promises; `options` are its own. Changes are in `tree`, the rest is returned."""
    run = SetId(tree, options, surveys)
    if options["unknown"] == "strip" and not run.known_release:
        run.rights.failures.append({"path": "/etc/os-release", "reason": "no known set for this system: nothing taken"})
        run.options = {**options, "unknown": "report"}
    run.deny()
    if options["unknown"] != "ignore" or options["capabilities"] != "ignore":
        run.look()
    if options["persist"]:
        allowed = frozenset(run.rights.name(place) for place in run.allow.places)
        persist(tree, run.wishes, DROP_IN, allowed)
    return {
        "set_id": sorted(run.found, key=lambda item: item["path"]),
        "unknown": sorted(run.unknown),
        "unknown_capabilities": sorted(run.unknown_capabilities, key=lambda item: item["path"]),
        "failures": run.rights.failures,
        "known_release": run.known_release,
    }
