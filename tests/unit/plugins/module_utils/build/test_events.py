# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog, read_events, stage_events
from support.disks import full_disk


def test_a_stage_has_start_and_end(tmp_path):
    path = tmp_path / "deep" / "events.jsonl"
    with stage_events(path, "launch", machine="builder") as log:
        log.write("progress", percent=40)
    start, progress, end = read_events(path)
    assert (start["event"], progress["percent"], end["ok"], end["machine"]) == ("start", 40, True, "builder")
    assert end["seconds"] >= 0
    assert {event["stage"] for event in (start, progress, end)} == {"launch"}


def test_a_stage_that_fails_says_so(tmp_path):
    with pytest.raises(ValueError, match="no"), stage_events(tmp_path / "e", "capture"):
        raise ValueError("no")
    assert read_events(tmp_path / "e")[-1]["ok"] is False


def test_nobody_wants_the_events():
    EventLog(None, "launch").write("start")


def test_a_cut_line_is_passed_over(tmp_path):
    path = tmp_path / "events.jsonl"
    EventLog(path, "launch").write("start")
    with open(path, "a") as handle:
        handle.write('{"time": "2026')
    assert [event["event"] for event in read_events(path)] == ["start"]


def test_what_cannot_be_written_stops_nothing(tmp_path):
    done = []
    (tmp_path / "file").write_text("")
    with stage_events(tmp_path / "file" / "events.jsonl", "tear down") as log:
        log.write("progress", percent=1)
        done.append("removed")
    assert done == ["removed"]


def test_a_full_disk_stops_nothing(tmp_path, monkeypatch):
    with full_disk(monkeypatch), stage_events(tmp_path / "events.jsonl", "tear down"):
        pass


def test_a_folder_that_cannot_be_written_is_one_clear_error_before_anything_is_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HallmarkError, match=r"^events_file: \S+/file/events.jsonl: (Not a dir|File ex)"):
        EventLog(tmp_path / "file" / "events.jsonl", "launch").check()


def test_no_file_is_no_events(tmp_path):
    assert read_events(tmp_path / "missing") == []
