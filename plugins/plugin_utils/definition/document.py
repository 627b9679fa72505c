# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read one definition file: what is in it, and on which line."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import typing as t

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import is_encrypted
from ansible.template import trust_as_template

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Path, Problem, dotted, show

#: Aliases can make a few lines stand for millions of values; no definition comes near this.
_NODES_MAX: t.Final = 50_000
_MERGE_TAG: t.Final = "tag:yaml.org,2002:merge"
_STRING_TAG: t.Final = "tag:yaml.org,2002:str"
_TIMESTAMP_TAG: t.Final = "tag:yaml.org,2002:timestamp"


@dataclasses.dataclass(slots=True)
class Document:
    """A YAML file and the place of everything in it.

    Attributes:
        file: Absolute path of the file.
        data: Its content, templates trusted and vaulted strings still encrypted; None when there are problems.
        lines: Line of each key and list item, counted from 1.
        problems: What is wrong with it as YAML.
        encrypted: The whole file is vaulted, so that no value of it may be shown.
    """

    file: str
    data: dict[str, t.Any] | None = None
    lines: dict[Path, int] = dataclasses.field(default_factory=dict)
    problems: list[Problem] = dataclasses.field(default_factory=list)
    encrypted: bool = False

    def problem(self, path: Path, value: object, right: str, secret: bool = False) -> Problem:
        """A problem at a place in this file; `secret` keeps the value out of the message."""
        hidden = secret or self.encrypted
        shown = "(not shown)" if hidden else show(value, str(path[-1]) if path else "")
        return Problem(self.file, right, self.line(path), key=dotted(path), value=shown)

    def line(self, path: Path) -> int:
        """Line of a place; of the nearest one around it when it has none of its own (a missing key)."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_document(file: str, loader: DataLoader) -> Document:
    """Read a definition; everything that is wrong is in the result, nothing is raised."""
    document = Document(file)
    text = _read_text(document, loader)
    if text is not None and (root := _compose(document, text)) is not None:
        _Walk(document).visit(root, ())
        if not document.problems:
            _load(document, loader)
    return document


def _read_text(document: Document, loader: DataLoader) -> str | None:
    """The text of the file, decrypted; None with a problem noted when there is none."""
    try:
        content = pathlib.Path(document.file).read_bytes()
        document.encrypted = is_encrypted(content)
        content.decode("utf-8")
        # A plain copy: the parser must not take the tags that ansible-core puts on strings for text of its own.
        return str(loader.get_text_file_contents(document.file))
    except OSError as error:
        right = f"a file that can be read ({error.strerror or error})"
        document.problems.append(Problem(document.file, right))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        shown = f"byte 0x{error.object[error.start]:02x}"
        document.problems.append(Problem(document.file, "text in UTF-8", line, value=shown))
    except AnsibleError as error:
        reason = " ".join(str(error).split())
        right = f"encrypted with vault: give its password with --vault-password-file or --vault-id ({reason})"
        document.problems.append(Problem(document.file, right, 1))
    return None


def _compose(document: Document, text: str) -> yaml.Node | None:
    """Parse the YAML without making objects of it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        document.problems.append(syntax_problem(document, text, error))
        return None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        shown = f"character U+{error.character:04X}"
        document.problems.append(Problem(document.file, "printable characters only", line, value=shown))
        return None
    except RecursionError:
        document.problems.append(Problem(document.file, "a few levels of nesting", 1))
        return None
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value.strip()):
        right = "is empty: write at least a source, as {source: {release: bookworm}}"
        document.problems.append(Problem(document.file, right, 1))
        return None
    if not isinstance(root, yaml.MappingNode):
        kind = "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
        right = "a mapping with keys such as source and builder"
        document.problems.append(Problem(document.file, right, root.start_mark.line + 1, value=kind))
        return None
    return root


