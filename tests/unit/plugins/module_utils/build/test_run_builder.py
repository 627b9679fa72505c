# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every builder module refuses, and how it ends when the disk of the controller is full."""

from __future__ import annotations

import errno
import functools
import os
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build import lifecycle, run_builder
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.files import Files
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from support.disks import full_disk

BUILD = "20261128t210000-abc123"


class Disk(Files):
    """A file that stands for a disk; the large one finds no space."""

    def create(self, token):
        if self.kind == "large":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.paths[0])
        Path(self.paths[0]).write_text("")
        return self.paths[0]


class Provider:
    """A builder of two disks."""

    interval = 0.1

    def __init__(self, folder):
        self.folder = folder

    def resources(self):
        return [Disk("builder", [str(self.folder / size)], size) for size in ("small", "large")]

    def worth_another_try(self, error):
        return False


class Module:
    """A module as it was called."""

    check_mode = False

    def __init__(self, **changes):
        defaults = {name: option.get("default") for name, option in run_builder.ARGUMENT_SPEC.items()}
        self.params = {**defaults, "build_id": BUILD, "lifetime": "deadline", **changes}

    def exit_json(self, **result):
        raise SystemExit(result)

    def fail_json(self, **result):
        raise SystemExit({"failed": True, **result})


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a builder module; its result."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(**options):
        def restore(kind, name, spec):
            return Files(name, spec["paths"], kind)

        with pytest.raises(SystemExit) as end:
            run_builder.run_builder(Module(**options), "test", lambda ledger: Provider(tmp_path), restore)
        return end.value.code

    return call


@pytest.mark.parametrize("minutes", [0, -5, 10081, 10**15])
def test_a_life_without_a_sensible_end_is_refused(run, minutes, tmp_path):
    result = run(expires_after=minutes)
    assert result == {"failed": True, "msg": f"expires_after: {minutes}: minutes, from 1 to 10080"}
    assert list(tmp_path.iterdir()) == []


def test_evidence_that_cannot_be_written_is_refused_before_anything_is_made(run, tmp_path):
    (tmp_path / "file").write_text("")
    result = run(events_file=str(tmp_path / "file" / "events.jsonl"))
    assert result["msg"].startswith(f"events_file: {tmp_path}/file/events.jsonl: ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_is_full_is_one_line_and_what_was_made_is_gone(run, tmp_path):
    result = run()
    assert result == {"failed": True, "msg": f"{tmp_path}/large: No space left on device"}
    assert not (tmp_path / "small").exists()
    assert Ledger(BUILD).read().open_entries() == []


def test_what_a_failure_could_not_take_away_is_told(run, tmp_path, monkeypatch):
    def refuse(self, identifier, token):
        raise HallmarkError(f"{identifier} is held fast")

    monkeypatch.setattr(Files, "delete", refuse)
    monkeypatch.setattr(run_builder, "undo", functools.partial(lifecycle.undo, seconds=0))
    message = run()["msg"]
    assert message.startswith(f"{tmp_path}/large: No space left on device; and not everything could be removed: ")
    assert f"small/builder {tmp_path}/small: {tmp_path}/small is held fast" in message
    assert message.endswith(": run the play reap later")


def test_what_was_made_goes_when_there_is_no_room_for_a_line_of_it(run, tmp_path, monkeypatch):
    run()
    Path(tmp_path / "small").write_text("")
    book = Ledger(BUILD)
    book.intent("small", "builder", "token", {"paths": [str(tmp_path / "small")]})
    with full_disk(monkeypatch):
        result = run(state="absent", events_file=str(tmp_path / "events.jsonl"), timeout=0)
    assert "not everything could be removed: " in result["msg"]
    assert "No space left on device" in result["msg"]
    assert not (tmp_path / "small").exists()
    assert run(state="absent")["changed"]
    assert book.read().closed
