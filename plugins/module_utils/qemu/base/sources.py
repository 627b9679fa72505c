# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three kinds of source of a base image, behind one face: what it would be, whether it is there, making it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog
from ansible_collections.hallmark.images.plugins.module_utils.build.urls import without_credentials
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import debian
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.cache import Cache, Entry, need_space
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.checksum import digests, parse_checksum
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.download import MARGIN, check_url, download
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.inspection import inspect_image
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.programs import find_program
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.recipe import MIRROR, Recipe


class Source(Protocol):
    """Where a base image comes from."""

    key: str
    #: What making it is called, for messages: "would …".
    doing: str

    def check(self, cache: Cache) -> None:
        """Refuse what cannot work, before anything is begun. Raises HallmarkError; no side effect."""

    def plan(self) -> dict[str, Any]:
        """What can be returned of it without making it, for check mode."""

    def make(self, cache: Cache, events: EventLog) -> Entry:
        """Make it and put it into the cache; the caller holds the lock of ``key``."""

    def describe(self, entry: Entry | None) -> dict[str, Any]:
        """The return value ``source``."""


class Progress:
    """Passes progress on to the event log, not more than once for each percent and step."""

    def __init__(self, events: EventLog) -> None:
        self.events = events
        self.last: tuple[int, str] | None = None

    def __call__(self, percent: int, step: str) -> None:
        if (percent, step) != self.last:
            self.last = (percent, step)
            self.events.write("progress", percent=percent, step=step)

    def bytes(self, done: int, total: int, step: str) -> None:
        """Progress of work that is counted in bytes."""
        self(min(99, done * 100 // total) if total else 0, step)


class Release:
    """Built from packages."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.recipe = Recipe(
            params["release"],
            MIRROR if params["mirror"] is None else params["mirror"],
            params["security_mirror"],
            tuple(["main"] if params["components"] is None else params["components"]),
            tuple(params["packages"] or []),
        )
        self.recipe.check()
        self.accel = params["accel"]
        self.key = self.recipe.key
        self.doing = f"build {self.recipe.release} from {without_credentials(self.recipe.mirror)}"

    def check(self, cache: Cache) -> None:
        """See Source."""
        debian.check_build()
        need_space(cache.folder, debian.SPACE, "building a base image")

    def plan(self) -> dict[str, Any]:
        """See Source."""
        return {}

    def make(self, cache: Cache, events: EventLog) -> Entry:
        """See Source."""
        with cache.work_folder() as folder:
            built = debian.build(self.recipe, folder, self.accel, Progress(events))
            record = {
                "format": "qcow2",
                "virtual_size": built["virtual_size"],
                "packages": built["packages"],
                **self.describe(None),
            }
            return cache.put(self.key, built["path"], digests(built["path"], "sha256")["sha256"], record)

    def describe(self, entry: Entry | None) -> dict[str, Any]:
        """See Source."""
        said = {"release": self.recipe.release, "suites": self.recipe.sources, "requested": self.recipe.include}
        if entry:
            said["packages"] = len(entry.record.get("packages", {}))
        return said


class Download:
    """A ready image that is downloaded once."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.url = params["url"]
        check_url(self.url)
        self.shown = without_credentials(self.url)
        self.checksum = parse_checksum(params["checksum"])
        self.key = f"url-{self.checksum.algorithm}-{self.checksum.digest[:32]}"
        self.doing = f"download {self.shown}"

    def check(self, cache: Cache) -> None:
        """See Source."""
        find_program("qemu-img")
        need_space(cache.folder, MARGIN, "a download")

    def plan(self) -> dict[str, Any]:
        """See Source."""
        return {}

    def make(self, cache: Cache, events: EventLog) -> Entry:
        """See Source."""
        progress = Progress(events)
        part = cache.part(self.key)
        found = download(
            self.url, part, self.checksum, lambda done, total: progress.bytes(done, total, "downloading the image")
        )
        try:
            image = inspect_image(part)
        except HallmarkError as error:
            part.unlink()
            raise HallmarkError(str(error).replace(str(part), self.shown)) from None
        return cache.put(self.key, part, found["sha256"], {**image, **self.describe(None)})

    def describe(self, entry: Entry | None) -> dict[str, Any]:
        """See Source."""
        return {"url": self.shown, "checksum": str(self.checksum)}


class Local:
    """A ready image on this machine, used where it is."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.path = Path(params["path"]).resolve()
        self.checksum = parse_checksum(params["checksum"])
        name = hashlib.sha256(f"{self.path}\n{self.checksum}".encode()).hexdigest()
        self.key = f"path-{name[:32]}"
        self.doing = f"verify {self.path}"

    def check(self, cache: Cache) -> None:
        """See Source."""
        find_program("qemu-img")
        if not self.path.exists():
            raise HallmarkError(f"path: {self.path} does not exist")
        if not self.path.is_file():
            raise HallmarkError(f"path: {self.path} is no file", "a disk image")
        if not os.access(self.path, os.R_OK):
            raise HallmarkError(f"path: {self.path} may not be read")

    def plan(self) -> dict[str, Any]:
        """See Source. The file is there, so it can be verified, which changes nothing."""
        return {"path": str(self.path), **self._verify(lambda done: None)}

    def make(self, cache: Cache, events: EventLog) -> Entry:
        """See Source."""
        progress, size = Progress(events), self.path.stat().st_size
        found = self._verify(lambda done: progress.bytes(done, size, "verifying the image"))
        return cache.note(self.key, self.path, found.pop("sha256"), {**found, **self.describe(None)})

    def _verify(self, progress: Callable[[int], None]) -> dict[str, Any]:
        image = inspect_image(self.path)
        found = digests(self.path, *{"sha256", self.checksum.algorithm}, progress=progress)
        actual = found[self.checksum.algorithm]
        if actual != self.checksum.digest:
            raise HallmarkError(
                f"path: {self.path} has the wrong checksum: {self.checksum.algorithm}:{actual} where {self.checksum} "
                "was demanded"
            )
        return {**image, "sha256": found["sha256"]}

    def describe(self, entry: Entry | None) -> dict[str, Any]:
        """See Source."""
        return {"path": str(self.path), "checksum": str(self.checksum)}


def source_for(params: dict[str, Any]) -> Source:
    """The source that a module's options name.

    :raises HallmarkError: when an option does not go with the others, or has a value that cannot be.
    """
    if params["release"] is not None:
        if params["checksum"]:
            raise HallmarkError("checksum: does not go with release", "a checksum only with path or url")
        return Release(params)
    for option in ("mirror", "security_mirror", "components", "packages"):
        if params[option] is not None:
            raise HallmarkError(f"{option}: goes only with release", "leave it out with path or url")
    return Local(params) if params["path"] else Download(params)
