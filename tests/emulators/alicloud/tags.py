# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags on things that there are. ECS and VPC each have their own actions; ECS has old and new ones."""

from __future__ import annotations

from emulators.alicloud.api import Reply, Request, action, has_tag, tag_pairs
from emulators.alicloud.errors import ApiError, bad
from emulators.alicloud.world import Thing

#: The words that the two products have for their things in the parameter ResourceType.
KINDS = {
    "ecs": {
        "instance": "instance",
        "disk": "disk",
        "snapshot": "snapshot",
        "image": "image",
        "securitygroup": "securitygroup",
        "keypair": "keypair",
    },
    "vpc": {"VPC": "vpc", "VSWITCH": "vswitch", "EIP": "eip"},
}


def kind_of(request: Request) -> str:
    """The kind of things that a call is about."""
    kinds, word = KINDS[request.action.product], request["ResourceType"]
    found = {name.lower(): kind for name, kind in kinds.items()}.get(word.lower())
    if found is None or (request.action.product == "ecs" and word not in kinds):
        raise ApiError(400, "InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
    return found


def owned(request: Request) -> list[Thing]:
    """The caller's things of the kind that a call is about."""
    kind = kind_of(request)
    return [
        thing
        for thing in request.world.all(Thing, request.region)
        if kind == thing.KIND and thing.account == request.caller.account and request.world.old(thing)
    ]


def named(request: Request, identifiers: list[str]) -> list[Thing]:
    """The things that a call names; key pairs by name or id.

    :raises ApiError: when there is one that does not exist.
    """
    things = owned(request)
    if len(identifiers) > 50:
        raise bad("ResourceId", "There can be 50 of them in a call.")
    found = []
    for identifier in identifiers:
        match = [one for one in things if identifier in (one.id, one.name if one.KIND == "keypair" else one.id)]
        if not match:
            message = "The specified ResourceIds are not found in our records."
            raise ApiError(404, "InvalidResourceId.NotFound", message)
        found += match
    return found


def put(request: Request, things: list[Thing]) -> None:
    """Put a call's tags onto things."""
    tags = tag_pairs(request["Tag"])
    for thing in things:
        if len(thing.tags | tags) > 20:
            raise ApiError(
                400, "NumberExceed.Tags", "The maximum number of tags of a resource is exceeded."
            )  # from memory
    for thing in things:
        thing.tags |= tags


def take(things: list[Thing], keys: list[str] | None) -> None:
    """Take tags off things: those with some keys, or all."""
    for thing in things:
        thing.tags = {key: value for key, value in thing.tags.items() if keys is not None and key not in keys}


@action("ecs", "AddTags", "RegionId! ResourceId! ResourceType! Tag[Key! Value]!", "{ResourceType}/{ResourceId}")
def add_tags(request: Request) -> Reply:
    put(request, named(request, [request["ResourceId"]]))
    return {}


@action("ecs", "RemoveTags", "RegionId! ResourceId! ResourceType! Tag[Key! Value]!", "{ResourceType}/{ResourceId}")
def remove_tags(request: Request) -> Reply:
    take(named(request, [request["ResourceId"]]), [row["Key"] for row in request["Tag"]])
    return {}


@action("ecs", "TagResources", "RegionId! ResourceId[]! ResourceType! Tag[Key! Value]!", "{ResourceType}/{ResourceId}")
@action("vpc", "TagResources", "RegionId! ResourceId[]! ResourceType! Tag[Key! Value]!", "{ResourceType}/{ResourceId}")
def tag_resources(request: Request) -> Reply:
    put(request, named(request, request["ResourceId"]))
    return {}


@action(
    "ecs", "UntagResources", "RegionId! ResourceId[]! ResourceType! TagKey[] All:bool", "{ResourceType}/{ResourceId}"
)
@action(
    "vpc", "UnTagResources", "RegionId! ResourceId[]! ResourceType! TagKey[] All:bool", "{ResourceType}/{ResourceId}"
)
def untag_resources(request: Request) -> Reply:
    if "TagKey" not in request and not request.get("All"):
        raise ApiError(
            400, "MissingParameter.TagKey", "The parameter TagKey must be set, or All be true."
        )  # from memory
    take(named(request, request["ResourceId"]), request.get("TagKey"))
    return {}


@action(
    "ecs",
    "ListTagResources",
    "RegionId! ResourceType! ResourceId[] NextToken Tag[Key Value]",
    "{ResourceType}/{ResourceId}",
)
@action(
    "vpc",
    "ListTagResources",
    "RegionId! ResourceType! ResourceId[] NextToken MaxResults:int Tag[Key Value]",
    "{ResourceType}/{ResourceId}",
)
def list_tag_resources(request: Request) -> Reply:
    if "ResourceId" not in request and "Tag" not in request:
        raise ApiError(400, "MissingParameter.TagOwnerUid", "ResourceId.N or Tag.N must be set.")  # from memory
    things = named(request, request["ResourceId"]) if "ResourceId" in request else owned(request)
    rows = [
        {
            "ResourceId": thing.name if thing.KIND == "keypair" else thing.id,
            "ResourceType": request["ResourceType"],
            "TagKey": key,
            "TagValue": value,
        }
        for thing in things
        if all(has_tag(thing, tag) for tag in request.get("Tag", []))
        for key, value in thing.tags.items()
    ]
    token = request.get("NextToken", "next-0")
    if not token.removeprefix("next-").isdigit():
        raise ApiError(400, "InvalidParameter.NextToken", "The specified NextToken is not valid.")
    start, size = int(token.removeprefix("next-")), request.get("MaxResults", 50)
    more = f"next-{start + size}" if start + size < len(rows) else ""
    return {"NextToken": more, "TagResources": {"TagResource": rows[start : start + size]}}
