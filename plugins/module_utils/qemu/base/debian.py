# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a Debian base image from packages: a tree, a disk, boot loaders, a qcow2 file. No step needs root."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import boot_loader, guest_files
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.layout import (
    MIB,
    ROOT_START,
    SECTOR,
    SYSTEM_SIZE,
    SYSTEM_START,
    layout_for,
)
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.programs import (
    as_root,
    check_root,
    find_program,
    run_checked,
    run_logged,
    search_path,
)
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.recipe import ARCHITECTURE, Recipe

PROGRAMS = ("mmdebstrap", "mke2fs", "mkfs.vfat", "sfdisk", "qemu-img", "qemu-system-x86_64", "unshare", "setpriv")
#: Bytes that a build takes at its peak: packages, tree, raw disk and the qcow2 file.
SPACE = 3 << 30
#: What of the user's own apt configuration is about reaching a mirror; mmdebstrap reads none of it.
APT_OPTION = re.compile(r'^(Acquire::(?:http|https|ftp|tor|Check-Valid-Until|Check-Date|Retries|ForceIPv)\S*) "(.+)";$')
#: mmdebstrap's words at the beginning of a step, and how much of the whole is done by then (percent).
STEPS = (
    ("I: running apt-get update", 2, "reading the package lists"),
    ("I: downloading packages", 8, "downloading packages"),
    ("I: extracting archives", 15, "unpacking the essential packages"),
    ("I: installing essential", 20, "installing the essential packages"),
    ("I: installing remaining", 28, "installing the other packages"),
    ("I: cleaning package lists", 60, "cleaning up"),
)

Progress = Callable[[int, str], None]


def check_build() -> None:
    """Make sure that this machine can build.

    :raises HallmarkError: names what is missing.
    """
    for program in PROGRAMS:
        find_program(program)
    check_root()


def build(
    recipe: Recipe, folder: Path, accel: str = "auto", progress: Progress = lambda percent, step: None
) -> dict[str, Any]:
    """Make the image ``base.qcow2`` in a folder.

    :param folder: empty, the caller's own, on a file system with SPACE bytes free.
    :param progress: is told how much of the work is done, in percent, and what is done now.
    :returns: ``path``, ``virtual_size`` (bytes) and ``packages`` (versions by name).
    :raises HallmarkError: when a step fails.
    """
    identifiers = {name: recipe.identifier(name) for name in ("disk", "loader", "system", "partition", "root", "hash")}
    volume = identifiers["system"][:8].upper()
    tree, disk, log = folder / "tree", folder / "disk.raw", folder / "build.log"

    _make_tree(recipe, tree, guest_files.guest_files(identifiers["root"], f"{volume[:4]}-{volume[4:]}"), log, progress)
    packages = installed(tree / "var/lib/dpkg/status")
    kernel, initrd = (shutil.copy(_newest(tree / "boot", name), folder) for name in ("vmlinuz", "initrd.img"))
    (tree / boot_loader.SCRIPT_PATH.lstrip("/")).write_text(boot_loader.SCRIPT, encoding="utf-8")
    (tree / boot_loader.SCRIPT_PATH.lstrip("/")).chmod(0o755)

    progress(65, "making the disk")
    size = _make_disk(tree, disk, identifiers, volume, log)
    progress(75, "installing the boot loaders")
    boot_loader.install_boot_loaders(disk, Path(kernel), Path(initrd), identifiers["root"], folder, accel)
    progress(95, "converting to qcow2")
    path = folder / "base.qcow2"
    run_checked(
        [find_program("qemu-img"), "convert", "-f", "raw", "-O", "qcow2", str(disk), str(path)], log, "qemu-img"
    )
    return {"path": path, "virtual_size": size, "packages": packages}


