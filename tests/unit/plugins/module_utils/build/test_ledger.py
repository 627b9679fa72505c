# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
import subprocess
import sys
import textwrap

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import Abandoned, HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from support.disks import full_disk

BUILD = "20261123t171452-k3f9q2"


@pytest.fixture
def ledger(tmp_path):
    book = Ledger(BUILD, tmp_path)
    book.open(platform="qemu", definition="web", expires="2026-11-23T20:00:00+00:00")
    return book


def test_state_folder_and_ledger_are_private(ledger):
    assert stat.S_IMODE(ledger.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600


def test_opening_twice_keeps_the_first_line(ledger):
    ledger.open(platform="other")
    assert ledger.read().build["platform"] == "qemu"
    assert len(ledger.path.read_text().splitlines()) == 1


def test_replay_follows_a_resource_through_its_life(ledger):
    ledger.intent("disk", "builder", "token-1", {"paths": ["/x"]})
    entry = ledger.read().entries["disk/builder"]
    assert (entry.token, entry.identifier, entry.gone) == ("token-1", None, False)
    ledger.append("created", kind="disk", name="builder", id="/x")
    assert ledger.read().entries["disk/builder"].identifier == "/x"
    ledger.append("gone", kind="disk", name="builder")
    assert ledger.read().open_entries() == []


def test_released_is_no_longer_temporary(ledger):
    ledger.intent("capture", "image", "t", {})
    ledger.append("released", kind="capture", name="image")
    assert ledger.read().open_entries() == []


def test_nothing_is_begun_once_the_build_is_being_torn_down(ledger):
    ledger.append("closing", by="janitor")
    with pytest.raises(Abandoned):
        ledger.intent("disk", "builder", "token", {})
    assert ledger.read().entries == {}


def test_half_a_line_spoils_only_itself(ledger):
    ledger.intent("disk", "builder", "token", {})
    with open(ledger.path, "a") as handle:
        handle.write('{"event": "created", "kind": "di')
    assert ledger.read().entries["disk/builder"].identifier is None
    ledger.append("created", kind="disk", name="builder", id="/x")
    assert ledger.read().entries["disk/builder"].identifier == "/x"


def test_each_line_is_json_with_a_time(ledger):
    ledger.intent("key", "builder", "token", {})
    for line in ledger.path.read_text().splitlines():
        assert json.loads(line)["time"].endswith("Z")


@pytest.mark.parametrize("name", ["", "..", "../../etc", "20261123t171452-K3F9Q2", "20261123t171452-k3f9q2/x"])
def test_what_is_no_build_id_never_becomes_a_path(name, tmp_path):
    with pytest.raises(HallmarkError, match="build id"):
        Ledger(name, tmp_path)


def test_a_state_home_that_is_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(HallmarkError, match=r"state folder .*: Not a directory"):
        Ledger(BUILD, tmp_path / "state").open(platform="qemu")


def test_the_lock_goes_with_its_holder(ledger):
    """A process that is killed while it holds the ledger does not block the janitor."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(f"""
            import fcntl, os, time
            fcntl.flock(os.open({str(ledger.folder / "lock")!r}, os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
            print("held", flush=True)
            time.sleep(60)
        """),
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    with ledger.lock():
        ledger.append("closing", by="janitor")
    assert ledger.read().closing


def test_a_note_that_finds_no_room_comes_with_the_next_line_that_does(ledger, monkeypatch):
    ledger.intent("disk", "builder", "token", {})
    with full_disk(monkeypatch):
        ledger.note("gone", kind="disk", name="builder")
        with pytest.raises(HallmarkError, match=r"ledger\.jsonl: No space left on device"):
            ledger.append("closed", by="test")
    assert [entry.key for entry in ledger.read().open_entries()] == ["disk/builder"]
    ledger.append("closed", by="test")
    status = ledger.read()
    assert (status.open_entries(), status.closed) == ([], True)
    assert ledger.path.read_text().count('"closed"') == 1, "what failed to be appended is not owed: its caller knows"


def test_all_lists_the_oldest_first(tmp_path):
    for name in ("20261124t000000-bbbbbb", "20261123t000000-aaaaaa"):
        Ledger(name, tmp_path).open(platform="qemu")
    assert [book.build_id for book in Ledger.all(tmp_path)] == ["20261123t000000-aaaaaa", "20261124t000000-bbbbbb"]
