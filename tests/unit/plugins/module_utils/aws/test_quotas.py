# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.aws import quotas


@pytest.mark.parametrize(
    ("kind", "on_demand", "spot"),
    [
        ("t3.small", "L-1216C47A", "L-34B43A08"),
        ("im4gn.large", "L-1216C47A", "L-34B43A08"),
        ("inf1.xlarge", "L-1945791B", "L-B5D1601B"),
        ("dl1.24xlarge", "L-6E869C2A", "L-85EED4F7"),
        ("vt1.3xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("x2gd.medium", "L-7295265B", "L-E3A00192"),
        ("trn1.2xlarge", "L-2C3B7624", "L-6B0D517C"),
        ("u-6tb1.metal", "", ""),
        ("hpc7g.4xlarge", "", ""),
        ("mac2.metal", "", ""),
    ],
)
def test_each_family_has_the_quota_that_counts_it(kind, on_demand, spot):
    assert (quotas._code(kind, False), quotas._code(kind, True)) == (on_demand, spot)
