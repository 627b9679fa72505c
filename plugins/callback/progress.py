# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: aggregate
short_description: Shows how far the long stages of builds are
version_added: 0.1.0
description:
  - Follows the events that the modules of a build write and prints a line where a stage begins and where it has come
    a good deal further, while the task that does the work is still silent.
author: Contributors to the hallmark.images project (@hallmark)
requirements:
  - enable it with C(callbacks_enabled = hallmark.images.progress) in C(ansible.cfg)
options:
  step:
    description: Percent between two lines of the same stage.
    type: int
    default: 25
    env:
      - name: HALLMARK_PROGRESS_STEP
    ini:
      - section: hallmark
        key: progress_step
"""

import contextlib
import glob
import json
import os
import threading
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar

LOOK = 0.5  # s between two looks at the files
OUTPUT = "build"  # the default of build_output, of role build


class Follower:
    """Turns the lines that are added to event files into lines for a person.

    :param step: percent between two lines of the same stage.
    """

    def __init__(self, step: int) -> None:
        self.step = max(1, step)
        self._offsets: dict[str, int] = {}
        self._told: dict[tuple[str, str, str], int] = {}

    def skip(self, paths: list[str]) -> None:
        """What stands in these files is old."""
        for path in paths:
            self._offsets[path] = os.path.getsize(path)

    def read(self, path: str) -> list[str]:
        """The lines for what was added to a file since the last call."""
        with open(path, "rb") as handle:
            handle.seek(self._offsets.get(path, 0))
            data = handle.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offsets[path] = self._offsets.get(path, 0) + len(whole)
        build = os.path.basename(os.path.dirname(path))
        lines = []
        for line in whole.splitlines():
            with contextlib.suppress(ValueError):
                text = self.describe(build, json.loads(line))
                if text:
                    lines.append(text)
        return lines

    def describe(self, build: str, event: dict[str, Any]) -> str:
        """One event for a person, or an empty text where it says nothing new."""
        stage, percent = event.get("stage", ""), event.get("percent")
        if event.get("event") == "waiting":
            return f"[{build}] {stage}: {event.get('what', '')} {event.get('reason', '')}"
        if percent is None:
            return ""
        what = str(event.get("what", ""))
        reached = int(percent) // self.step * self.step
        key = (build, stage, what)
        if reached <= self._told.get(key, 0):
            return ""
        self._told[key] = reached
        return f"[{build}] {stage}: {what} {reached} %"


class CallbackModule(CallbackBase):
    """Prints progress from a thread of ansible-playbook's main process.

    :ivar patterns: where event files of this run's builds are.
    """

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "hallmark.images.progress"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Begin to follow."""
        self._over = threading.Event()
        self._follower = Follower(self.get_option("step"))
        self.patterns: list[str] = []
        self._add(OUTPUT)
        self._thread = threading.Thread(target=self._follow, daemon=True, name="hallmark-progress")
        self._thread.start()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Follow the builds of this play's hosts, wherever they write."""
        manager = play.get_variable_manager()
        for host in manager._inventory.get_hosts(play.hosts):
            variables = manager.get_vars(play=play, host=host, include_hostvars=False)
            # A template that cannot be rendered yet is no matter here: the role says what is wrong with it.
            with contextlib.suppress(AnsibleError):
                templar = Templar(loader=play.get_loader(), variables=variables)
                self._add(str(templar.template(variables.get("build_output", OUTPUT))))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Stop following."""
        self._over.set()
        self._thread.join(2)

    def _add(self, output: str) -> None:
        """Follow what is written in a folder; files that are there already belong to earlier builds."""
        folder = glob.escape(os.path.realpath(os.path.expanduser(output)))
        pattern = os.path.join(folder, "*", "events.jsonl")
        if pattern not in self.patterns:
            self._follower.skip(glob.glob(pattern))
            self.patterns.append(pattern)

    def _follow(self) -> None:
        while not self._over.wait(LOOK):
            for path in [path for pattern in list(self.patterns) for path in glob.glob(pattern)]:
                with contextlib.suppress(OSError):
                    for line in self._follower.read(path):
                        self._display.display(line)
