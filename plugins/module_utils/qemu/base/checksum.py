# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The digest that the user demands of a ready image: parsing it, and checking files against it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

DIGITS = {"sha256": 64, "sha512": 128}
BLOCK = 4 << 20


@dataclass(frozen=True)
class Checksum:
    """A demanded digest, for example ``sha256:9f86…``."""

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"


def parse_checksum(text: str) -> Checksum:
    """Take ``sha256:HEX`` or ``sha512:HEX`` apart; the digits may be of either case.

    :raises HallmarkError: when it is neither, naming what is wrong about it.
    """
    algorithm, colon, digest = text.strip().partition(":")
    algorithm, digest = algorithm.lower(), digest.strip().lower()
    wanted = "sha256:<64 hexadecimal digits> or sha512:<128 hexadecimal digits>"
    if not colon or algorithm not in DIGITS:
        raise HallmarkError(f"checksum: {text!r} has no known algorithm", wanted)
    if not re.fullmatch("[0-9a-f]*", digest):
        raise HallmarkError(f"checksum: {text!r} has characters that are no hexadecimal digits", wanted)
    if len(digest) != DIGITS[algorithm]:
        raise HallmarkError(f"checksum: {text!r} has {len(digest)} digits", wanted)
    return Checksum(algorithm, digest)


def digests(path: Path, *algorithms: str, progress: Callable[[int], None] = lambda done: None) -> dict[str, str]:
    """Several digests of a file, read once.

    :param algorithms: names as hashlib knows them.
    :param progress: is told the bytes read so far.
    :returns: hexadecimal digits by algorithm.
    """
    sums = {name: hashlib.new(name) for name in algorithms}
    done = 0
    with open(path, "rb") as handle:
        while block := handle.read(BLOCK):
            for one in sums.values():
                one.update(block)
            done += len(block)
            progress(done)
    return {name: one.hexdigest() for name, one in sums.items()}
