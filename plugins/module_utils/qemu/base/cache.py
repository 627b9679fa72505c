# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache of base images.

<cache>/base/<key>.json            what the entry is, which file it has, its size and digests
<cache>/base/<key>-<digest>.qcow2  the image; a newer one of the same key never takes the name of an older one,
                                   since running machines lean on it
<cache>/base/<key>.part            an unfinished download
<cache>/base/.locks/<key>          who holds it makes this entry; others wait
<cache>/base/.work/<random>/       temporary folders; each is locked by its process for as long as it lives
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import base_folder
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.checksum import digests
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.programs import as_root

#: An image that a newer one replaced stays this long (seconds): a build that began with it may still come back to it.
GRACE = 24 * 3600
#: An entry that nobody asked for in this time (seconds) is removed: each change of a recipe leaves one behind.
UNUSED = 90 * 24 * 3600


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/hallmark``, by default ``~/.cache/hallmark`` (XDG Base Directory Specification)."""
    return base_folder("XDG_CACHE_HOME", ".cache") / "hallmark"


@dataclass(frozen=True)
class Entry:
    """A complete image in the cache, or a verified one elsewhere, with what is recorded of it."""

    path: Path
    record: dict[str, Any]

    @property
    def age(self) -> float:
        """Days since it was made."""
        return max(0.0, time.time() - self.record["made"]) / 86400


class Cache:
    """The folder ``base`` of the cache.

    :param folder: of the whole cache; created when something is put into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "base"

    def part(self, key: str) -> Path:
        """Where an unfinished download gathers."""
        return self.folder / f"{key}.part"

    def find(self, key: str) -> tuple[Entry | None, str]:
        """The entry, and else what is wrong with it (an empty text when there simply is none).

        A look at the file's size and times costs nothing; only when the times are not those recorded is it read whole.
        """
        try:
            record = json.loads(self._record(key).read_text(encoding="utf-8"))
            entry = Entry(self.folder / record["file"] if "file" in record else Path(record["path"]), record)
            found = _fingerprint(entry.path)
            sha256, made = record["sha256"], record["made"]
        except FileNotFoundError as error:
            return None, "" if error.filename == str(self._record(key)) else f"{error.filename} is missing"
        except OSError as error:
            return None, f"{error.filename} cannot be read: {error.strerror}"
        except (ValueError, KeyError, TypeError):
            return None, f"{self._record(key)} is damaged"
        if not isinstance(made, (int, float)):
            return None, f"{self._record(key)} is damaged"
        if found == record["fingerprint"]:
            return entry, ""
        if found["size"] != record["fingerprint"]["size"] or digests(entry.path, "sha256")["sha256"] != sha256:
            return None, f"{entry.path} is not what was put there"
        return entry, ""

    def put(self, key: str, made: Path, sha256: str, record: dict[str, Any]) -> Entry:
        """Move a finished file into the cache and record it. The caller holds the lock of ``key``.

        :param made: complete, on the cache's own file system.
        :param sha256: its digest.
        :param record: its ``format``, and more to keep; must be fit for JSON.
        """
        path = self.folder / f"{key}-{sha256[:12]}.{record['format']}"
        os.chmod(made, 0o644)
        os.replace(made, path)
        return self._write(key, Entry(path, {**record, "file": path.name, "sha256": sha256}))

    def note(self, key: str, path: Path, sha256: str, record: dict[str, Any]) -> Entry:
        """Record that a file outside of the cache was verified, so that it need not be read again."""
        return self._write(key, Entry(path, {**record, "path": str(path), "sha256": sha256}))

    def used(self, key: str) -> None:
        """Let the entry be one that somebody asked for just now."""
        with contextlib.suppress(OSError):
            os.utime(self._record(key))

    def _write(self, key: str, entry: Entry) -> Entry:
        entry.record.update(fingerprint=_fingerprint(entry.path), made=time.time())
        target = self._record(key)
        temporary = target.with_suffix(".new")
        temporary.write_text(json.dumps(entry.record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(temporary, target)
        return entry

    def remove(self, key: str) -> bool:
        """Forget an entry and remove its files; whether there was anything. The caller holds the lock.

        :raises HallmarkError: when a running machine uses the image.
        """
        files = [*self.folder.glob(f"{key}-*"), self.part(key)]
        for path in files:
            if in_use(path):
                raise HallmarkError(f"{path}: is used by a running machine", "end that machine first")
        there = [path for path in (self._record(key), *files) if path.exists()]
        for path in there:
            path.unlink()
        return bool(there)

    def sweep(self) -> None:
        """Remove what dead processes left, entries that are of no use any more, and images that are of no entry.

        An image goes only when it is a day old and no machine has it open.
        """
        work = self.folder / ".work"
        with self._flock(work.with_name(".work.lock")):
            for folder in work.iterdir() if work.is_dir() else ():
                # "a": where the lock was removed and the process killed before the rest, there is none to be held.
                with contextlib.suppress(BlockingIOError, FileNotFoundError), open(folder / "lock", "ab") as handle:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove_tree(folder)
        kept = set()
        for record in self.folder.glob("*.json"):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                entry = json.loads(record.read_text(encoding="utf-8"))
                gone = "path" in entry and not os.path.exists(entry["path"])
                if gone or time.time() - record.stat().st_mtime > UNUSED:
                    record.unlink()
                else:
                    kept.add(entry.get("file"))
        for path in self.folder.glob("*-????????????.*"):
            if path.name not in kept and time.time() - path.stat().st_mtime > GRACE and not in_use(path):
                path.unlink()

    @contextlib.contextmanager
    def work_folder(self) -> Iterator[Path]:
        """A temporary folder on the cache's file system, removed at the end or, after a kill, by the next sweep."""
        work = self.folder / ".work"
        with self._flock(work.with_name(".work.lock")):
            work.mkdir(exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=work))
            handle = open(folder / "lock", "wb")  # noqa: SIM115 — held as long as the folder lives
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            _remove_tree(folder)
            handle.close()

    @contextlib.contextmanager
    def lock(self, key: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Be the only process that makes this entry.

        :param waiting: called once when another process has the lock, before waiting for it.
        :raises HallmarkError: when the cache cannot be written to.
        """
        with self._flock(self.folder / ".locks" / key, waiting):
            yield

    @contextlib.contextmanager
    def _flock(self, path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = open(path, "ab")  # noqa: SIM115 — closed below
        except OSError as error:
            raise HallmarkError(f"cache_dir: {error.filename}: {error.strerror}", "a folder you may write to") from None
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _record(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def in_use(path: Path) -> bool:
    """Whether a QEMU process has the image open: it holds byte-range locks (QEMU, docs/system/images.rst)."""
    request = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        with open(path, "r+b") as handle:
            answer = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, request)
    except OSError:
        return False
    return struct.unpack("hhqqi", answer)[0] != fcntl.F_UNLCK


def need_space(folder: Path, size: int, what: str) -> None:
    """Refuse to begin what cannot be finished.

    :param size: bytes that are needed.
    :raises HallmarkError: says how much there is and how much is needed.
    """
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if free < size:
        raise HallmarkError(
            f"{there}: has {free >> 20} MiB free, {what} needs {size >> 20} MiB", "free some space, or set cache_dir"
        )


def _fingerprint(path: Path) -> dict[str, int]:
    """What changes whenever somebody writes to a file; times in nanoseconds."""
    status = os.stat(path)
    if not os.access(path, os.R_OK):
        raise PermissionError(13, "may not be read", str(path))
    return {"size": status.st_size, "modified": status.st_mtime_ns, "inode": status.st_ino, "device": status.st_dev}


def _remove_tree(folder: Path) -> None:
    """Without root, a folder that was filled inside a namespace has files of other users: only from there.

    What still resists, since a killed process is not quite dead, is left to the next sweep.
    """
    try:
        shutil.rmtree(folder)
    except OSError:
        command = as_root(["rm", "-rf", "--one-file-system", str(folder)])
        subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True)
