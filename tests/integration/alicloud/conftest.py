# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of platform alicloud against an account emulated over HTTPS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.alicloud import AlicloudEmulator, Delays
from support.alicloud_build import Build
from support.module_host import ModuleHost


@pytest.fixture(scope="module")
def cloud() -> Iterator[AlicloudEmulator]:
    """An account that can be made to take its time and to fail, without machines behind its instances."""
    with AlicloudEmulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ledgers."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def host(cloud: AlicloudEmulator, state: Path, root: Path) -> Iterator[ModuleHost]:
    """Runs modules against that account."""
    clouds = ("AWS_", "ALICLOUD_", "ALIBABA_CLOUD_")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(clouds)},
        "ALIBABA_CLOUD_ACCESS_KEY_ID": cloud.access_key,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloud.secret_key,
        "ALIBABA_CLOUD_CA_BUNDLE": str(cloud.ca_file),
        "PYTHONPATH": str(root / ".collections"),
        "XDG_STATE_HOME": str(state),
    }
    found = ModuleHost(environment)
    yield found
    found.stop()


@pytest.fixture
def build(cloud: AlicloudEmulator, host: ModuleHost) -> Iterator[Build]:
    """A build in that account, which is without faults and delays before and after."""
    cloud.world.faults.clear()
    yield Build(cloud, host)
    cloud.world.faults.clear()
    cloud.restock()
    cloud.world.encrypted_by_default.clear()
    for name in Delays.__dataclass_fields__:
        setattr(cloud.delays, name, 0.0)
