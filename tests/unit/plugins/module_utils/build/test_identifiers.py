# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import (
    BUILD_ID,
    new_build_id,
    runtime_folder,
    state_home,
)


def test_build_ids_have_their_form_and_differ():
    made = {new_build_id() for dummy in range(50)}
    assert len(made) == 50
    assert all(BUILD_ID.match(name) for name in made)


def test_a_build_id_begins_with_its_time():
    assert new_build_id(datetime(2026, 11, 23, 17, 14, 52, tzinfo=UTC)).startswith("20261123t171452-")


def test_sockets_have_a_short_path_even_in_a_deep_home(monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/" + "x" * 200)
    folder = runtime_folder("20261123t171452-k3f9q2")
    # unix(7): 107 bytes; OpenSSH adds 17 to a control socket while it is made, Ansible names it by 10.
    assert len(f"{folder}.{'m' * 32}/") + 10 + 17 < 108


def test_state_home_follows_the_base_directory_specification(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_home() == tmp_path / "hallmark"
    monkeypatch.setenv("HOME", "/home/someone")
    for value in ("", "state", "./state"):  # the specification: a relative path is invalid and ignored
        monkeypatch.setenv("XDG_STATE_HOME", value)
        assert str(state_home()) == "/home/someone/.local/state/hallmark"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert str(state_home()) == "/home/someone/.local/state/hallmark"


def test_sockets_are_never_in_a_relative_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", "run")
    assert runtime_folder("20261123t171452-k3f9q2").parent == Path("/tmp")
