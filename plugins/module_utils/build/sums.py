# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_sums(folder: Path, sums: dict[str, str], gone: Collection[str] = ()) -> None:
    """Add files to the folder's SHA256SUMS (the format of sha256sum(1)), replacing what it said of them before.

    :param sums: digests by file name.
    :param gone: names of files that it is to say nothing of; when none is left, it is removed.
    """
    path = folder / "SHA256SUMS"
    known: dict[str, str] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            digest, dummy, name = line.partition("  ")
            known[name] = digest
    known = {name: digest for name, digest in (known | sums).items() if name not in gone}
    if known:
        replace_text(path, "".join(f"{known[name]}  {name}\n" for name in sorted(known)))
    else:
        path.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: under a hidden name first, of which nothing stays when there is no room."""
    temporary = path.with_name(f".{path.name}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