def syntax_problem(document: Document, text: str, error: yaml.MarkedYAMLError) -> Problem:
    """The problem that the YAML parser has with a file's text."""
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    lines = text.splitlines()
    content = lines[line] if line < len(lines) else ""
    if "\t" in content[: len(content) - len(content.lstrip())]:
        right = "spaces: YAML is not indented with tabs"
    else:
        parts = (error.context, error.problem)
        right = "not YAML: " + " ".join(" ".join(filter(None, parts)).split())
    shown = "" if document.encrypted else show(content.strip())
    return Problem(document.file, right, line + 1, mark.column + 1 if mark else 1, value=shown)


class _Walk:
    """Notes the line of everything in a document, and what YAML itself lets pass in silence."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: set[int] = set()
        self._nodes = 0

    def visit(self, node: yaml.Node, path: Path) -> None:
        self._nodes += 1
        if self._nodes > _NODES_MAX:
            if self._nodes == _NODES_MAX + 1:
                self._note(node, path, f"fewer than {_NODES_MAX} values (aliases count each time)")
            return
        if id(node) in self._open:
            self._note(node, path, "an alias that does not contain itself")
            return
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._visit_mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._document.lines[(*path, index)] = item.start_mark.line + 1
                self.visit(item, (*path, index))
        elif node.tag == _TIMESTAMP_TAG:
            self._check_timestamp(t.cast(yaml.ScalarNode, node), path)
        self._open.discard(id(node))

    def _visit_mapping(self, node: yaml.MappingNode, path: Path) -> None:
        seen: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == _MERGE_TAG:
                self._visit_merge(value, path)
                continue
            if key.tag != _STRING_TAG:
                self._check_key(key, path)
                continue
            line = key.start_mark.line + 1
            place = (*path, key.value)
            if key.value in seen:
                right = f"only once: the same key is in line {seen[key.value]}"
                self._document.problems.append(Problem(self._document.file, right, line, key=dotted(place)))
            seen[key.value] = line
            self._document.lines[place] = line
            self.visit(value, place)

    def _visit_merge(self, node: yaml.Node, path: Path) -> None:
        # What the mapping itself says wins, wherever it stands: lines already known are set again by its own keys.
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(part, yaml.MappingNode):
                known = dict(self._document.lines)
                self.visit(part, path)
                self._document.lines.update(known)

    def _check_key(self, key: yaml.Node, path: Path) -> None:
        if isinstance(key, yaml.ScalarNode):
            self._note(key, (*path, key.value), f'a text as key: write "{key.value}" in quotes')
        else:
            self._note(key, path, 'a value in quotes: a template is written "{{ name }}"')

    def _check_timestamp(self, node: yaml.ScalarNode, path: Path) -> None:
        try:
            yaml.constructor.SafeConstructor().construct_yaml_timestamp(node)
        except ValueError as error:
            self._note(node, path, f"a date that exists, as 2027-01-31 ({error})", node.value)

    def _note(self, node: yaml.Node, path: Path, right: str, value: str = "") -> None:
        shown = "(not shown)" if value and self._document.encrypted else value
        line = node.start_mark.line + 1
        self._document.problems.append(Problem(self._document.file, right, line, key=dotted(path), value=shown))


def _load(document: Document, loader: DataLoader) -> None:
    """Make objects of the file the way Ansible does: with !vault, !unsafe, and templates that are rendered later."""
    try:
        data = loader.load_from_file(document.file, cache="none", trusted_as_template=True)
    except AnsibleError as error:
        cause = error.__cause__
        mark = cause.problem_mark if isinstance(cause, yaml.MarkedYAMLError) else None
        reason = " ".join(str(cause.problem if mark else error).split())
        place = (mark.line + 1, mark.column + 1) if mark else (1, 0)
        document.problems.append(Problem(document.file, f"not YAML that Ansible reads: {reason}", *place))
        return
    document.data = _plain_dates(data)


def _plain_dates(value: t.Any) -> t.Any:
    """Dates become text, in place: modules take text, and JSON knows no dates."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        value[key] = _plain_dates(item)
    return trust_as_template(value.isoformat()) if isinstance(value, datetime.date) else value
