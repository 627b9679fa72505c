# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions: their table, and what a call to one is."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from typing import Any

from emulators.alicloud import policies, schema
from emulators.alicloud.accounts import Caller
from emulators.alicloud.errors import ApiError, bad, dry_run
from emulators.alicloud.world import Kind, Thing, World
from emulators.common.calls import Call

Reply = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Action:
    """An action.

    :ivar resources: what a policy must allow it on: ``instance/{InstanceId}`` with the values of parameters; with
        ``product:`` before it where it is another's, ``product:Action:`` where it is another action too. One whose
        parameter was not sent does not count.
    """

    product: str
    name: str
    parameters: dict[str, schema.Parameter]
    resources: tuple[str, ...]
    answer: Callable[[Request], Reply]


#: Product and name → the action. The modules of the actions fill it.
ACTIONS: dict[tuple[str, str], Action] = {}


def action(
    product: str, name: str, parameters: str = "", resources: str = "*"
) -> Callable[[Callable[[Request], Reply]], Callable[[Request], Reply]]:
    """Put a function into the table as what answers an action."""

    def put(answer: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        entry = Action(product, name, schema.parse(parameters), tuple(resources.split()), answer)
        ACTIONS[product, name] = entry
        return answer

    return put


class Request:
    """A call to an action, with its parameters checked.

    :ivar values: the parameters that were sent, by name.
    """

    def __init__(self, world: World, call: Call, entry: Action, caller: Caller, values: dict[str, Any]) -> None:
        self.world, self.call, self.action, self.caller, self.values = world, call, entry, caller, values
        self.region = call.region

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a parameter, or what it is when it was not sent."""
        return self.values.get(name, default)

    def choice(self, name: str, choices: Iterable[str], default: str = "") -> str:
        """The value of a parameter that is one of some words."""
        value = self.get(name, default)
        if name in self and value not in choices:
            raise bad(name, f"{value} is none of {', '.join(choices)}.")
        return str(value)

    @property
    def tags(self) -> dict[str, str]:
        """The tags that are to be put on something."""
        return tag_pairs(self.get("Tag", []))

    def checked(self) -> None:
        """Every action that changes something calls this between its checks and its effect.

        :raises ApiError: when the client wanted the checks only.
        """
        if self.get("DryRun"):
            raise dry_run()

    def make(self, kind: type[Kind], **fields: Any) -> Kind:
        """Let there be a thing of the caller's, with the request's tags and resource group."""
        fields = {"tags": self.tags, "group": self.get("ResourceGroupId", "")} | fields
        return self.world.make(kind, self.region, self.caller.account, **fields)

    def all(self, kind: type[Kind]) -> list[Kind]:
        """The caller's things of a kind in the region; without what is too young to be found, or being released."""
        found = [thing for thing in self.world.all(kind, self.region) if thing.listed and self.world.old(thing)]
        return [thing for thing in found if thing.account == self.caller.account]

    def find(self, kind: type[Kind], identifier: str) -> Kind:
        """The caller's thing with an id.

        :raises ApiError: when there is none.
        """
        for thing in self.all(kind):
            if identifier in (thing.id, thing.name if thing.KIND == "keypair" else thing.id):
                return thing
        raise ApiError(*kind.MISSING)

    def select(self, things: list[Kind], **wanted: Any) -> list[Kind]:
        """The things that a Describe asks for: attribute → the value, or list of values, that it must have.

        A value that was not sent is asked for by nobody. Tags, resource group and names with ``*`` are looked at too.
        """
        tags = self.get("Tag", [])
        things = [thing for thing in things if all(has_tag(thing, tag) for tag in tags)]
        wanted = {"group": self.get("ResourceGroupId")} | wanted
        for attribute, value in wanted.items():
            if value is None or value == "":
                continue
            values = value if isinstance(value, list) else [value]
            things = [thing for thing in things if any(same(getattr(thing, attribute), one) for one in values)]
        return things


def same(value: Any, wanted: Any) -> bool:
    """Whether an attribute has a value that is asked for."""
    if isinstance(value, list):
        return wanted in value
    return policies.like(value, wanted) if isinstance(wanted, str) and isinstance(value, str) else value == wanted


def has_tag(thing: Thing, tag: dict[str, str]) -> bool:
    """Whether a thing has a tag that is asked for; without a value, any value will do."""
    return tag.get("Key", "") in thing.tags and tag.get("Value") in (None, "", thing.tags[tag["Key"]])


def tag_pairs(rows: list[dict[str, str]]) -> dict[str, str]:
    """Tags from rows of keys and values.

    :raises ApiError: when they break a rule for tags.
    """
    found: dict[str, str] = {}
    for row in rows:
        key, value = row.get("Key", ""), row.get("Value", "")
        if not 1 <= len(key) <= 128 or re.match(r"aliyun|acs:|https?://", key, re.I) or "http" in key:
            raise ApiError(400, "InvalidTagKey.Malformed", "The specified Tag.n.Key is not valid.")
        if len(value) > 128 or re.match(r"acs:", value) or re.search(r"https?://", value):
            raise ApiError(400, "InvalidTagValue.Malformed", "The specified Tag.n.Value is not valid.")
        if key in found:
            raise ApiError(400, "Duplicate.TagKey", "The Tag.N.Key contain duplicate key.")
        found[key] = value
    if len(found) > 20:
        raise ApiError(400, "InvalidTagCount", "The specified tags are beyond the permitted range.")
    return found


def shown_tags(thing: Thing) -> Reply:
    """A thing's tags as ECS shows them."""
    return {"Tag": [{"TagKey": key, "TagValue": value} for key, value in thing.tags.items()]}


def page(
    request: Request, things: list[Any], outer: str, inner: str, show: Callable[[Any], Any], top: int = 100
) -> Reply:
    """One page of a list. The code for a page that cannot be is from memory.

    :param top: how many fit on a page at most; ten are on it by default.
    """
    parameters = request.action.parameters
    if "MaxResults" in parameters and ("MaxResults" in request or "NextToken" in request):
        size, start = request.get("MaxResults", 10), 0
        if "NextToken" in request:
            if not re.fullmatch(r"next-\d+", request["NextToken"]):
                raise ApiError(400, "InvalidParameter.NextToken", "The specified NextToken is not valid.")
            start = int(request["NextToken"].removeprefix("next-"))
        found: Reply = {"NextToken": f"next-{start + size}" if start + size < len(things) else ""}
    else:
        number, size = request.get("PageNumber", 1), request.get("PageSize", 10)
        if number < 1:
            raise bad("PageNumber")
        start = (number - 1) * size
        found = {"PageNumber": number, "PageSize": size}
    if not 1 <= size <= top:
        raise bad("MaxResults" if "MaxResults" in request else "PageSize", f"It must be from 1 to {top}.")
    shown = [show(thing) for thing in things[start : start + size]]
    return found | {"TotalCount": len(things), outer: {inner: shown}}
