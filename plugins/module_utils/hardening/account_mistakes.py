# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes in the account files that no program can mend, because it cannot know what was meant."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.account_files import (
    GID,
    GROUP_ID,
    NAME,
    UID,
    Table,
)

# RPM systems give these root's group; their shells are single commands.
_GID_0_ON_RPM = {"sync", "shutdown", "halt", "operator"}


def mistakes(tables: dict[str, Table], system: str) -> list[dict]:
    """Each as `{path, key, problem}`; `system` is the family of os_family."""
    users, groups = tables["passwd"].rows, tables["group"].rows
    found = []

    def find(kind: str, key: str, problem: str) -> None:
        found.append({"path": tables[kind].path, "key": key, "problem": problem})

    for kind, table in tables.items():
        for name in table.odd:
            find(kind, name, "has the wrong number of fields, or an id that is no number")
    for kind, rows, field, word in (
        ("passwd", users, NAME, "name"),
        ("passwd", users, UID, "uid"),
        ("group", groups, NAME, "name"),
        ("group", groups, GROUP_ID, "gid"),
        ("shadow", tables["shadow"].rows, NAME, "name"),
    ):
        for value, names in repeated(rows, field).items():
            find(kind, ", ".join(names), f"have the same {word} {value}")

    known = {row[GROUP_ID] for row in groups}
    allowed = {"root"} | (set() if system in ("debian", "ubuntu") else _GID_0_ON_RPM)
    shadow_ids = {row[GROUP_ID] for row in groups if row[NAME] == "shadow"}
    names = {row[NAME] for row in users}
    with_line = {row[NAME] for row in tables["shadow"].rows}
    for row in users:
        if row[GID] not in known:
            find("passwd", row[NAME], f"has group {row[GID]}, which does not exist")
        if row[GID] == "0" and row[NAME] not in allowed:
            find("passwd", row[NAME], "has root's group as its own")
        if row[GID] in shadow_ids:
            find("passwd", row[NAME], "has group shadow as its own and can read every hash")
        if row[NAME] not in with_line:
            find("passwd", row[NAME], "has no line in /etc/shadow")
    for row in groups:
        if row[GROUP_ID] == "0" and row[NAME] != "root":
            find("group", row[NAME], "has gid 0 and is not root")
    for row in tables["shadow"].rows:
        if row[NAME] not in names:
            find("shadow", row[NAME], "has no line in /etc/passwd")
    return found


def repeated(rows: list[list[str]], field: int) -> dict[str, list[str]]:
    """Values that several entries have, with the names of those entries."""
    owners: dict[str, list[str]] = {}
    for row in rows:
        owners.setdefault(row[field], []).append(row[NAME])
    return {value: names for value, names in owners.items() if len(names) > 1}
