# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few lines that a person reads when a build is over."""

from __future__ import annotations

import os
from typing import Any

TITLES = {"before": "before hardening", "builder": "hardened, before capture"}


def lines(record: dict[str, Any], folder: str) -> list[str]:
    """The summary of a manifest.

    :param folder: the evidence folder as the user would write it.
    """
    told = [f"build {record['build']} {record['outcome']}"]
    if record["problem"]:
        told.append(f"reason: {record['problem'].splitlines()[0]}")
    for image in record["images"]:
        if "path" in image:
            disk = f"{size(image['size'])} ({size(image['virtual_size'])} disk)"
            told.append(f"image:  {os.path.relpath(image['path'])}  {disk}")
        else:  # one in a cloud has an id and a region instead
            told.append(f"image:  {image['id']}  {image['region']}  {image['name']}")
    for name, counts in record["checks"].items():
        told.append(
            f"checks: {counts.get('passed', 0)} passed, {counts.get('failed', 0)} failed, "
            f"{counts.get('waived', 0)} waived, {counts.get('not_applicable', 0)} not applicable "
            f"({TITLES.get(name, name.replace('check-', 'after capture, machine '))})"
        )
    told.append("time:   " + ", ".join(f"{item['stage']} {item['seconds']:.0f} s" for item in record["stages"]))
    report = os.path.join(folder, "baseline-builder.html")
    if os.path.exists(report):
        told.append(f"report: {report}")
    told.append(f"record: {os.path.join(folder, 'manifest.json')}")
    return told


def size(number: int) -> str:
    """Bytes for a person, in binary units."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit in ("B", "KiB") else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
