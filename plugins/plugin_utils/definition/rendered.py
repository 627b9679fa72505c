# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a definition as a build takes it: all its sections rendered, wherever they come from."""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t

from ansible.parsing.dataloader import DataLoader

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.contents import check_contents
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import Document, read_document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.load import check_document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Problem
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.schema import defer, holds_deferred
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.tree import FILE_NAME

_BOOLEANS: t.Final = ("true", "false", "yes", "no")


def check_rendered(definition: dict[str, t.Any], sections: dict[str, t.Any], loader: DataLoader) -> list[Problem]:
    """Problems with the sections that a build has got, in the order of the definition's lines.

    Args:
        definition: What the inventory plugin says of it: name, platform, directory, and path of the file.
        sections: Its sections by name; what is empty counts as left out.
        loader: Reads the definition's files.

    Raises:
        ImportError: The Python package jsonschema is missing.
    """
    file = definition.get("path") or os.path.join(definition["directory"], FILE_NAME)
    data = {name: section for name, section in sections.items() if section not in ({}, [])}
    written = read_document(file, loader) if os.path.isfile(file) else Document(file)
    own = {name for name in data if _stands_in(written, name, data[name])}
    lines = {path: line for path, line in written.lines.items() if path[0] in own}
    document = Document(file, data, lines, encrypted=written.encrypted)
    problems = check_document(document, definition["platform"])
    if not data.get("source"):
        problems.insert(0, document.problem(("source",), "(missing)", "what the image is made from"))
    told = {problem.key for problem in problems if problem.key}
    problems += [problem for problem in check_contents(document, loader) if problem.key not in told]
    elsewhere = data.keys() - own
    return [_relocate(problem, document, elsewhere, definition["name"]) for problem in problems]


def _stands_in(written: Document, name: str, value: t.Any) -> bool:
    """Whether a section comes from the definition's file, and not from group_vars or the command line."""
    section = defer((written.data or {}).get(name))
    return section == value or holds_deferred(section)


def _relocate(problem: Problem, document: Document, elsewhere: t.Collection[str], name: str) -> Problem:
    """A section from elsewhere is a variable to the user, and has no line in the definition's file."""
    section = re.split(r"[.\[]", problem.key)[0]
    if problem.file != document.file or section not in elsewhere:
        return problem
    right = problem.right
    value = document.data[section]
    if problem.key == section and isinstance(value, str) and (section != "provision" or value.lower() in _BOOLEANS):
        right += f"; -e NAME=VALUE gives a text: write -e '{{\"build_{section}\": …}}'"
    return dataclasses.replace(problem, file=name, line=0, key=f"build_{problem.key}", right=right)
