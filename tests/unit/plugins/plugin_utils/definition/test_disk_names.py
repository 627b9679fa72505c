# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a disk's name must be its own, and where it is for people alone."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import read_document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.load import check_document

TWICE = {"alicloud": "{size: 20, name: data}", "qemu": "{size: 1G, name: data}"}


@pytest.mark.parametrize(("platform", "refused"), [("qemu", True), ("alicloud", False)])
def test_two_disks_of_one_name(tmp_path, platform, refused):
    file = tmp_path / platform / "linux/web/main.yml"
    file.parent.mkdir(parents=True)
    source = {"alicloud": "{family: base}", "qemu": "{release: bookworm}"}[platform]
    disks = ", ".join([TWICE[platform]] * 2)
    file.write_text(f"source: {source}\nbuilder: {{data_disks: [{disks}]}}\n", encoding="utf-8")
    told = [str(problem) for problem in check_document(read_document(str(file), DataLoader()))]
    assert len(told) == refused, told
    assert all("a name of its own" in text for text in told)
