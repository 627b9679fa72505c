# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import shutil

import pytest

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.digest import folder_digest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "debian-12"
    for name in ("main.yml", "provision.yml", "files/motd", "files/.bashrc", "scripts/run.sh", "tests/test_a.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}\n", encoding="utf-8")
    return folder


def test_is_what_it_says(tmp_path):
    (tmp_path / "main.yml").write_bytes(b"source: {}\n")
    content = hashlib.sha256(b"source: {}\n").hexdigest().encode()
    assert folder_digest(str(tmp_path)) == hashlib.sha256(b"-\0main.yml\0" + content + b"\n").hexdigest()


def test_a_copy_elsewhere_at_another_time_is_the_same(folder, tmp_path):
    before = folder_digest(str(folder))
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    os.utime(copy / "main.yml", (0, 0))
    (copy / "files/motd").chmod(0o600)
    assert folder_digest(str(copy)) == before


@pytest.mark.parametrize(
    "name", ["main.yml", "provision.yml", "files/motd", "files/.bashrc", "scripts/run.sh", "tests/test_a.py", "new"]
)
def test_each_content_counts(folder, name):
    before = folder_digest(str(folder))
    with (folder / name).open("a", encoding="utf-8") as stream:
        stream.write("more")
    assert folder_digest(str(folder)) != before


def test_name_and_executable_bit_count(folder):
    digests = {folder_digest(str(folder))}
    (folder / "scripts/run.sh").chmod(0o755)
    digests.add(folder_digest(str(folder)))
    (folder / "scripts/run.sh").rename(folder / "scripts/go.sh")
    digests.add(folder_digest(str(folder)))
    assert len(digests) == 3


@pytest.mark.parametrize(
    "name",
    ["main.yml~", ".main.yml.swp", "#main.yml#", "files/a.orig", "tests/__pycache__/a.pyc", ".git/HEAD", ".DS_Store"],
)
def test_what_tools_leave_behind_does_not_count(folder, name):
    before = folder_digest(str(folder))
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x", encoding="utf-8")
    assert folder_digest(str(folder)) == before


def test_link_of_an_editor_that_leads_nowhere_does_not_count(folder):
    before = folder_digest(str(folder))
    (folder / ".#main.yml").symlink_to("user@host.1234")
    assert folder_digest(str(folder)) == before


def test_links_count_as_what_they_lead_to(folder, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "a").write_text("one", encoding="utf-8")
    (folder / "files/shared").symlink_to(shared)
    linked = folder_digest(str(folder))
    (shared / "a").write_text("two", encoding="utf-8")
    changed = folder_digest(str(folder))
    (folder / "files/shared").unlink()
    shutil.copytree(shared, folder / "files/shared")
    assert linked != changed == folder_digest(str(folder))


def test_links_that_lead_nowhere_or_back_and_fifos_end(folder):
    digests = {folder_digest(str(folder))}
    (folder / "files/back").symlink_to("..")
    digests.add(folder_digest(str(folder)))
    (folder / "files/nowhere").symlink_to("missing")
    digests.add(folder_digest(str(folder)))
    (folder / "files/itself").symlink_to("itself")
    digests.add(folder_digest(str(folder)))
    os.mkfifo(folder / "files/fifo")
    digests.add(folder_digest(str(folder)))
    assert len(digests) == 5


def test_files_named_elsewhere_count_once(folder, tmp_path):
    shared = tmp_path / "provision.yml"
    shared.write_text("one", encoding="utf-8")
    alone = folder_digest(str(folder))
    inside = folder_digest(str(folder), [str(folder / "provision.yml")])
    with_shared = folder_digest(str(folder), [str(shared)])
    shared.write_text("two", encoding="utf-8")
    assert alone == inside
    assert len({alone, with_shared, folder_digest(str(folder), [str(shared)])}) == 3
