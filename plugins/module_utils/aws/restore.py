# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws.capture import Capture
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.machine import Machine
from ansible_collections.hallmark.images.plugins.module_utils.aws.profile import Profile, Role
from ansible_collections.hallmark.images.plugins.module_utils.aws.replacing import TERMS, Replacement
from ansible_collections.hallmark.images.plugins.module_utils.aws.resources import RemoteKey, SecurityGroup
from ansible_collections.hallmark.images.plugins.module_utils.build.files import Files
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Resource


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
    if kind == SecurityGroup.kind:
        return SecurityGroup(name, connection, spec["group_name"])
    if kind == Capture.kind and TERMS in spec:
        return Replacement(name, connection, spec["image_name"], spec[TERMS])
    if kind == Capture.kind:
        return Capture(name, connection, spec["image_name"])
    if kind in (Role.kind, Profile.kind):
        return (Role if kind == Role.kind else Profile)(name, connection, spec["iam_name"])
    return Machine(name, connection)
