# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area cron: who can read the tables, and whether cron and at really refuse a user."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    output_once,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
TABLES = [must["path"] for must in CONTROLS["os-13"]["must"]]


def _command() -> str:
    lists = "/etc/cron.allow /etc/at.allow /etc/cron.deny /etc/at.deny"
    return f"""\
stat -L -c '%n %U %a' {" ".join(TABLES)} {lists} 2>/dev/null
echo "=crontab $(command -v crontab)"; echo "=at $(command -v at)"
if command -v crontab >/dev/null; then
  echo "=cron says $(runuser -u nobody -- crontab -l 2>&1 </dev/null | tr '\\n' ' ')"
fi
if command -v at >/dev/null; then echo "=at says $(runuser -u nobody -- at -l 2>&1 </dev/null | tr '\\n' ' ')"; fi
true"""


class Cron:
    """What the command told."""

    def __init__(self, text: str) -> None:
        lines = text.splitlines()
        files = [line.split() for line in lines if line.startswith("/")]
        #: Per path its owner and mode.
        self.files = {words[0]: (words[1], int(words[2], 8)) for words in files}
        told = {line.split(" ")[0][1:]: line.partition(" ")[2] for line in lines if " says " not in line}
        self.has_at = bool(told.get("at"))
        self.said = {
            name: line.partition(" says ")[2]
            for name in ("cron", "at")
            for line in lines
            if line.startswith(f"={name} says ")
        }


@pytest.fixture
def cron(host: Any) -> Cron:
    return once(host, "cron", lambda: Cron(output_once(host, _command())))


@control("os-13")
def test_tables_are_private(cron: Cron) -> None:
    found = {path: cron.files[path] for path in TABLES if path in cron.files}
    if not found:
        not_applicable("there are no tables of cron")
    assert {path: value for path, value in found.items() if value[0] != "root" or value[1] & 0o077} == {}


@control("x-cron-01")
def test_only_listed_users_have_jobs(cron: Cron) -> None:
    lists = ["/etc/cron.allow", *(["/etc/at.allow"] if cron.has_at else [])]
    found: dict[str, Any] = {path: cron.files.get(path, "none") for path in lists}
    bad = {path: value for path, value in found.items() if value not in (("root", 0o640), ("root", 0o600))}
    bad |= {path: "exists" for path in ("/etc/cron.deny", "/etc/at.deny") if path in cron.files}
    refusals = ("not allowed", "do not have permission", "denied")
    bad |= {name: said for name, said in cron.said.items() if not any(word in said for word in refusals)}
    assert bad == {}
