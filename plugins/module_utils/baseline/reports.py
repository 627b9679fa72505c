# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of a run: JSON for programs, JUnit for CI, one HTML page for people."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
import tempfile
import typing as t

from .report_html import html_report
from .report_junit import junit_report
from .results import Result, count


def write_reports(folder: str, name: str, meta: dict[str, t.Any], results: t.Sequence[Result]) -> dict[str, str]:
    """Write all reports; each appears whole or not at all.

    :param folder: made if missing.
    :param name: base name of the files.
    :param meta: host, profile, os, round_trips, seconds, error, versions.
    :returns: paths by kind: json, junit, html.
    """
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {
        **meta,
        "time": now,
        "counts": count(results),
        "results": [result.as_dict() for result in results],
    }
    texts = {
        "json": (f"{name}.json", json.dumps(data, indent=2, ensure_ascii=True) + "\n"),
        "junit": ("junit.xml" if name == "baseline" else f"{name}-junit.xml", junit_report(data, results)),
        "html": (f"{name}.html", html_report(data)),
    }
    os.makedirs(folder, exist_ok=True)
    paths = {}
    for kind, (filename, text) in texts.items():
        paths[kind] = os.path.join(folder, filename)
        _write(paths[kind], text)
    return paths


def _write(path: str, text: str) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".report-", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes private files; a report is for everybody the umask allows
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def versions(collection: str) -> dict[str, str]:
    """Return the versions of what made the report.

    :param collection: folder of the collection, from whose MANIFEST.json or galaxy.yml its own version is read.
    """
    found = {"python": platform.python_version()}
    for package in ("ansible-core", "pytest", "pytest-testinfra"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "unknown"
    for filename, pattern in (("MANIFEST.json", r'"version": "([^"]+)"'), ("galaxy.yml", r"(?m)^version: (\S+)")):
        try:
            with open(os.path.join(collection, filename), encoding="utf-8") as stream:
                match = re.search(pattern, stream.read())
        except OSError:
            continue
        if match:
            found["hallmark.images"] = match.group(1)
            break
    return found
