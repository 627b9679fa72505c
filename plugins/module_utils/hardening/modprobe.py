# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules that must not be loaded: the block list, what is exempt from it, and the initramfs that copies it."""

from __future__ import annotations

import os
from collections.abc import Callable

from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import winning
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree, octal
from ansible_collections.hallmark.images.plugins.module_utils.hardening.kernel import is_live

#: Where modprobe reads rules; of files with one name the first folder's counts (modprobe.d(5)).
FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
#: Any of these says that the system may be started by UEFI firmware, which needs vfat for its own partition. The test
#: of the running machine (the first) is not enough: images are made on BIOS machines, or in no machine at all.
EFI_MARKS = (
    "/sys/firmware/efi",
    "/boot/efi",
    "/efi",
    "/usr/lib/grub/x86_64-efi",
    "/usr/lib/grub/arm64-efi",
    "/usr/lib/grub/i386-efi",
    "/usr/lib/shim",
    "/usr/share/shim",
    "/usr/lib/systemd/boot/efi",
)
#: snaps are squashfs files, mounted by a snapd that need not run yet while an image is made.
SNAP_MARKS = ("/usr/lib/snapd", "/usr/libexec/snapd")
#: Commands that do nothing in place of loading a module.
NOTHING = ("/bin/true", "/bin/false", "/usr/bin/true", "/usr/bin/false")
DRACUT_CONF = "/etc/dracut.conf.d/zz-hallmark-modprobe.conf"
_IMAGES = ("/boot/initrd.img-{}", "/boot/initramfs-{}.img", "/boot/initrd-{}")
_UPDATERS = (
    ("/usr/sbin/update-initramfs", ["update-initramfs", "-u", "-k", "all"]),
    ("/usr/bin/dracut", ["dracut", "--force", "--regenerate-all"]),
    ("/usr/sbin/dracut", ["dracut", "--force", "--regenerate-all"]),
)
_HEADER = "# Managed by Ansible, module hallmark.images.modprobe_block; changes here are lost.\n"


def normal(name: str) -> str:
    """A module's name as the kernel says it: usb-storage and usb_storage are one module."""
    return name.replace("-", "_")


def file_systems(table: str) -> set[str]:
    """Names of file systems in the text of a mount table (fstab, /proc/mounts)."""
    lines = [line.split() for line in table.splitlines() if not line.lstrip().startswith("#")]
    return {name for fields in lines if len(fields) > 2 for name in fields[2].split(",")}


def exemptions(tree: Tree, live: bool, keep_vfat: str) -> dict[str, str]:
    """Modules that this system needs, by their kernel names, each with the reason."""
    found = {}
    if keep_vfat == "true":
        found["vfat"] = "keep_vfat"
    elif keep_vfat == "auto":
        for mark in EFI_MARKS if live else EFI_MARKS[1:]:
            if os.path.exists(mark) if mark.startswith("/sys/") else tree.exists(mark):
                found["vfat"] = f"UEFI: {mark} exists"
                break
    for mark in SNAP_MARKS:
        if tree.exists(mark):
            found["squashfs"] = f"snapd: {mark} exists"
    tables = {"/etc/fstab": tree.read("/etc/fstab") or ""}
    if live:
        tables["/proc/mounts"] = Tree("/").read("/proc/mounts") or ""
    for path, text in tables.items():
        for name in file_systems(text):
            if name != "vfat" or keep_vfat != "false":
                found[normal(name)] = f"in use: {path}"
    return found


def check_names(names: list[str], option: str) -> None:
    """Refuse what would be read as something else than the name of a module."""
    for name in names:
        if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise HardeningError(f"{option}: {name!r} is no name of a kernel module; give one like usb-storage")


def render(names: list[str], command: str, blacklist: bool) -> str:
    """Text of the block list: `install` stops modprobe, `blacklist` the aliases by which hardware asks."""
    lines = []
    for name in names:
        lines.append(f"install {name} {command}\n")
        if blacklist:
            lines.append(f"blacklist {name}\n")
    return _HEADER + "".join(lines)


def blocked_by(text: str) -> dict[str, str]:
    """Modules that a rules text speaks of, by kernel name: `install COMMAND`, `blacklist`, or both joined by `; `."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] in ("install", "blacklist"):
            rule = " ".join([words[0], *words[2:]])
            name = normal(words[1])
            found[name] = f"{found[name]}; {rule}" if name in found else rule
    return found


def installs(text: str) -> dict[str, str]:
    """Commands that run in place of loading a module, by kernel name; of several the first counts.

    Those that do nothing are all one.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split(None, 2)
        if len(words) == 3 and words[0] == "install":
            command = "nothing" if words[2].strip() in NOTHING else words[2].strip()
            found.setdefault(normal(words[1]), command)
    return found


# --- the initramfs ---------------------------------------------------------------------------------------------------


def drivers(tree: Tree, version: str, names: list[str]) -> list[str]:
    """Those of `names` that kernel `version` ships as drivers of hardware.

    Only these can be loaded in an initramfs without anyone asking: file systems there are mounted by the command line
    alone, protocols and ciphers wait for a program.
    """
    wanted = {normal(name) for name in names}
    found = set()
    for line in (tree.read(f"/lib/modules/{version}/modules.dep") or "").splitlines():
        path = line.partition(":")[0]
        name = normal(path.rpartition("/")[2].partition(".ko")[0])
        if name in wanted and "/drivers/" in path:
            found.add(name)
    return sorted(found)


