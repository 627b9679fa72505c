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
