# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema is valid, says everything an editor and the messages need, and agrees with the modules and the docs."""

from __future__ import annotations

import json
import os
import pathlib
import re
import typing as t

import jsonschema
import pytest
import yaml

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.schema import OWN_SCHEMA, load_schema

REPOSITORY = pathlib.Path(__file__).parents[5]
SCHEMA = load_schema()
SCHEMAS = {"": SCHEMA, **{platform: load_schema(platform) for platform in OWN_SCHEMA}}
DOCS = REPOSITORY / "docs/definitions.md"
BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"


def _shape(schema: dict[str, t.Any]) -> dict[str, t.Any]:
    """A property without the alternative of being a template."""
    return {**schema, **schema.get("else", {})}


def _keys(schema: dict[str, t.Any], path: str = "") -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    for name, raw in _shape(schema).get("properties", {}).items():
        key = f"{path}.{name}".lstrip(".")
        shape = _shape(raw)
        yield key, shape
        yield from _keys(shape, key)
        yield from _keys(shape.get("items", {}), key + "[]")


KEYS = dict(_keys(SCHEMA))
#: Of each platform with a schema of its own, the keys that differ from those of the first.
OWN_KEYS = {
    platform: {key: shape for key, shape in _keys(SCHEMAS[platform]) if key not in KEYS or shape != KEYS[key]}
    for platform in OWN_SCHEMA
}
EVERY_KEY = [("", key) for key in KEYS] + [(platform, key) for platform in OWN_SCHEMA for key in OWN_KEYS[platform]]


def _shape_of(platform: str, key: str) -> dict[str, t.Any]:
    return (OWN_KEYS[platform] if platform else KEYS)[key]


def _type(shape: dict[str, t.Any]) -> str:
    if "enum" in shape:
        return " \\| ".join(f"`{value}`" for value in shape["enum"])
    names = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true/false",
        "object": "mapping",
    }
    kinds = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
    if kinds == ["array"]:
        items = _shape(shape["items"])
        return "list of " + ("mappings" if items["type"] == "object" else "texts")
    if shape.get("not") == {"const": True}:
        names["boolean"] = "`false`"
    text = " or ".join(names[kind] for kind in kinds)
    if "minimum" in shape:
        text += f", {shape['minimum']}–{shape['maximum']}"
    return text


def _table(keys: dict[str, dict[str, t.Any]]) -> str:
    lines = ["| key | type | unit | default | meaning |", "|---|---|---|---|---|"]
    for key, shape in keys.items():
        default = f"`{json.dumps(shape['default'])}`" if "default" in shape else "–"
        lines.append(f"| `{key}` | {_type(shape)} | {shape.get('unit', '')} | {default} | {shape['description']} |")
    return "\n".join(lines) + "\n"


