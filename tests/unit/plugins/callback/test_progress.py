# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess

import pytest

from ansible_collections.hallmark.images.plugins.callback.progress import Follower
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog


def test_a_line_for_each_step_that_is_reached(tmp_path):
    path = tmp_path / "20261123t171452-k3f9q2" / "events.jsonl"
    log, follower = EventLog(path, "capture"), Follower(25)
    for percent in (1, 20, 30, 40, 80, 100):
        log.write("progress", what="image", percent=percent)
    lines = follower.read(str(path))
    assert lines == [f"[20261123t171452-k3f9q2] capture: image {number} %" for number in (25, 75, 100)]
    assert follower.read(str(path)) == []


def test_what_is_waited_for_is_told(tmp_path):
    path = tmp_path / "20261123t171452-k3f9q2" / "events.jsonl"
    EventLog(path, "launch").write("waiting", what="machine builder", reason="waits for its password")
    lines = Follower(25).read(str(path))
    assert lines == ["[20261123t171452-k3f9q2] launch: machine builder waits for its password"]


def test_half_a_line_waits_for_its_rest(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"stage": "capture", "what": "image", "perc')
    follower = Follower(10)
    assert follower.read(str(path)) == []
    with open(path, "a") as handle:
        handle.write('ent": 50}\n')
    assert len(follower.read(str(path))) == 1


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [
        ("build", []),
        ("evidence [1]", ["-e", '{"base": "evidence", "build_output": "{{ base }} [1]"}']),
        ("home/evidence", ["-e", "build_output=~/evidence"]),
    ],
)
def test_a_playbook_shows_progress_while_its_task_runs(tmp_path, folder, arguments):
    line = '{"stage": "capture", "what": "image", "percent": 60}'
    script = f"mkdir -p '{folder}/x'; echo '{line}' >> '{folder}/x/events.jsonl'; sleep 2"
    task = {"ansible.builtin.shell": {"cmd": script, "chdir": str(tmp_path)}}
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    environment = {**os.environ, "HOME": str(tmp_path / "home")}
    environment["ANSIBLE_CALLBACKS_ENABLED"] = "hallmark.images.progress"
    command = ["ansible-playbook", "play.yml", *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert "[x] capture: image 50 %" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
