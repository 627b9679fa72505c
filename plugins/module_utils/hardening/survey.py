# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs with rights of their own among all files, found by one walk for all steps of a call that ask.

A walk over all local file systems is by far the longest thing that hardening waits for. Steps change files after it, so
whoever gets a survey looks at its files again; new ones, made in the same call, are no programs with rights.
"""

from __future__ import annotations

import os
import stat

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.walk import FOREIGN, fences, walk

ATTRIBUTE = "security.capability"
#: A file with none of these bits is of no interest to a survey.
BITS = 0o6111


class Survey:
    """Paths on this machine of set-id files, and of programs with file capabilities; in no order."""

    def __init__(self) -> None:
        self.set_id: list[str] = []
        self.capable: list[str] = []

    def see(self, place: str, info: os.stat_result, capabilities: bool = True) -> None:
        """Take a file in when it is of interest; `capabilities`: whether to ask for them, a call of the kernel each."""
        if not info.st_mode & BITS or not stat.S_ISREG(info.st_mode):
            return
        if info.st_mode & (stat.S_ISUID | stat.S_ISGID):
            self.set_id.append(place)
        if capabilities and info.st_mode & 0o111 and _is_capable(place):
            self.capable.append(place)


def _is_capable(place: str) -> bool:
    try:
        return bool(os.getxattr(place, ATTRIBUTE, follow_symlinks=False))
    except OSError:
        return False


def keep(kept: dict | None, tree: Tree, skip: list[str], found: Survey) -> None:
    """Keep a survey for the further steps of a call; a step that is alone (`kept` is None) has none."""
    if kept is not None:
        kept[tree.root, tuple(sorted(skip))] = found


def survey(tree: Tree, skip: list[str], kept: dict | None = None, capabilities: bool = True) -> Survey:
    """The survey that the call has already, else one made now.

    :param skip: folders that are not entered, besides those of containers.
    :param kept: surveys of the call, None when the step is alone in it.
    :param capabilities: whether who asks wants to know of them.
    """
    found = (kept or {}).get((tree.root, tuple(sorted(skip))))
    if found is None:
        found = Survey()
        for place, info in walk(tree.root, fences(tree.root, (*FOREIGN, *skip))):
            found.see(place, info, capabilities or kept is not None)
        keep(kept, tree, skip, found)
    return found