def stale_images(tree: Tree, path: str, names: list[str], changed: bool, every: bool) -> list[str]:
    """Initramfs images that are older than the block list at `path`, and hold what it could stop (or `every` one)."""
    newest = 0.0 if changed else os.stat(tree.real(path)).st_mtime
    found = []
    for version in tree.names("/lib/modules"):
        for pattern in _IMAGES:
            image = pattern.format(version)
            if not tree.exists(image) or not (changed or os.stat(tree.real(image)).st_mtime < newest):
                continue
            if every or drivers(tree, version, names):
                found.append(image)
    return found


def updater(tree: Tree) -> list[str]:
    """Command that makes all initramfs images anew; empty when the system has none."""
    return next((command for program, command in _UPDATERS if tree.exists(program)), [])


# --- the running kernel ----------------------------------------------------------------------------------------------


def loaded(text: str) -> dict[str, int]:
    """Modules of a /proc/modules text with the number of their users."""
    lines = (line.split() for line in text.splitlines())
    return {fields[0]: int(fields[2]) if fields[2].isdigit() else 1 for fields in lines if len(fields) > 2}


def unload(names: list[str], read: Callable, remove: Callable) -> tuple[list[str], list[str]]:
    """Take out of the kernel those of `names` that nothing uses; returns the ones that are gone and that stay.

    `read()` gives the text of /proc/modules, `remove(names)` unloads. A module may be free only after the one above it
    went (btusb, then bluetooth): hence rounds, as long as something goes.
    """
    wanted = {normal(name) for name in names}
    first = {name for name in loaded(read()) if name in wanted}
    left = set(first)
    while left:
        table = loaded(read())
        free = sorted(name for name in left if table.get(name) == 0)
        if not free:
            break
        remove(free)
        now = {name for name in loaded(read()) if name in wanted}
        if now >= left:
            break
        left &= now
    return sorted(first - left), sorted(left)


def set_all(tree: Tree, options: dict, run: Callable) -> dict:
    """Do what module modprobe_block promises; `options` are its own. Changes are in `tree`, the rest is returned.

    `run(command)` runs a command to its end and raises HardeningError when it fails.
    """
    path = options["path"]
    if os.path.dirname(path) not in FOLDERS or not path.endswith(".conf"):
        raise HardeningError(f"path: {path} is read by no modprobe; choose a name /etc/modprobe.d/*.conf")
    for option in ("modules", "allow"):
        check_names(options[option], option)
    names = list(dict.fromkeys(options["modules"]))
    live = is_live(tree.root)
    needed = exemptions(tree, live, options["keep_vfat"])
    needed.update(dict.fromkeys(map(normal, options["allow"]), "allow"))
    exempt = {normal(name): needed[normal(name)] for name in names if normal(name) in needed}
    names = [name for name in names if normal(name) not in needed]

    before = blocked_by(tree.read(path) or "")
    text = render(names, options["install_command"], options["blacklist"])
    after = blocked_by(text)
    keys = [
        (name, before.get(name), after.get(name))
        for name in [*after, *(name for name in before if name not in after)]
        if before.get(name) != after.get(name)
    ]
    old = tree.read(path)
    tree.write(path, text, octal(options["mode"], "mode"), "root", "root", keys)
    changed = old != text
    if tree.exists("/usr/lib/dracut"):  # which copies /etc/modprobe.d only into images for one machine
        line = f'install_items+=" {path} "\n'
        changed = tree.write(DRACUT_CONF, _HEADER + line, 0o644, "root", "root") or changed
    report = {"blocked": [normal(name) for name in names], "exempt": exempt}
    report["warnings"] = winning(tree, path, text, installs, first_counts=True)
    report["initramfs"] = _update_images(tree, options, names, changed, run)
    report["still_loaded"] = _unload(tree, names, run) if live and options["unload"] else []
    return report


def _update_images(tree: Tree, options: dict, names: list[str], changed: bool, run: Callable) -> str:
    if options["rebuild_initramfs"] == "never":
        return "left alone"
    every = options["rebuild_initramfs"] == "always"
    images = stale_images(tree, options["path"], names, changed, every)
    if not images:
        return "fine"
    command = updater(tree)
    if tree.root != "/" or not command:
        return "old"
    for image in images:
        tree.note(image, "older than the block list", "made anew", "initramfs")
    if not tree.check_mode:
        run(command)
    return "made anew"


def _unload(tree: Tree, names: list[str], run: Callable) -> list[str]:
    def read() -> str:
        return Tree("/").read("/proc/modules") or ""

    if tree.check_mode:
        table = loaded(read())
        gone = [name for name in map(normal, names) if table.get(name) == 0]
        left = [name for name in map(normal, names) if table.get(name, 0) > 0]
    else:
        gone, left = unload(names, read, lambda free: run(["rmmod", *free]))
    for name in gone:
        tree.note("/proc/modules", "loaded", "unloaded", name)
    return left
