# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family

FILES = Path(__file__).parent / "files"
SYSTEMS = {
    "debian11": "debian",
    "debian12": "debian",
    "debian13": "debian",
    "ubuntu2204": "ubuntu",
    "ubuntu2404": "ubuntu",
    "rhel8": "redhat",
    "rhel9": "redhat",
    "amazon2023": "amazon",
    "alinux3": "alinux",
    "anolis8": "anolis",
}


@pytest.mark.parametrize(("system", "expected"), SYSTEMS.items())
def test_family_of_a_recorded_release(system, expected):
    assert family((FILES / system / "os-release").read_text()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID=rebuild\nPLATFORM_ID=platform:an23\n", "anolis"),
        ("ID=rebuild\nPLATFORM_ID=platform:al2023\n", "amazon"),
        ("ID=rebuild\nPLATFORM_ID=platform:el9\n", "redhat"),
        ("ID=mint\nID_LIKE='ubuntu debian'\n", "ubuntu"),
        ("ID=gentoo\n", ""),
        ("", ""),
        ("# ID=debian\nID=arch\n", ""),
    ],
)
def test_family_by_other_signs(text, expected):
    assert family(text) == expected
