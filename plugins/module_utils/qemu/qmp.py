# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

try:
    from qemu.qmp import QMPClient, QMPError

    QMP_ERROR = None
except ImportError:
    QMP_ERROR = traceback.format_exc()


def execute(socket: str, command: str, arguments: dict[str, Any] | None = None, timeout: float = 10) -> Any:
    """Send one QMP command (QEMU Machine Protocol reference) and return its answer.

    :param socket: the machine's QMP socket.
    :param timeout: seconds for connection and answer together.
    :raises HallmarkError: when the machine does not answer or refuses.
    """

    async def talk() -> Any:
        client = QMPClient("hallmark")
        await client.connect(socket)
        try:
            return await client.execute(command, arguments)
        finally:
            # It tells again that the machine has gone, as what it met itself: the answer, or its lack, is known.
            with contextlib.suppress(EOFError, OSError, QMPError):
                await client.disconnect()

    async def bounded() -> Any:
        return await asyncio.wait_for(talk(), timeout)

    try:
        return asyncio.run(bounded())
    except (TimeoutError, QMPError, OSError, EOFError) as error:
        raise HallmarkError(f"QEMU did not answer {command}: {str(error) or type(error).__name__}") from None
