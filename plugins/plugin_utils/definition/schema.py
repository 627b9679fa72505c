# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a definition against the JSON Schema that this collection ships."""

from __future__ import annotations

import functools
import json
import pathlib
import re
import traceback
import typing as t

import jinja2
from ansible.parsing.vault import EncryptedString
from ansible.template import is_trusted_as_template

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import Document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Path, Problem, suggest

try:
    import jsonschema
    import jsonschema.validators
except ImportError:
    JSONSCHEMA_ERROR: str | None = traceback.format_exc()
else:
    JSONSCHEMA_ERROR = None

SCHEMA_FILE: t.Final = pathlib.Path(__file__).with_name("schema.json")
#: Platforms whose definitions have a schema of their own, which takes from the first what is the same.
OWN_SCHEMA: t.Final = ("alicloud", "aws")


#: How a pattern of the schema lets a template pass, for editors, which cannot tell one from another text. Here a
#: template is Deferred, and what is rendered already, or is never rendered, has to be right as it is.
_TEMPLATE: t.Final = r"\{[{%]"


class Deferred:
    """Stands for a value that is known only later: a template, or a string that vault encrypts."""


def is_template(value: object) -> bool:
    """Whether Ansible will render this value (a string tagged !unsafe is taken as it is)."""
    return isinstance(value, str) and ("{{" in value or "{%" in value) and is_trusted_as_template(value)


def platform_of(document: Document) -> str:
    """The platform that the path of a definition tells."""
    return "".join(pathlib.PurePath(document.file).parts[-4:-3])


def check_schema(document: Document, platform: str) -> list[Problem]:
    """All the places where a definition differs from the schema of its platform.

    Raises:
        ImportError: The Python package jsonschema is missing.
    """
    if JSONSCHEMA_ERROR:
        raise ImportError("jsonschema")
    problems = list(_template_problems(document, document.data, ()))
    for error in _validator(platform if platform in OWN_SCHEMA else "").iter_errors(defer(document.data)):
        problems.extend(_explain(document, error))
    return problems


def defer(value: t.Any) -> t.Any:
    """A copy with everything that is known only later replaced by C(Deferred)."""
    if is_template(value) or isinstance(value, EncryptedString):
        return Deferred()
    if isinstance(value, dict):
        return {key: defer(item) for key, item in value.items()}
    if isinstance(value, list):
        return [defer(item) for item in value]
    return value


def holds_deferred(value: t.Any) -> bool:
    """Whether some part of what C(defer) returned is known only later."""
    if isinstance(value, dict):
        return any(map(holds_deferred, value.values()))
    return any(map(holds_deferred, value)) if isinstance(value, list) else isinstance(value, Deferred)


def _template_problems(document: Document, value: t.Any, path: Path) -> t.Iterator[Problem]:
    if is_template(value):
        try:
            jinja2.Environment().parse(value)
        except jinja2.TemplateSyntaxError as error:
            yield document.problem(path, value, f"a Jinja template that can be parsed ({error.message})")
    elif isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _template_problems(document, item, (*path, key))


@functools.cache
def load_schema(platform: str = "") -> dict[str, t.Any]:
    """The schema, as shipped; of a platform that has its own, that one, whole."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    if not platform:
        return schema
    own = json.loads(SCHEMA_FILE.with_name(f"schema_{platform}.json").read_text(encoding="utf-8"))
    for name, section in own["properties"].items():
        if section.get("$ref") == f"{SCHEMA_FILE.name}#/properties/{name}":
            own["properties"][name] = schema["properties"][name]
    return own


@functools.cache
def _validator(platform: str) -> t.Any:
    base = jsonschema.Draft202012Validator
    lenient = {keyword: _unless_deferred(check) for keyword, check in {**base.VALIDATORS, "pattern": _pattern}.items()}
    validator = jsonschema.validators.extend(base, lenient)
    return validator(load_schema(platform), format_checker=base.FORMAT_CHECKER)


def _unless_deferred(check: t.Callable[..., t.Any]) -> t.Callable[..., t.Iterator[t.Any]]:
    def checked(validator: t.Any, keyword: t.Any, instance: t.Any, schema: t.Any) -> t.Iterator[t.Any]:
        if not isinstance(instance, Deferred):
            yield from check(validator, keyword, instance, schema) or ()

    return checked


def _pattern(validator: t.Any, pattern: str, instance: t.Any, schema: t.Any) -> t.Iterator[t.Any]:
    """The keyword C(pattern) as JSON Schema means it: C($) is the end of the text, and not before a last newline."""
    if not isinstance(instance, str):
        return
    alone = pattern.removesuffix(_TEMPLATE).removesuffix("|")
    if not (alone and re.search(alone.replace("$", r"\Z"), instance)):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _explain(document: Document, error: t.Any) -> t.Iterator[Problem]:
    """Turn one finding of jsonschema into lines for the user."""
    path: Path = tuple(error.absolute_path)
    value = _value_at(document.data, path)
    schema = error.schema
    right = schema.get("errorMessage", error.message)
    if error.validator == "additionalProperties" and schema["additionalProperties"] is False:
        for key in [key for key in value if key not in schema["properties"]]:
            hint = suggest(key, schema["properties"])
            # A secret under a misspelt key is still a secret.
            secret = any(
                f" {name}?" in hint for name, meaning in schema["properties"].items() if "writeOnly" in meaning
            )
            yield document.problem((*path, key), value[key], f"unknown key, {hint}", secret=secret)
    elif error.validator == "required":
        for key in [key for key in error.validator_value if key not in value]:
            meaning = schema.get("properties", {}).get(key, schema)
            wanted = meaning.get("errorMessage") or meaning.get("else", {}).get("errorMessage", right)
            yield document.problem((*path, key), "(missing)", wanted)
    elif "propertyNames" in error.absolute_schema_path:
        yield document.problem((*path, error.instance), value[error.instance], f"as key, {right}")
    else:
        # A rule about several keys is told at the last of them that is there.
        keys = [key for key in _keys_of_rule(error) if isinstance(value, dict) and key in value]
        if keys:
            last = max(keys, key=lambda key: document.line((*path, key)))
            path, value = (*path, last), value[last]
        yield document.problem(path, value, right, secret=bool(schema.get("writeOnly")))


def _keys_of_rule(error: t.Any) -> list[str]:
    if "at" in error.schema:
        return [error.schema["at"]]
    branches = error.validator_value if error.validator == "oneOf" else [error.validator_value]
    if error.validator not in ("oneOf", "not"):
        return []
    return [key for branch in branches for key in branch.get("required", ())]


def _value_at(data: t.Any, path: Path) -> t.Any:
    return functools.reduce(lambda value, part: value[part], path, data)
