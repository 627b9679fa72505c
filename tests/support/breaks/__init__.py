# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each control that is on by default is broken and mended on a hardened machine; a module for each area."""

from __future__ import annotations

import importlib

from support.checks import AREAS

#: The module of each area.
HOW = {area: importlib.import_module(f"support.breaks.{area}") for area in AREAS}
#: By control: a script that breaks it, and one that mends it.
BREAKS = {control: pair for how in HOW.values() for control, pair in how.BREAKS.items()}
#: Controls that nothing on a running Debian 12 can break.
CANNOT = set().union(*(how.CANNOT for how in HOW.values()))
