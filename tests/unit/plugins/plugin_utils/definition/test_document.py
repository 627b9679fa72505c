# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import read_document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.hardening import role_variables
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.load import load_definitions
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import show


@pytest.fixture
def read(tmp_path):
    def read(content: str):
        (tmp_path / "main.yml").write_text(content, encoding="utf-8")
        return read_document(str(tmp_path / "main.yml"), DataLoader())

    return read


def test_every_place_has_its_line(read):
    document = read(
        "---\n# comment\nbuilder:\n  data_disks:\n    - name: a\n      size: 1G\n\n    - {name: b, size: 2G}\n"
    )
    assert not document.problems
    assert document.line(("builder", "data_disks", 0, "size")) == 6
    assert document.line(("builder", "data_disks", 1)) == 8
    assert document.line(("builder", "data_disks", 1, "not there")) == 8
    assert document.line(("image",)) == 1


def test_merged_keys_have_the_line_where_they_are_written(read):
    document = read("image:\n  <<: {name: a, format: raw}\n  name: b\n")
    assert document.data == {"image": {"name": "b", "format": "raw"}}
    assert document.line(("image", "format")) == 2
    assert document.line(("image", "name")) == 3


def test_json_is_yaml(read):
    document = read('{"builder":\n {"cpus": 2}}\n')
    assert document.data == {"builder": {"cpus": 2}}
    assert document.line(("builder", "cpus")) == 2


def test_many_aliases_end_quickly(read):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    document = read("\n".join(lines) + "\n")
    assert [problem.right for problem in document.problems] == ["fewer than 50000 values (aliases count each time)"]


def test_deep_nesting_ends(read):
    document = read("a: " + "[" * 5000 + "]" * 5000)
    assert [problem.right for problem in document.problems] == ["a few levels of nesting"]


@pytest.mark.parametrize(
    ("value", "key", "shown"),
    [
        ("bookworm", "release", "bookworm"),
        ("1024", "memory", '"1024"'),
        ("", "name", '""'),
        ("two\nlines", "name", "two lines"),
        ("x" * 100, "name", "x" * 59 + "…"),
        ({"a": [1, None, True]}, "name", '{"a": [1, null, true]}'),
        ("hunter2", "root_password", "(not shown)"),
    ],
)
def test_values_are_shown_in_one_short_line(value, key, shown):
    assert show(value, key) == shown


def test_variables_of_the_hardening_roles_are_known():
    known = role_variables()
    assert {"os_hardening_skip", "sysctl_overrides"} <= known.keys()
    assert not [name for name in known if name.startswith("build_")]


def test_relative_path_of_a_ready_image_becomes_absolute(tmp_path):
    folder = tmp_path / "qemu/linux/ready"
    (folder / "files").mkdir(parents=True)
    (folder / "files/a.qcow2").write_bytes(b"disk")
    checksum = "sha256:" + hashlib.sha256(b"disk").hexdigest()
    (folder / "main.yml").write_text(f"source: {{path: files/a.qcow2, checksum: '{checksum}'}}\n", encoding="utf-8")
    result = load_definitions([str(tmp_path)], DataLoader())
    assert result.problems == []
    assert result.definitions[0].data["source"]["path"] == str(folder / "files/a.qcow2")


def test_a_folder_that_cannot_be_searched_through_links_is_told(tmp_path):
    (tmp_path / "qemu/linux").mkdir(parents=True)
    (tmp_path / "qemu/linux/loop").symlink_to("loop")
    (tmp_path / "qemu/linux/up").symlink_to("..")
    result = load_definitions([str(tmp_path)], DataLoader())
    assert (result.definitions, result.problems) == ([], [])


def test_a_definition_may_be_a_link(tmp_path):
    real = tmp_path / "shared/web"
    real.mkdir(parents=True)
    (real / "main.yml").write_text("source: {release: bookworm}\n", encoding="utf-8")
    (tmp_path / "images/qemu/linux").mkdir(parents=True)
    (tmp_path / "images/qemu/linux/web").symlink_to(real)
    result = load_definitions([str(tmp_path / "images")], DataLoader())
    assert [definition.place.name for definition in result.definitions] == ["web"]
