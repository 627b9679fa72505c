# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import subprocess

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import layout
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.programs import find_program

IDENTIFIERS = {
    "disk": "11111111-2222-5333-8444-555555555501",
    "loader": "11111111-2222-5333-8444-555555555502",
    "system": "11111111-2222-5333-8444-555555555503",
    "partition": "11111111-2222-5333-8444-555555555504",
}


@pytest.mark.parametrize(
    ("content", "disk"),
    [(0, 2 << 30), (600 << 20, 2 << 30), (1000 << 20, 2304 << 20), (4 << 30, 6912 << 20)],
)
def test_the_disk_has_room_for_its_content(content, disk):
    found = layout.layout_for(content)
    assert found.disk == disk
    assert found.root_size >= content * 3 / 2 + (512 << 20)


def test_sfdisk_takes_the_table_as_it_is_meant(tmp_path):
    disk = tmp_path / "disk.raw"
    planned = layout.layout_for(0)
    with open(disk, "wb") as handle:
        handle.truncate(planned.disk)
    subprocess.run([find_program("sfdisk"), "-q", disk], input=planned.table(IDENTIFIERS), text=True, check=True)
    dump = subprocess.run([find_program("sfdisk"), "-d", disk], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"raw(\d+) : start= *(\d+), size= *(\d+), type=([0-9A-F-]+), uuid=([0-9A-F-]+)", dump)
    found = {int(number): (int(start) * 512, int(size) * 512, kind, uuid) for number, start, size, kind, uuid in rows}
    assert found == {
        14: (layout.LOADER_START, layout.LOADER_SIZE, layout.BIOS_BOOT, IDENTIFIERS["loader"]),
        15: (layout.SYSTEM_START, layout.SYSTEM_SIZE, layout.EFI_SYSTEM, IDENTIFIERS["system"]),
        1: (layout.ROOT_START, planned.root_size, layout.ROOT_AMD64, IDENTIFIERS["partition"]),
    }
    assert max(start for start, *rest in found.values()) == found[1][0], "only the last partition can grow"
    assert IDENTIFIERS["disk"] in dump
