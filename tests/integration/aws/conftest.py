# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of platform aws against moto's server: the protocol is real, the account is simulated, over plain HTTP.

The guest is an SSH server of our own on the loopback device, which the console of every machine shows the keys of.
"""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulators.aws import AwsEmulator, Delays
from support.aws_account import HOME, Account, environment_of
from support.emulated_build import Build
from support.guest_stand_in import Guest
from support.module_host import AT_ONCE, ModuleHost


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The account that all tests share; each takes away what it made."""
    found = Account(tmp_path_factory.mktemp("moto"))
    yield found
    found.stop()


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ledgers."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def guest(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """What answers at the address of every machine."""
    found = Guest(tmp_path_factory.mktemp("guest"))
    account.console.write_text(found.console())
    yield found
    found.stop()


@pytest.fixture(scope="session")
def modules(account: Account, state: Path) -> Iterator[ModuleHost]:
    """Runs modules."""
    environment = environment_of(account.url, state)
    host = ModuleHost(environment, looks=AT_ONCE)
    yield host
    host.stop()


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsEmulator]:
    """An account that can be made to take its time and to fail, without machines behind its instances."""
    with AwsEmulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def host(aws: AwsEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleHost]:
    """Runs modules against that account."""
    environment = environment_of(aws.endpoint_url, tmp_path_factory.mktemp("state"))
    found = ModuleHost(environment)
    yield found
    found.stop()


@pytest.fixture
def emulated_build(aws: AwsEmulator, host: ModuleHost) -> Iterator[Build]:
    """A build in that account, which is without faults and delays before and after."""
    aws.world.faults.clear()
    yield Build(aws, host)
    aws.world.faults.clear()
    aws.world.quotas.clear()
    for name in Delays.__dataclass_fields__:
        setattr(aws.delays, name, 0.0)


@pytest.fixture
def build() -> str:
    """A build id."""
    return f"20261124t180000-{secrets.token_hex(3)}"


@pytest.fixture
def launch(account: Account, guest: Guest, state: Path, build: str) -> dict[str, Any]:
    """Options of a launch that succeeds."""
    guest.admit(state / "hallmark" / build / "builder.key.pub")
    return {
        "build_id": build,
        "lifetime": "deadline",
        "region": HOME,
        "source": {"id": account.source},
        "source_cidrs": ["203.0.113.7/32"],
        "user": getpass.getuser(),
        "ssh_port": guest.port,
        "definition": "web",
        "timeout": 60,
    }
