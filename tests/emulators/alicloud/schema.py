# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of an action: what they are called, of which type they are, which are needed.

They are written as words: ``RegionId! Size:int DryRun:bool InstanceIds:json ResourceId[] Tag[Key Value]``. ``!`` says
that the parameter is needed; ``[]`` that it is a list, sent as ``ResourceId.1``; names in the brackets that the list is
one of rows, sent as ``Tag.1.Key``; ``json`` that one parameter holds a JSON list of strings; ``csv`` that it holds
words between commas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulators.alicloud.errors import ApiError, bad

#: What every call may have. `on` is a stray parameter of footmark.
COMMON = frozenset(
    "Action Version Format AccessKeyId SignatureMethod SignatureType SignatureVersion SignatureNonce Signature "
    "Timestamp SecurityToken RegionId OwnerId OwnerAccount ResourceOwnerId ResourceOwnerAccount on".split()
)
WORD = re.compile(r"([\w.]+)(?:\[([^\]]*)\])?(?::(\w+))?(!?)(?=\s|$)")
ROW = re.compile(r"(\w+)\.(\d+)(?:\.([\w.]+))?")


@dataclass(frozen=True)
class Parameter:
    """A parameter.

    :ivar kind: str, int, float, bool, json, csv, list or rows.
    :ivar columns: of rows.
    """

    name: str
    kind: str
    required: bool
    columns: dict[str, Parameter]


def parse(words: str) -> dict[str, Parameter]:
    """Parameters from words."""
    found = {}
    for name, columns, kind, required in WORD.findall(words):
        in_brackets = f"{name}[" in words
        kind = ("rows" if columns else "list") if in_brackets else kind or "str"
        found[name] = Parameter(name, kind, bool(required), parse(columns))
    return found


def boolean(text: str) -> bool:
    """A truth value as clients send it."""
    return {"true": True, "false": False}[text.lower()]


def strings(text: str) -> list[str]:
    """A JSON list of strings."""
    value = json.loads(text)
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError(text)
    return value


READ: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": boolean,
    "json": strings,
    "csv": lambda text: [word.strip() for word in text.split(",") if word.strip()],
}


def read(parameter: Parameter, name: str, text: str) -> Any:
    """The value of a parameter.

    :param name: as it was sent.
    :raises ApiError: when it is not of the parameter's type.
    """
    try:
        return READ[parameter.kind](text)
    except (ValueError, KeyError):
        raise bad(name, f"It must be of type {parameter.kind}.") from None


def values(parameters: dict[str, Parameter], sent: dict[str, str]) -> dict[str, Any]:
    """The values of a call's parameters, by name; lists and rows in the order of their numbers.

    Empty values count as not sent, as Go's client sends empty strings for what it was not given.

    :raises ApiError: when a parameter is unknown (an answer of the emulator's own; Alibaba Cloud passes over it), is
        not of its type, or is missing.
    """
    found: dict[str, Any] = {}
    lists: dict[str, dict[int, Any]] = {}
    for name, text in sent.items():
        if name in COMMON and name not in parameters:
            continue
        if name in parameters and parameters[name].kind not in ("list", "rows"):
            if text != "":
                found[name] = read(parameters[name], name, text)
            continue
        row = ROW.fullmatch(name)
        parameter = parameters.get(row[1]) if row else None
        if row is None or parameter is None or parameter.kind != ("rows" if row[3] else "list"):
            raise ApiError(400, "UnknownParameter", f"The emulator knows no parameter {name} of this action.")
        place = lists.setdefault(row[1], {})
        if not parameter.columns:
            place[int(row[2])] = text
            continue
        column = parameter.columns.get(row[3]) or parameter.columns.get(row[3][0].upper() + row[3][1:])
        if column is None:
            raise ApiError(400, "UnknownParameter", f"The emulator knows no parameter {name} of this action.")
        if text != "" or column.name == "Value":
            place.setdefault(int(row[2]), {})[column.name] = read(column, name, text)
    found |= {name: [rows[number] for number in sorted(rows)] for name, rows in lists.items()}
    for parameter in parameters.values():
        if parameter.required and parameter.name not in found and not (sent.get(parameter.name)):
            # What the API gateway in front of all products says.
            raise ApiError(400, f"Missing{parameter.name}", f"{parameter.name} is mandatory for this action.")
        for row in found.get(parameter.name, []) if parameter.columns else []:
            for column in parameter.columns.values():
                if column.required and column.name not in row:
                    raise ApiError(400, f"Missing{column.name}", f"{column.name} is mandatory for this action.")
    return found
