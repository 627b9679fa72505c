# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The official clients of Alibaba Cloud against the emulator: they find it by environment and endpoint, over TLS."""

from __future__ import annotations

import pytest
from aliyunsdkcore.profile import region_provider

from emulators.alicloud.fixtures import cloud, start_cloud
from emulators.common.fixtures import key

__all__ = ["cloud", "key", "start_cloud"]


@pytest.fixture
def reachable(cloud, monkeypatch):
    """An emulator that the SDK in this process reaches instead of the real endpoints, as long as a test takes."""
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", str(cloud.cloud.ca_file))
    for product in ("Ecs", "Vpc", "Sts"):
        for region in ("cn-hangzhou", "cn-beijing"):
            region_provider.modify_point(product, region, cloud.cloud.endpoint_url)
    return cloud
