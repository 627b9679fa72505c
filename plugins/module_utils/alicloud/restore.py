# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.capture import Capture
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.machine import Machine
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.replacing import TERMS, Replacement
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.resources import (
    Association,
    Eip,
    RemoteKey,
    SecurityGroup,
    Vpc,
    VSwitch,
)
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.snapshots import DiskSnapshot
from ansible_collections.hallmark.images.plugins.module_utils.build.files import Files
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Resource

SIMPLE = {item.kind: item for item in (DiskSnapshot, Eip, Machine, SecurityGroup, Vpc)}


def restore(kind: str, name: str, spec: dict[str, Any]) -> Resource:
    """The resource that a ledger entry speaks of, good for deleting it.

    Everything it needs is imported above and not when it is called: the janitor calls it when the archive that
    Ansible runs modules from is long gone.
    """
    if "connection" not in spec:
        return Files(name, list(spec["paths"]), kind)
    connection = Connection(spec["connection"])
    if kind == RemoteKey.kind:
        return RemoteKey(name, connection, spec["key_name"], Path(spec["paths"][0]).parent)
    if kind == Capture.kind and TERMS in spec:
        return Replacement(name, connection, spec["image_name"], spec[TERMS])
    if kind == Capture.kind:
        return Capture(name, connection, spec["image_name"])
    if kind == Association.kind:
        return Association(name, connection, lambda: (spec["address"], spec["instance"]))
    if "number" in spec:
        return VSwitch(name, connection, spec["number"])
    return SIMPLE[kind](name, connection)
