# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RAM policies: whether documents allow an action on a resource.

What is evaluated: Effect (a Deny wins), Action and NotAction and Resource with the wildcards ``*`` and ``?``, and
conditions with the operators in `OPERATORS` on the keys acs:SourceIp, acs:SecureTransport, acs:RequestTag/… and
acs:ResourceTag/…. A document with anything else is refused where it is given, so that nothing is passed over in
silence. Letters must have the case that the public tables of actions have.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
#: Condition key → the values that a call has for it.
Context = dict[str, list[str]]


def like(text: str, pattern: str) -> bool:
    """Whether a text is what a pattern with wildcards describes."""
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def in_network(text: str, network: str) -> bool:
    """Whether an address is in a network."""
    return ipaddress.ip_address(text) in ipaddress.ip_network(network, strict=False)


#: Operator → how a value is compared, and whether the result is turned around.
OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (lambda value, wanted: value == wanted, False),
    "StringNotEquals": (lambda value, wanted: value == wanted, True),
    "StringEqualsIgnoreCase": (lambda value, wanted: value.lower() == wanted.lower(), False),
    "StringNotEqualsIgnoreCase": (lambda value, wanted: value.lower() == wanted.lower(), True),
    "StringLike": (like, False),
    "StringNotLike": (like, True),
    "Bool": (lambda value, wanted: value.lower() == wanted.lower(), False),
    "IpAddress": (in_network, False),
    "NotIpAddress": (in_network, True),
}


def listed(value: Any) -> list[str]:
    """A string or a list of strings, as a list."""
    return (
        [str(entry).lower() if isinstance(entry, bool) else str(entry) for entry in value]
        if isinstance(value, list)
        else listed([value])
    )


def check(document: Document) -> Document:
    """A policy document that the emulator can evaluate whole.

    :raises ValueError: when it cannot.
    """
    if document.get("Version") != "1" or set(document) != {"Version", "Statement"}:
        raise ValueError('a RAM policy has "Version": "1" and Statement, and nothing else')
    for statement in document["Statement"]:
        if set(statement) - {"Effect", "Action", "NotAction", "Resource", "Condition"}:
            raise ValueError(f"statement {statement}: unknown element")
        if statement.get("Effect") not in ("Allow", "Deny") or "Resource" not in statement:
            raise ValueError(f"statement {statement}: needs Effect (Allow or Deny) and Resource")
        if ("Action" in statement) == ("NotAction" in statement):
            raise ValueError(f"statement {statement}: needs one of Action and NotAction")
        for operator, keys in statement.get("Condition", {}).items():
            if operator not in OPERATORS:
                raise ValueError(f"condition operator {operator} is none of {', '.join(OPERATORS)}")
            for key in keys:
                if not re.fullmatch(r"acs:(SourceIp|SecureTransport|(Request|Resource)Tag/.+)", key):
                    raise ValueError(f"the emulator does not know the condition key {key}")
    return document


def holds(condition: dict[str, dict[str, Any]], context: Context) -> bool:
    """Whether a call meets a condition: of each key one of the wanted values; a key that the call lacks equals none."""
    for operator, keys in condition.items():
        compare, turned = OPERATORS[operator]
        for key, wanted in keys.items():
            found = any(compare(value, one) for value in context.get(key, []) for one in listed(wanted))
            if found == turned:
                return False
    return True


def applies(statement: dict[str, Any], action: str, resource: str, context: Context) -> bool:
    """Whether a statement speaks of an action on a resource."""
    actions = listed(statement.get("Action", statement.get("NotAction")))
    if any(like(action, pattern) for pattern in actions) != ("Action" in statement):
        return False
    if not any(like(resource, pattern) for pattern in listed(statement["Resource"])):
        return False
    return holds(statement.get("Condition", {}), context)


def allows(documents: list[Document], action: str, resource: str, context: Context) -> bool:
    """Whether documents allow an action on a resource: one allows it, and none denies it."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in document["Statement"]
        if applies(statement, action, resource, context)
    }
    return effects == {"Allow"}


@dataclasses.dataclass(frozen=True)
class Demand:
    """What RAM was asked about a call: one action on one resource.

    :ivar key: the access key of who made the call.
    """

    key: str
    action: str
    resource: str
    context: Context

    def met(self, documents: list[Document]) -> bool:
        """Whether documents allow it."""
        return allows(documents, self.action, self.resource, self.context)
