# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tags that everything of a build carries from its create call on, and finding things by them."""

from __future__ import annotations

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
__all__ += ["as_dict", "as_list", "check_tags"]
MOST = 14  # ECS allows 20 on one thing, of which the collection needs a few
LONGEST = 128  # characters of a name, and of a value (ECS API reference, TagResources)


def check_tags(key: str, tags: dict[str, Any] | None, besides: Iterable[str] = ()) -> dict[str, str]:
    """The user's own tags as texts.

    :param key: the option they come from, for the message.
    :param besides: names of the user's other tags that the same things get.
    :raises HallmarkError: on what Alibaba Cloud would refuse, and on names that are the collection's.
    """
    checked = {str(name): str(value) for name, value in (tags or {}).items()}
    for name, value in checked.items():
        if name.lower().startswith((OWN, "aliyun", "acs:")) or not 0 < len(name) <= LONGEST:
            raise HallmarkError(
                f"{key}: {name!r}", f"a name of 1 to {LONGEST} characters, without {OWN}, aliyun or acs: in front"
            )
        if len(value) > LONGEST:
            raise HallmarkError(f"{key}: {name}: {len(value)} characters", f"at most {LONGEST}")
        if any(word in text for word in ("http://", "https://") for text in (name, value)):
            raise HallmarkError(f"{key}: {name}: {value!r}", "names and values without http:// or https://")
    count = len({*checked, *besides})
    if count > MOST:
        raise HallmarkError(f"{key}: {count} tags" + (" with those of tags" if besides else ""), f"at most {MOST}")
    return checked


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as the API takes them, as value of the parameter ``Tag``; also to find things that have all of them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def as_dict(thing: dict[str, Any]) -> dict[str, str]:
    """The tags of a thing as the API describes it, by name. ECS and VPC spell them differently."""
    listed = thing.get("Tags") or {}
    found = listed.get("Tag", []) if isinstance(listed, dict) else listed
    return {
        str(tag.get("TagKey", tag.get("Key", ""))): str(tag.get("TagValue", tag.get("Value", "")) or "")
        for tag in found or []
    }
