# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules that harden have in common; which of the attributes is another stands in the module."""

    DOCUMENTATION = r"""
options:
  root:
    description: Top of the tree to work on.
    type: path
    default: /
attributes:
  check_mode:
    support: full
    description: Says what it would change.
  diff_mode:
    support: full
    description: Shows the changed files.
"""
