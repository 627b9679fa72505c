# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError


def timestamp() -> str:
    """The present moment, UTC, ISO 8601 with milliseconds and a ``Z``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventLog:
    """Appends events of one stage to a build's ``events.jsonl``; the progress callback and the manifest read it.

    Each event is one line and one write, so that several processes may append to the same file.

    :param path: the file; None means that nobody wants the events.
    :param stage: the stage of the build, one of design's names (launch, provision, ...).
    """

    def __init__(self, path: str | os.PathLike[str] | None, stage: str) -> None:
        self.path = path
        self.stage = stage

    def write(self, event: str, **fields: Any) -> None:
        """Append one event, for example ``write("progress", percent=40)``. Never put a secret here.

        What cannot be written is left out: a build, and above all its tear-down, goes on without it.
        """
        with suppress(OSError):
            self._append(event, fields)

    def check(self) -> None:
        """Make the file and the folder that it is in.

        :raises HallmarkError: when that cannot be, before there is anything that its events would tell of.
        """
        try:
            self._append("planned", {})
        except OSError as error:
            raise HallmarkError(f"events_file: {self.path}: {error.strerror}", "a file that can be written") from None

    def _append(self, event: str, fields: dict[str, Any]) -> None:
        if not self.path:
            return
        line = json.dumps({"time": timestamp(), "stage": self.stage, "event": event, **fields}, default=str)
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line.encode() + b"\n")
        finally:
            os.close(handle)


@contextmanager
def stage_events(path: str | os.PathLike[str] | None, stage: str, **fields: Any) -> Iterator[EventLog]:
    """Write ``start`` and ``end`` around a stage; ``end`` has ``seconds`` and ``ok``."""
    log = EventLog(path, stage)
    begun = time.monotonic()
    ok = False
    log.write("start", **fields)
    try:
        yield log
        ok = True
    finally:
        log.write("end", seconds=round(time.monotonic() - begun, 3), ok=ok, **fields)


def read_events(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """All events of a file in order; a last line that was cut by a kill is left out."""
    events = []
    try:
        with open(path, encoding="utf-8") as handle:
            for line in handle:
                try:
                    events.append(json.loads(line))
                except ValueError:
                    continue
    except FileNotFoundError:
        return []
    return events
