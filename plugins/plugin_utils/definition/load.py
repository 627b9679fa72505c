# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a tree of definitions and check all of it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.parsing.dataloader import DataLoader

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.data_disks import check_data_disks
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.digest import folder_digest
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import Document, read_document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.hardening import check_hardening
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Problem
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.references import (
    anchor_source,
    check_references,
    referenced_files,
)
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.schema import check_schema, platform_of
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.tree import Place, find_definitions
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.user_data import check_user_data


@dataclasses.dataclass(frozen=True, slots=True)
class Definition:
    """One definition that holds. C(data) is the file's content, C(sha256) the digest of its folder (hex)."""

    place: Place
    data: dict[str, t.Any]
    sha256: str


@dataclasses.dataclass(slots=True)
class Definitions:
    """All definitions of some roots. The definitions are complete only when there are no problems."""

    definitions: list[Definition]
    problems: list[Problem]
    warnings: list[str]


def load_definitions(roots: t.Iterable[str], loader: DataLoader) -> Definitions:
    """Find, read and check the definitions below the roots (absolute paths).

    Raises:
        ImportError: The Python package jsonschema is missing.
    """
    tree = find_definitions(roots)
    result = Definitions([], list(tree.problems), tree.warnings)
    for place in tree.places:
        document = read_document(place.file, loader)
        problems = check_document(document)
        if not problems:
            try:
                digest = folder_digest(place.directory, referenced_files(document))
            except OSError as error:
                problems.append(Problem(error.filename or place.directory, f"can be read ({error.strerror})"))
            else:
                anchor_source(document)
                result.definitions.append(Definition(place, document.data or {}, digest))
        result.problems += problems
    return result


def check_document(document: Document, platform: str = "") -> list[Problem]:
    """All problems of one definition, in the order of its lines. Its path tells the platform when that is missing."""
    if document.problems:
        return document.problems
    platform = platform or platform_of(document)
    problems = check_schema(document, platform)
    told = {problem.key for problem in problems}
    further = check_references(document, platform) + check_hardening(document) + check_user_data(document)
    if not any(key.startswith("data_disks") for key in told):
        further += check_data_disks(document)
    problems += [problem for problem in further if problem.key not in told]
    return sorted(problems, key=lambda problem: (problem.line, problem.key))
