# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks without space, without the need to fill one."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, until: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """No ``os.write`` finds room any more; files can be removed, as on any full disk.

    :param until: whether there is room again.
    """
    write = os.write

    def refuse(handle: int, data: bytes) -> int:
        if until():
            return write(handle, data)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        yield