def _validator(schema: dict[str, t.Any]) -> jsonschema.Draft202012Validator:
    """A plain validator, as editors have it."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], **schema}, format_checker=checker)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=["qemu", *OWN_SCHEMA])
def test_schema_is_valid(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("platform", OWN_SCHEMA)
def test_schema_of_a_platform_has_the_sections_of_the_first(platform):
    schema = SCHEMAS[platform]
    assert list(schema["properties"]) == list(SCHEMA["properties"])
    assert schema["properties"]["baseline"] == SCHEMA["properties"]["baseline"]
    assert schema["$defs"] == SCHEMA["$defs"]


@pytest.mark.parametrize(("platform", "key"), EVERY_KEY)
def test_every_key_is_described_and_says_what_is_right(platform, key):
    assert _shape_of(platform, key)["description"].endswith(".")
    assert _shape_of(platform, key)["errorMessage"]


@pytest.mark.parametrize(("platform", "key"), [pair for pair in EVERY_KEY if "default" in _shape_of(*pair)])
def test_defaults_hold(platform, key):
    _validator(_raw(platform, key)).validate(_shape_of(platform, key)["default"])


@pytest.mark.parametrize(("platform", "key"), EVERY_KEY)
def test_editors_accept_templates(platform, key):
    _validator(_raw(platform, key)).validate("{{ something | default('x') }}")


def _raw(platform: str, key: str) -> dict[str, t.Any]:
    schema: dict[str, t.Any] = SCHEMAS[platform]
    for part in key.split("."):
        schema = _shape(schema)["properties"][part.removesuffix("[]")]
        if part.endswith("[]"):
            schema = _shape(schema)["items"]
    return schema


def test_plain_validators_agree_with_the_example():
    for file in REPOSITORY.glob("images/*/*/*/main.yml"):
        schema = SCHEMAS.get(file.parts[-4], SCHEMA)
        jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("platform", ["", *OWN_SCHEMA], ids=["definitions", *OWN_SCHEMA])
def test_docs_hold_the_table_of_the_schema(platform):
    """With HALLMARK_UPDATE_DOCS=1 in the environment the table is written anew."""
    page = REPOSITORY / f"docs/{platform}.md" if platform else DOCS
    keys = OWN_KEYS[platform] if platform else KEYS
    text = page.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    table, tail = rest.split(END)
    if os.environ.get("HALLMARK_UPDATE_DOCS") == "1":
        page.write_text(head + BEGIN + _table(keys) + END + tail, encoding="utf-8")
    else:
        assert table == _table(keys)


def test_examples_of_the_docs_hold():
    examples = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    definitions = [yaml.safe_load(example) for example in examples if "source:" in example]
    assert definitions
    for definition in definitions:
        for waiver in definition.get("baseline", {}).get("waivers", []):
            waiver["expires"] = waiver["expires"].isoformat()
        jsonschema.Draft202012Validator(SCHEMA).validate(definition)


def _options(module: str) -> dict[str, t.Any]:
    text = (REPOSITORY / f"plugins/modules/{module}.py").read_text(encoding="utf-8")
    return yaml.safe_load(text.split('DOCUMENTATION = r"""')[1].split('"""')[0])["options"]


#: Not told by a definition: the build itself, secrets, and what the role puts together from other sections.
NOT_OF_A_DEFINITION = {
    "builder": {"access_key", "secret_key", "session_token", "security_token", "source", "user", "console_log"}
    | {"planned_machines", "bastion", "communicator", "ssh_proxy_command"},
    "image": {"access_key", "secret_key", "session_token", "security_token", "encrypted", "kms_key_id", "data_disks"}
    | {"source", "region", "profile", "endpoint_url", "assume_role", "max_attempts"}
    | {"shared_credentials_file", "ram_role_name", "endpoint_urls"},
}


#: What the role itself acts on, or knows another default for.
OF_THE_ROLE = {"builder": set(), "image": {"capture", "timeout"}}


@pytest.mark.parametrize("platform", OWN_SCHEMA)
@pytest.mark.parametrize("section", ["builder", "image"])
def test_keys_of_a_platform_are_the_options_of_its_modules(platform, section):
    options = _options(f"{platform}_{section}")
    if section == "builder":
        for file in (REPOSITORY / "plugins/doc_fragments").glob(f"{platform}*.py"):
            options |= _fragment(file.stem)
        options |= _fragment("remote_access")
    own = OWN_KEYS[platform]
    keys = {key.split(".")[1] for key in own if re.fullmatch(rf"{section}\.\w+", key)} | {
        key.split(".")[1] for key in KEYS if key in (f"{section}.user_data", f"{section}.user_data_file")
    }
    keys -= OF_THE_ROLE[section]
    assert keys - {"name"} == set(options) - NOT_OF_A_DEFINITION[section]
    types = {"int": "integer", "str": "string", "path": "string", "bool": "boolean", "list": "array", "dict": "object"}
    for key in sorted(keys - {"name"}):
        shape = own.get(f"{section}.{key}") or KEYS[f"{section}.{key}"]
        if "items" not in shape:  # of a list, choices are those of its items
            assert shape.get("enum") == options[key].get("choices"), key
        assert "enum" in shape or shape["type"] == types[options[key]["type"]], key
        assert shape.get("default") == options[key].get("default"), key


def _fragment(name: str) -> dict[str, t.Any]:
    text = (REPOSITORY / f"plugins/doc_fragments/{name}.py").read_text(encoding="utf-8")
    return yaml.safe_load(text.split('DOCUMENTATION = r"""')[1].split('"""')[0])["options"]


@pytest.mark.parametrize(("module", "section"), [("qemu_builder", "builder"), ("qemu_image", "image")])
def test_keys_agree_with_the_module_that_takes_them(module, section):
    options = _options(module)
    types = {"int": "integer", "str": "string", "path": "string", "bool": "boolean", "list": "array", "dict": "object"}
    shared = [key for key in KEYS if key.startswith(f"{section}.") and "[]" not in key]
    shared = [key for key in shared if key not in ("image.tags", "image.name", "image.capture")]
    assert shared
    for key in shared:
        option = options[key.removeprefix(f"{section}.")]
        shape = KEYS[key]
        assert shape.get("enum") == option.get("choices"), key
        assert "enum" in shape or shape["type"] == types[option["type"]], key
        if key != "image.compression":  # what the module does without it depends on the format
            assert shape.get("default") == option.get("default"), key
