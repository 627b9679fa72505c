# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk of a base image, as numbers: a GPT that both BIOS and UEFI boot from.

The root partition is number 1, as clouds expect, and the last one on the disk, so that it can grow with it. Numbers 14
and 15 of the two small ones are those of Debian's own cloud images.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
SECTOR = 512
LOADER_START = 1 * MIB  # where GRUB's core goes: i386 machines boot from a GPT through a partition of its own
LOADER_SIZE = 3 * MIB
SYSTEM_START = LOADER_START + LOADER_SIZE
SYSTEM_SIZE = 64 * MIB  # shim and GRUB take 5 MiB twice; the rest is for firmware updates
ROOT_START = SYSTEM_START + SYSTEM_SIZE
TAIL = 1 * MIB  # the second copy of the GPT
SMALLEST = 2048 * MIB

# UEFI specification 5.3.3 and the Discoverable Partitions Specification.
BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
ROOT_AMD64 = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"


@dataclass(frozen=True)
class Layout:
    """Where the partitions are; all in bytes."""

    disk: int

    @property
    def root_size(self) -> int:
        """Size of the root partition."""
        return self.disk - ROOT_START - TAIL

    def table(self, identifiers: dict[str, str]) -> str:
        """The partition table as sfdisk(8) reads it.

        :param identifiers: UUIDs of ``disk``, ``loader``, ``system`` and ``partition``.
        """
        rows = [
            (14, LOADER_START, LOADER_SIZE, BIOS_BOOT, identifiers["loader"]),
            (15, SYSTEM_START, SYSTEM_SIZE, EFI_SYSTEM, identifiers["system"]),
            (1, ROOT_START, self.root_size, ROOT_AMD64, identifiers["partition"]),
        ]
        lines = [
            f"{number} : start={start // SECTOR}, size={size // SECTOR}, type={kind}, uuid={identifier.upper()}"
            for number, start, size, kind, identifier in rows
        ]
        return "\n".join(["label: gpt", f"label-id: {identifiers['disk'].upper()}", *lines, ""])


def layout_for(content: int) -> Layout:
    """A disk with room for its content, the file system's own tables, and an upgrade of the kernel.

    :param content: bytes of the files.
    """
    needed = ROOT_START + TAIL + content * 3 // 2 + 512 * MIB
    return Layout(max(SMALLEST, -(-needed // (256 * MIB)) * 256 * MIB))
