# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several parts of this platform ask of an image file."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.programs import run

#: What images and options call the disk with the system, so no data disk has this name.
SYSTEM = "system"
#: The largest qcow2 disk: its first table has at most 32 MiB (QEMU's block/qcow2.h, QCOW_MAX_L1_SIZE), so 2^22 entries,
#: each of which leads to 512 MiB where clusters have 64 KiB.
MOST_BYTES = 1 << 51
SIZE = re.compile(r"^(\d+)([KMGT]?)(?:i?B)?$", re.IGNORECASE)


def image_info(path: str, image_format: str | None = None) -> dict[str, Any]:
    """What ``qemu-img info`` says of an image: format, virtual-size (bytes), and more.

    :raises HallmarkError: when the file is missing, unreadable or no image.
    """
    if not os.path.exists(path):
        raise HallmarkError(f"{path}: does not exist")
    if not os.access(path, os.R_OK):
        raise HallmarkError(f"{path}: may not be read")
    chosen = ["-f", image_format] if image_format else []
    # -U: a base image that running machines share is locked, and reading its header needs no lock.
    return json.loads(run("qemu-img", "info", "-U", "--output=json", *chosen, path))


def parse_size(text: str | int, key: str = "size") -> int:
    """Bytes of a size such as ``8G`` (binary units K, M, G, T; a bare number is bytes).

    :raises HallmarkError: when it is no size.
    """
    match = SIZE.match(str(text).strip())
    if not match or int(match[1]) == 0:
        raise HallmarkError(f"{key}: {text!r} is not a size", "a number with K, M, G or T, for example 8G")
    size = int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2].upper()]
    if size > MOST_BYTES:
        raise HallmarkError(f"{key}: {text!r} is too large", f"at most {MOST_BYTES >> 40}T")
    return size


def size_text(size: int) -> str:
    """A number of bytes as ``parse_size`` reads it, in the largest unit that gives a whole number."""
    for unit, bits in (("T", 40), ("G", 30), ("M", 20), ("K", 10)):
        if size and size % (1 << bits) == 0:
            return f"{size >> bits}{unit}"
    return str(size)


def disk_size(given: str | None, key: str, source: str, virtual_size: int) -> int:
    """Bytes of a disk that begins with what is in its source; its source's own size where none is given.

    :raises HallmarkError: when it is no size, or would cut off the end of the source.
    """
    size = parse_size(given, key) if given else virtual_size
    if size < virtual_size:
        raise HallmarkError(
            f"{key}: {given} is smaller than the source {source}", f"at least {size_text(virtual_size)}"
        )
    return size