def _make_tree(recipe: Recipe, tree: Path, files: dict[str, str], log: Path, progress: Progress) -> None:
    """Have mmdebstrap install the packages and our files."""
    overlay, finish = tree.with_name("files.tar"), tree.with_name("finish.sh")
    overlay.write_bytes(guest_files.archive(files))
    finish.write_text(guest_files.FINISH, encoding="utf-8")
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    command += [f"--architectures={ARCHITECTURE}", f"--include={','.join(recipe.include)}"]
    command += [f"--aptopt={option}" for option in ['APT::Install-Recommends "false"', *apt_options()]]
    # The disk is not kept when the machine dies half-way, so nothing has to be safe on it before the end.
    command += ["--dpkgopt=force-unsafe-io"]
    command += [f"--customize-hook=tar-in {overlay} /", f'--customize-hook=chroot "$1" /bin/sh < {finish}']
    command += [recipe.release, str(tree), *recipe.sources]
    said: list[str] = []

    def on_line(line: str) -> None:
        said.append(line)
        for words, percent, step in STEPS:
            if line.startswith(words):
                progress(percent, step)

    if run_logged(as_root(command), log, on_line):
        raise HallmarkError(f"release {recipe.release} from {recipe.mirror}: {failure(said)}")


def _make_disk(tree: Path, disk: Path, identifiers: dict[str, str], volume: str, log: Path) -> int:
    """Lay the tree out on a raw disk image; its size in bytes."""
    measured = subprocess.run(
        as_root(["du", "--summarize", "--block-size=1", str(tree)]),
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if measured.returncode:
        raise HallmarkError(f"measuring the tree failed: {measured.stderr.strip()}")
    layout = layout_for(int(measured.stdout.split()[0]))
    with open(disk, "wb") as handle:
        handle.truncate(layout.disk)
    done = subprocess.run(
        [find_program("sfdisk"), "--quiet", str(disk)],
        input=layout.table(identifiers), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise HallmarkError(f"sfdisk failed: {done.stderr.strip().splitlines()[-1]}")
    # One sector per cluster: FAT32 has at least 65525 clusters (Microsoft's fatgen103), and firmware insists on it.
    system = ["-F", "32", "-s", "1", "-n", "EFI", "-i", volume, "--offset", str(SYSTEM_START // SECTOR)]
    run_checked([find_program("mkfs.vfat"), *system, str(disk), str(SYSTEM_SIZE // 1024)], log, "mkfs.vfat")
    extended = f"offset={ROOT_START},hash_seed={identifiers['hash']},lazy_itable_init=0,lazy_journal_init=0"
    root = ["-q", "-t", "ext4", "-L", "root", "-U", identifiers["root"], "-E", extended, "-d", str(tree)]
    run_checked(as_root(["mke2fs", *root, str(disk), f"{layout.root_size // MIB}m"]), log, "mke2fs")
    return layout.disk


def apt_options() -> list[str]:
    """The user's own apt settings for reaching mirrors (proxies, certificates, time limits), as apt.conf(5) lines."""
    program = shutil.which("apt-config", path=search_path())
    if not program:
        return []
    dump = subprocess.run([program, "dump"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    found = [APT_OPTION.match(line) for line in dump.stdout.splitlines()]
    options = {match[1]: match[2] for match in found if match}
    options.setdefault("Acquire::http::Timeout", "30")
    options.setdefault("Acquire::https::Timeout", "30")
    options.setdefault("Acquire::Retries", "2")
    return [f'{name} "{value}"' for name, value in options.items()]


def failure(said: list[str]) -> str:
    """The one line of mmdebstrap's output that tells its user most: apt's own complaint before what follows from it."""
    for prefix in (r"(?:E|W): Failed to fetch", r"(?:E|Err:\d+)\b", r"E: "):
        for line in said:
            if re.match(prefix, line) and "apt-get update" not in line:
                return re.sub(r"\s+", " ", re.sub(r"^(?:E|W|Err:\d+):? ?", "", line)).strip()
    return next((line for line in reversed(said) if line), "mmdebstrap failed")


def installed(status: Path) -> dict[str, str]:
    """Versions by package, from dpkg's status file."""
    packages = {}
    for paragraph in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if re.match(r"[A-Z][\w-]*: ", line))
        if fields.get("Status", "").endswith(" installed"):
            packages[fields["Package"]] = fields["Version"]
    return packages


def _newest(boot: Path, name: str) -> Path:
    """The kernel, or initramfs, of which a fresh tree has just one."""
    found = sorted(boot.glob(f"{name}-*"), key=os.path.getmtime)
    if not found:
        raise HallmarkError(f"the packages brought no /boot/{name}")
    return found[-1]
