# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.machine import Machine, booted


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A booted Debian 12, shared by the tests of this folder that ask for it."""
    with booted() as found:
        yield found
