# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Downloads that survive a cut line and a kill: bytes gather in a ``.part`` file that the next attempt goes on with."""

from __future__ import annotations

import errno
import http.client
import os
import shutil
import time
import urllib.error
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from ansible.module_utils.urls import open_url

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.urls import without_credentials
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.checksum import Checksum, digests

BLOCK = 1 << 20
#: Space that is to stay free beside the download, bytes.
MARGIN = 64 << 20
#: Answers that may be other in a moment.
PASSING = {408, 425, 429, 500, 502, 503, 504}
LOCAL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
SCHEMES = ("https", "http", "file")

Progress = Callable[[int, int], None]


class _Cut(Exception):
    """The line was cut before the whole file had arrived; what did arrive is kept."""


def download(
    url: str,
    part: Path,
    checksum: Checksum,
    progress: Progress = lambda done, total: None,
    attempts: int = 4,
    timeout: float = 30,
    pause: float = 1.0,
) -> dict[str, str]:
    """Fetch ``url`` into ``part`` and check it. A ``part`` left by an earlier attempt is gone on with.

    Proxies come from the environment (``http_proxy`` and its like), trusted certificates from the system.

    :param progress: is told the bytes there are and the bytes there will be (0 when the server does not say).
    :param attempts: how often in a row the line may be cut, without a byte having come, before it is given up.
    :param timeout: seconds to wait for a connection, and for each further piece of data.
    :param pause: seconds before the second attempt; doubles with each fruitless one.
    :returns: the file's digests by algorithm: sha256, and the demanded one.
    :raises HallmarkError: when it cannot be had, or is not what the checksum demands (then ``part`` is removed).
    """
    check_url(url)
    fruitless = 0
    while True:
        before = _size(part)
        try:
            _fetch(url, part, progress, timeout)
            break
        except (_Cut, OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code not in PASSING:
                raise HallmarkError(f"{without_credentials(url)}: cannot be downloaded: {_reason(error)}") from None
            if isinstance(error, OSError) and _is_local(error):
                raise HallmarkError(f"{part}: cannot be written: {error.strerror}") from None
            fruitless = 0 if _size(part) > before else fruitless + 1
            if fruitless >= attempts:
                raise HallmarkError(f"{without_credentials(url)}: cannot be downloaded: {_reason(error)}") from None
            time.sleep(min(pause * 2 ** max(fruitless - 1, 0), 20))
    found = digests(part, *{"sha256", checksum.algorithm})
    if found[checksum.algorithm] != checksum.digest:
        part.unlink()
        raise HallmarkError(
            f"{without_credentials(url)}: has the wrong checksum: {checksum.algorithm}:{found[checksum.algorithm]} "
            f"where {checksum} was demanded; the download was removed"
        )
    return found


def check_url(url: str) -> None:
    """Refuse what is no address of a file.

    :raises HallmarkError: names the address and what would be right.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in SCHEMES or not (parts.netloc if parts.scheme != "file" else parts.path):
        raise HallmarkError(
            f"url: {without_credentials(url)!r} is no address of a file",
            "one that begins with https://, http:// or file://",
        )


def _fetch(url: str, part: Path, progress: Progress, timeout: float) -> None:
    """One attempt: ask for what is missing and append it."""
    have = _size(part)
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"}
    try:
        answer = open_url(url, headers=headers, timeout=timeout, follow_redirects="safe", decompress=False)
    except urllib.error.HTTPError as error:
        # 416: there is nothing after what we have. Either that is all, or it is not of this file.
        if error.code == 416 and have:
            if error.headers.get("Content-Range", "").rpartition("/")[2] == str(have):
                return
            part.unlink()
            raise _Cut("the file on the server is another than it was") from None
        raise
    with answer:
        if getattr(answer, "status", None) != 206:
            have = 0  # the server sends the whole file (as file:// does), whatever was asked for
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        _need_space(part, int(length or 0))
        with open(part, "r+b" if have else "wb") as handle:
            handle.seek(have)
            handle.truncate()
            while block := answer.read(BLOCK):
                handle.write(block)
                have += len(block)
                progress(have, total or 0)
    if total is not None and have < total:
        raise _Cut(f"the connection was cut after {have} of {total} bytes")


def _need_space(part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < missing + MARGIN:
        raise HallmarkError(
            f"{part.parent}: has {free >> 20} MiB free, the download needs {(missing + MARGIN) >> 20} MiB",
            "free some space, or set cache_dir",
        )


def _size(part: Path) -> int:
    try:
        return os.stat(part).st_size
    except FileNotFoundError:
        return 0


def _is_local(error: OSError) -> bool:
    """Whether it is our own file that failed, not the network (whose errors urllib wraps, or have no file name)."""
    if isinstance(error, urllib.error.URLError):
        return False
    return error.filename is not None or error.errno in LOCAL_ERRORS


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return text or type(inner).__name__
