# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that is wrong with a definition, told in one line."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import json
import os
import re
import typing as t

from ansible.parsing.vault import VaultHelper

from ansible_collections.hallmark.images.plugins.module_utils.build.urls import without_credentials

#: Longest rendering of a value; enough to recognise it.
_VALUE_LENGTH: t.Final = 60
_SECRET: t.Final = re.compile(r"pass|secret|token|private|credential|user_?data$", re.IGNORECASE)
#: Texts that without quotes would look like something else.
_NOT_TEXT: t.Final = re.compile(r"[-+]?[\d][\d.]*|true|false|yes|no|null|~", re.IGNORECASE)

Path: t.TypeAlias = tuple["str | int", ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what would be right.

    Attributes:
        file: Path of the file.
        right: What would be right; the end of the line the user reads.
        line: Line in the file, counted from 1; 0 when it is the whole file.
        column: Column, counted from 1; 0 leaves it out.
        key: Place in the data, as C(builder.data_disks[0].size); may be empty.
        value: The value as shown to the user, see C(show); may be empty.
    """

    file: str
    right: str
    line: int = 0
    column: int = 0
    key: str = ""
    value: str = ""

    def __str__(self) -> str:
        place = [shorten(self.file)] + [str(number) for number in (self.line, self.column) if number]
        return ": ".join(part for part in (":".join(place), self.key, self.value, self.right) if part)


def shorten(file: str) -> str:
    """The path as a user at the current folder would write it: relative when the file lies below."""
    try:
        relative = os.path.relpath(file)
    except OSError:  # the current folder is gone
        return file
    return file if relative.startswith(os.pardir + os.sep) else relative


def dotted(path: Path) -> str:
    """Write a place in the data as users write it: C(("a", 1, "b")) is C(a[1].b)."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def show(value: object, key: str = "") -> str:
    """Render a value for a message: one line, short, and nothing secret (vault, keys that look like secrets)."""
    if _SECRET.search(key):
        return "(not shown)"
    value = _without_vaulted(value)
    if isinstance(value, str):
        plain = value and value == value.strip() and not _NOT_TEXT.fullmatch(value)
        text = value if plain else json.dumps(value, ensure_ascii=False)
    else:
        text = json.dumps(value, default=_show_other, ensure_ascii=False)
    text = without_credentials(" ".join(text.split()))
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"


def _without_vaulted(value: object) -> object:
    """The value with every vaulted text, decrypted or not, replaced."""
    if isinstance(value, dict):
        return {key: _without_vaulted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_vaulted(item) for item in value]
    return "!vault …" if VaultHelper.get_ciphertext(value, with_tags=False) else value


def _show_other(value: object) -> str:
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return str(value)


def suggest(word: str, known: t.Iterable[str]) -> str:
    """The part of a message that names the likely word, else all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
