# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/controls.md: every control that the baseline checks, from the checks' own metadata, and those left out.

usage: python tools/controls_page.py [--check]     (--check: only say whether the page is current)
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/controls.md"
LEFT_OUT = ROOT / "docs/controls_left_out.yml"
HEAD = """# Controls

What the baseline checks, area by area. `make docs` writes this page from `roles/*/tests/controls.yml`; do not edit it.

- **tier** `baseline`: a control of dev-sec's linux-baseline; `parity`: what dev-sec's role does besides; `extra`: more.
- **profile** `baseline` has the first tier, `default` all that are on, `strict` all.
- **variable** switches what the role does about it; the role's README describes it.

"""
COLUMNS = ("control", "what must hold", "severity", "tier", "on", "variable", "maps to")


def controls() -> dict[str, list[dict[str, Any]]]:
    """The controls of each area, areas by name, controls in the order of their file."""
    files = sorted(ROOT.glob("roles/*/tests/controls.yml"))
    return {path.parts[-3]: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}


def left_out() -> list[dict[str, str]]:
    """Controls of the catalogue that no role implements: id, title and reason of each."""
    return yaml.safe_load(LEFT_OUT.read_text(encoding="utf-8")) or []


def table(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def row(control: dict[str, Any]) -> list[str]:
    """The cells of one control."""
    return [
        f"`{control['id']}`",
        control["title"],
        control["severity"],
        control["tier"],
        control["default"],
        f"`{control['variable']}`",
        ", ".join(control["refs"]),
    ]


def page() -> str:
    """The whole page."""
    text = HEAD
    for area, found in controls().items():
        text += f"## {area}\n\n{table(COLUMNS, [row(control) for control in found])}\n"
    rows = [[f"`{item['id']}`", item["title"], item["reason"]] for item in left_out()]
    return text + "## Left out\n\n" + table(("control", "what would hold", "why it is left out"), rows)


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is current; returns the exit status."""
    text = page()
    if arguments == ["--check"]:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
