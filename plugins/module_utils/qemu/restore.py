# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.files import Files
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Resource
from ansible_collections.hallmark.images.plugins.module_utils.qemu.capture import Capture
from ansible_collections.hallmark.images.plugins.module_utils.qemu.resources import Machine


def restore(kind: str, name: str, spec: dict[str, Any]) -> Resource:
    """The resource that a ledger entry speaks of, good for deleting it.

    Everything it needs is imported above and not when it is called: the janitor calls it when the archive that
    Ansible runs modules from is long gone.
    """
    if kind == Machine.kind:
        return Machine(name, [], 0, "", Path(spec["paths"][0]))
    if kind == Capture.kind:
        return Capture.from_spec(name, spec)
    return Files(name, list(spec["paths"]), kind)
