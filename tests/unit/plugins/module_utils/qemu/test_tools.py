# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu import tools


@pytest.mark.parametrize(
    ("text", "size"),
    [("8G", 8 << 30), ("512M", 512 << 20), ("1k", 1024), ("2T", 2 << 40), ("8GiB", 8 << 30), (4096, 4096), ("7", 7)],
)
def test_sizes(text, size):
    assert tools.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1G", "8 G", "1.5G", "8X", "G"])
def test_what_is_no_size_is_named(text):
    with pytest.raises(HallmarkError, match=r"disk_size: .* is not a size: a number with K, M, G or T"):
        tools.parse_size(text, "disk_size")


@pytest.mark.parametrize("text", ["8G", "512M", "1K", "3T", "1025", "0"])
def test_a_size_is_told_as_one_writes_it(text):
    size = tools.parse_size(text) if text != "0" else 0
    assert tools.size_text(size) == text


@pytest.mark.parametrize(("given", "size"), [(None, 2 << 30), ("2G", 2 << 30), ("3G", 3 << 30)])
def test_a_disk_has_room_for_its_source(given, size):
    assert tools.disk_size(given, "disk_size", "/base.qcow2", 2 << 30) == size


def test_a_disk_that_would_cut_its_source_is_refused():
    with pytest.raises(HallmarkError, match=r"^disk_size: 1G is smaller than the source /base.qcow2: at least 2G$"):
        tools.disk_size("1G", "disk_size", "/base.qcow2", 2 << 30)
