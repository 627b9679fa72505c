# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tags that everything of a build carries from its create call on, and finding things by them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.labels import (
    BUILD,
    DEFINITION,
    EXPIRES,
    OWN,
    TOKEN,
    build_tags,
    expiry,
    machine_expiry,
)

__all__ = ["BUILD", "DEFINITION", "EXPIRES", "OWN", "TOKEN", "build_tags", "expiry", "machine_expiry"]
__all__ += ["as_dict", "as_list", "by_tag", "check_for_metadata", "check_tags", "specifications"]

#: Names of tags that the instance metadata can show ("Enable access to tags in instance metadata", EC2 user guide).
IN_METADATA = re.compile(r"^(?!\.{1,2}$|_index$)[A-Za-z0-9+\-=.,_:@]+$")


def check_tags(key: str, tags: dict[str, Any] | None, besides: Iterable[str] = ()) -> dict[str, str]:
    """The user's own tags as texts.

    :param key: the option they come from, for the message.
    :param besides: names of the user's other tags that the same things get.
    :raises HallmarkError: on what AWS would refuse, and on names that are the collection's.
    """
    checked = {str(name): str(value) for name, value in (tags or {}).items()}
    for name, value in checked.items():
        if name.startswith((OWN, "aws:")) or not 0 < len(name) <= 128:
            raise HallmarkError(f"{key}: {name!r}", f"a name of 1 to 128 characters, without {OWN} or aws: in front")
        if len(value) > 256:
            raise HallmarkError(f"{key}: {name}: {len(value)} characters", "at most 256")
    count = len({*checked, *besides})
    if count > 44:  # AWS allows 50, of which the collection needs a few
        raise HallmarkError(f"{key}: {count} tags" + (" with those of tags" if besides else ""), "at most 44")
    return checked


def check_for_metadata(tags: dict[str, str]) -> None:
    """Refuse tags whose names the instance metadata cannot show.

    :raises HallmarkError: naming the first.
    """
    for name in tags:
        if not IN_METADATA.match(name):
            raise HallmarkError(f"tags: {name!r} with imds_tags", "a name of letters, digits and +-=.,_:@")


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as the API takes them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def specifications(tags: dict[str, str], *types: str) -> list[dict[str, Any]]:
    """``TagSpecifications`` of a create call: the same tags on each type of thing that it makes."""
    return [{"ResourceType": kind, "Tags": as_list(tags)} for kind in types]


def as_dict(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags as the API gives them, by name."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def by_tag(name: str, value: str) -> dict[str, Any]:
    """A filter of a describe call."""
    return {"Name": f"tag:{name}", "Values": [value]}
