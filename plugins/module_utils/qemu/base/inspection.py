# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ready images: whether a file is a disk image that may be trusted to be just itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.programs import find_program
from ansible_collections.hallmark.images.plugins.module_utils.qemu.tools import image_info

QCOW2_MAGIC = b"QFI\xfb"
#: Incompatible feature bit 2 of a qcow2 header: the data is in another file (QEMU, docs/interop/qcow2.txt).
EXTERNAL_DATA = 1 << 2
#: What people take for a disk image, by how it begins.
OTHERS = {
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x1f\x8b": "compressed with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"PK\x03\x04": "a zip archive",
    b"KDMV": "a VMDK",
    b"# Disk DescriptorFile": "a VMDK descriptor",
    b"vhdxfile": "a VHDX",
    b"conectix": "a VHD",
    b"<": "an HTML or XML page",
}


def image_format(path: Path) -> str:
    """``qcow2`` or ``raw``, read from the file itself; nothing else is accepted.

    QEMU is not asked: its probing opens whatever other files an image names, and a crafted image can thereby read
    files of this machine. So a backing file or an external data file is refused here, before QEMU sees the image.

    :raises HallmarkError: when the file is unreadable, of another kind, or leans on other files.
    """
    try:
        with open(path, "rb") as handle:
            head = handle.read(1024)
    except OSError as error:
        raise HallmarkError(f"{path}: cannot be read: {error.strerror}") from None
    if head.startswith(QCOW2_MAGIC):
        _refuse_other_files(path, head)
        return "qcow2"
    for magic, kind in OTHERS.items():
        if head.startswith(magic):
            raise HallmarkError(f"{path}: is {kind}, not a disk image", "a qcow2 or raw image; unpack or convert it")
    # A partition table is what makes raw bytes a disk: the boot signature of MBR and protective MBR alike.
    if len(head) < 512 or head[510:512] != b"\x55\xaa":
        raise HallmarkError(f"{path}: is no disk image", "a qcow2 image, or a raw one with a partition table")
    return "raw"


def _refuse_other_files(path: Path, head: bytes) -> None:
    """Offsets as in QEMU's docs/interop/qcow2.txt: version at 4, backing file's offset at 8, features at 72."""
    if len(head) < 104:
        raise HallmarkError(f"{path}: is a damaged qcow2 image: its header is cut off")
    if int.from_bytes(head[8:16]):
        raise HallmarkError(f"{path}: needs a backing file", "an image that is whole; see qemu-img convert")
    if int.from_bytes(head[4:8]) >= 3 and int.from_bytes(head[72:80]) & EXTERNAL_DATA:
        raise HallmarkError(f"{path}: keeps its data in another file", "an image that is whole; see qemu-img convert")


def inspect_image(path: Path) -> dict[str, Any]:
    """Make sure that QEMU can use an image, and say what it is.

    :returns: ``format`` and ``virtual_size`` (bytes).
    :raises HallmarkError: when it is no image, is damaged, or leans on other files.
    """
    chosen = image_format(path)
    try:
        info = image_info(str(path), chosen)
    except HallmarkError as error:
        raise HallmarkError(f"{path}: is a damaged {chosen} image: {_reason(error, path)}") from None
    if chosen == "qcow2":
        _check_qcow2(path)
    return {"format": chosen, "virtual_size": int(info["virtual-size"])}


def _check_qcow2(path: Path) -> None:
    """Walk the image's tables (they are small). Leaked clusters only waste space; anything else is damage."""
    command = [find_program("qemu-img"), "check", "-U", "-f", "qcow2", "--output=json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 3:
        return
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {}
    errors = report.get("corruptions", 0) + report.get("check-errors", 0)
    if done.returncode or errors:
        found = f"qemu-img check finds {errors} errors" if errors else "qemu-img check cannot read its tables"
        raise HallmarkError(f"{path}: is a damaged qcow2 image: {found}")


def _reason(error: HallmarkError, path: Path) -> str:
    return str(error).partition(f"{path}': ")[2] or str(error)
