# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from support.checks import AREAS, Area


@pytest.fixture(scope="session")
def areas():
    """The check files of the hardening areas by name."""
    return {name: Area(name) for name in AREAS}
