# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules which no linter knows and which hold for the whole tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LICENCE = (
    "# Copyright: Contributors to the hallmark.images project\n"
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)\n"
    "# SPDX-License-Identifier: GPL-3.0-or-later\n"
)
# Written by a tool, or inputs of tests whose every byte matters.
WITHOUT_LICENCE = re.compile(r"^changelogs/(changelog\.yaml|fragments/)|^tests/.*/(data|fixtures)/")
MOST_LINES = 400


@pytest.fixture(scope="module")
def texts(root: Path, tracked_files: list[str]) -> dict[str, str]:
    """Content of every text file of the checkout by its relative name."""
    found = {}
    for name in tracked_files:
        try:
            found[name] = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


def test_every_python_and_yaml_file_names_its_licence(texts: dict[str, str]) -> None:
    ours = {name for name in texts if name.endswith((".py", ".yml", ".yaml")) and not WITHOUT_LICENCE.search(name)}
    assert [name for name in sorted(ours) if LICENCE not in texts[name][:600]] == []


def test_plugins_postpone_annotations(texts: dict[str, str]) -> None:
    """It lets modules use today's type hints on the older Python of a guest."""
    plugins = [name for name in sorted(texts) if name.startswith("plugins/") and name.endswith(".py")]
    imports = re.compile(r"^(?:from|import) .*", re.MULTILINE)
    first = {name: imports.search(texts[name]) for name in plugins}
    assert [name for name, found in first.items() if found and found[0] != "from __future__ import annotations"] == []


def test_no_plugin_is_too_long(texts: dict[str, str]) -> None:
    lines = {name: texts[name].count("\n") for name in texts if re.match(r"(plugins|tests)/.*\.py$", name)}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_host_keys_are_always_checked(texts: dict[str, str]) -> None:
    blind = re.compile("StrictHostKeyChecking" + r"[=\s]+no\b|host_key_checking\s*[=:]\s*false", re.IGNORECASE)
    assert [name for name in sorted(texts) if blind.search(texts[name])] == []


def test_no_file_names_the_folder_of_this_checkout(root: Path, texts: dict[str, str]) -> None:
    assert [name for name in sorted(texts) if str(root) in texts[name]] == []


def test_readme_names_only_targets_that_exist(root: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    pages = [root / "README.md", root / "CONTRIBUTING.md", *root.glob("docs/**/*.md")]
    command = re.compile(r"(?:^|`)make ([a-z-]+)", re.MULTILINE)
    assert {name for page in pages for name in command.findall(page.read_text(encoding="utf-8"))} - targets == set()
