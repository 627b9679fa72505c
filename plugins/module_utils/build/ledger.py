# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger of a build: an append-only file of JSON lines that names everything the build ever created.

Lines, by their ``event``:

- ``open``: platform, definition, expiry and controlling process of the build.
- ``expires``: a later moment at which it expires.
- ``intent``: kind, name, client token and spec of a resource; on disk before the create call is made.
- ``created``: the resource's id. ``refused``: the API did not create it, for certain.
- ``gone``: it was deleted. ``released``: it is no longer temporary (a published image).
- ``keep``: the user wants what is there to stay until it expires.
- ``closing``: somebody tears the whole build down; from here on nothing more may be created.
- ``closed``: nothing is left. ``left``: what could not be removed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import Abandoned, HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.events import timestamp
from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import check_build_id, state_home

USABLE = "a folder that can be written, by XDG_STATE_HOME"


@dataclass
class Entry:
    """One resource as the ledger knows it.

    :ivar identifier: its id; None where the process died between the intent and the answer.
    :ivar gone: deleted or released.
    :ivar refused: never created, for certain; it still stands for what was made here on its behalf, as a key's files.
    """

    kind: str
    name: str
    token: str
    spec: dict[str, Any] = field(default_factory=dict)
    identifier: str | None = None
    gone: bool = False
    refused: bool = False

    @property
    def key(self) -> str:
        """``kind/name``."""
        return f"{self.kind}/{self.name}"


@dataclass
class Status:
    """The ledger read from its first line to its last.

    :ivar build: the fields of the ``open`` line; empty when there is none yet.
    :ivar entries: resources by key, in the order of their creation.
    """

    build: dict[str, Any] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    keep: bool = False
    closing: bool = False
    closed: bool = False

    def open_entries(self, name: str | None = None) -> list[Entry]:
        """What is not gone, in the order of creation; of one name only, where one is given."""
        return [entry for entry in self.entries.values() if not entry.gone and name in (None, entry.name)]


class Ledger:
    """A build's ledger in its state folder (mode 0700).

    :param build_id: whose.
    :param home: the folder of all builds; tests give their own.
    """

    def __init__(self, build_id: str, home: Path | None = None) -> None:
        self.build_id = check_build_id(build_id)
        self.folder = (home or state_home()) / build_id
        self.path = self.folder / "ledger.jsonl"
        self._owed = b""  # lines that found no room

    @staticmethod
    def all(home: Path | None = None) -> list[Ledger]:
        """Every ledger on this computer, the oldest first."""
        base = home or state_home()
        if not base.is_dir():
            return []
        return [Ledger(path.parent.name, base) for path in sorted(base.glob("*/ledger.jsonl"))]

    def exists(self) -> bool:
        """Whether this build has ever been opened."""
        return self.path.exists()

    def open(self, **build: Any) -> Status:
        """Make the state folder and write the ``open`` line, unless that happened before.

        :raises HallmarkError: when the folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.lock():
                status = self.read()
                if not status.build:
                    self.append("open", build=self.build_id, **build)
                    status = self.read()
                return status
        except OSError as error:
            raise HallmarkError(f"state folder {self.folder}: {error.strerror}", USABLE) from None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the ledger. A create call is made under this lock, so a tear-down never misses one that is in flight;
        the kernel lets go of it when the holder dies."""
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def append(self, event: str, **fields: Any) -> None:
        """Add one line and wait until it is on disk; before it, what is owed.

        :raises HallmarkError: when there is no room for it.
        """
        self._write(self._owed + _line(event, fields))
        self._owed = b""

    def note(self, event: str, **fields: Any) -> None:
        """Add one line if there is room, and else owe it until there is.

        For what is told while things are removed: a full disk must not keep in place what fills it.
        """
        self._owed += _line(event, fields)
        with suppress(HallmarkError, OSError):
            self._write(self._owed)
            self._owed = b""

    def _write(self, line: bytes) -> None:
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # A killed writer, or a full disk, may have left half a line: end it, so that it spoils only itself.
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                line = b"\n" + line
            if os.write(handle, line) != len(line):
                raise HallmarkError(f"{self.path}: no space left for the ledger", "free some space")
            os.fsync(handle)
        except OSError as error:
            raise HallmarkError(f"{self.path}: {error.strerror}") from None
        finally:
            os.close(handle)

    def intent(self, kind: str, name: str, token: str, spec: dict[str, Any]) -> None:
        """Record what is about to be created. Call it under the lock.

        :raises Abandoned: when the build is being torn down.
        """
        if self.read().closing:
            raise Abandoned(f"build {self.build_id} is being torn down; nothing more is created")
        self.append("intent", kind=kind, name=name, token=token, spec=spec)

    def read(self) -> Status:
        """Replay the file. A half-written line is passed over: what it would have said did not happen yet."""
        status = Status()
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return status
        except OSError as error:
            raise HallmarkError(f"state folder {self.folder}: {error.strerror}", USABLE) from None
        for line in text.splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                _replay(status, record)
        return status


def _line(event: str, fields: dict[str, Any]) -> bytes:
    return json.dumps({"time": timestamp(), "event": event, **fields}).encode() + b"\n"


def _replay(status: Status, record: dict[str, Any]) -> None:
    event = record.get("event")
    key = f"{record.get('kind')}/{record.get('name')}"
    if event == "open":
        status.build = {name: value for name, value in record.items() if name != "event"}
    elif event == "expires":
        status.build["expires"] = record["expires"]
    elif event == "intent":
        status.entries[key] = Entry(record["kind"], record["name"], record["token"], record.get("spec", {}))
        status.closed = False
    elif event == "created" and key in status.entries:
        status.entries[key].identifier = record["id"]
    elif event == "refused" and key in status.entries:
        status.entries[key].refused = True
    elif event in ("gone", "released") and key in status.entries:
        status.entries[key].gone = True
    elif event == "keep":
        status.keep = True
    elif event == "closing":
        status.closing = True
    elif event == "closed":
        status.closed = True
