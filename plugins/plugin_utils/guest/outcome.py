# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Any

_COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")
# How ansible-playbook begins the line of an error that ends it before or between tasks.
_ERROR = re.compile(r"^(?:\[ERROR\]|ERROR!): *")
# What Ansible puts before the message of an exception; the stage and the task that we name say it already.
_PREFIX = re.compile(r"^(?:(?:Task|Action|Module) failed: )+")
# How the default callback begins the line that says how a task ended.
_STATUS = re.compile(r"^(?:fatal|failed|changed|ok|skipping|included): ")
_CENSORED = "the result is hidden (no_log)"


def one_line(text: Any) -> str:
    """A text without colours, its lines joined by blanks."""
    return " ".join(_COLOUR.sub("", str(text)).split())


def failure_text(result: dict[str, Any]) -> str:
    """What a failed task says about itself, in one line.

    The message of the task, with the last line of its error output (else output) where the message alone says nothing
    ("non-zero return code"); of a loop, the messages of the items that failed.

    :param result: the task's result as it stands in the event; a censored one stays censored.
    """
    if "censored" in result:
        return _CENSORED
    items = [item for item in result.get("results") or [] if isinstance(item, dict) and item.get("failed")]
    if items:
        texts = []
        for item in items:
            text = failure_text(item)
            texts.append(f"item {one_line(item['item'])}: {text}" if "item" in item else text)
        return "; ".join(texts)
    message = _PREFIX.sub("", one_line(result.get("msg") or ""))
    if message and not message.startswith("non-zero return code"):
        return message
    for key in ("stderr", "module_stderr", "stdout", "module_stdout"):
        lines = str(result.get(key) or "").strip().splitlines()
        if lines:
            detail = one_line(lines[-1])
            return f"{message} ({detail})" if message else detail
    return message or "it failed without a message"


def output_lines(event: dict[str, Any]) -> list[str]:
    """The lines of output of an event.

    Of a censored result only the status line and what follows: ansible-core 2.19 prints the message of a failed task
    before that line, no_log or not.
    """
    lines = (event.get("stdout") or "").splitlines()
    if "censored" not in ((event.get("event_data") or {}).get("res") or {}):
        return lines
    return list(dropwhile(lambda line: not _STATUS.match(_COLOUR.sub("", line)), lines))


@dataclass
class Outcome:
    """What is learned from the events of a run of ansible-playbook: seconds per stage, the failure, the statistics.

    A stage is a play; its name is the play's in lower case. Plays that match no host are none.

    :param on_stage: called as ``on_stage(stage, "start")`` and ``on_stage(stage, "end", seconds=…, ok=…)``.
    :param clock: seconds, monotonic.
    """

    on_stage: Callable[..., None] = lambda *args, **kwargs: None
    clock: Callable[[], float] = time.monotonic
    stage: str = ""
    stages: dict[str, float] = field(default_factory=dict)
    stats: dict[str, dict[str, int]] = field(default_factory=dict)
    stats_data: dict[str, Any] = field(default_factory=dict)
    unreachable: bool = False
    failure: str = ""
    error: str = ""
    _begun: float = 0.0
    _announced: bool = False
    _failed_here: bool = False

    def take(self, event: dict[str, Any]) -> None:
        """Learn from one event of ansible-runner."""
        kind = event.get("event")
        data = event.get("event_data") or {}
        if kind == "playbook_on_play_start":
            self.end_stage()
            self.stage = one_line(data.get("name") or data.get("play") or "").lower()
            self._begun = self.clock()
        elif kind == "playbook_on_no_hosts_matched":
            self.stage = ""
        elif kind in ("playbook_on_task_start", "playbook_on_handler_task_start"):
            self._announce()
        elif kind == "runner_on_unreachable":
            self._fail(data, unreachable=True)
        elif kind == "runner_on_failed" and not data.get("ignore_errors"):
            self._fail(data)
        elif kind == "playbook_on_stats":
            self.end_stage()
            self.stats = {
                name: value for name, value in data.items() if name != "artifact_data" and isinstance(value, dict)
            }
            self.stats_data = data.get("artifact_data") or {}
        elif kind in ("error", "verbose"):
            self._take_text(event.get("stdout") or "")

    def end_stage(self) -> None:
        """The stage that runs, if any, is over."""
        if self.stage and self._announced:
            seconds = round(self.clock() - self._begun, 3)
            self.stages[self.stage] = round(self.stages.get(self.stage, 0.0) + seconds, 3)
            self.on_stage(self.stage, "end", seconds=seconds, ok=not self._failed_here)
        self.stage, self._announced, self._failed_here = "", False, False

    def _announce(self) -> None:
        if self.stage and not self._announced:
            self._announced = True
            self.on_stage(self.stage, "start")

    def _fail(self, data: dict[str, Any], unreachable: bool = False) -> None:
        self._failed_here = True
        self.unreachable = unreachable
        result = data.get("res") or {}
        prefix = f"{self.stage}: " if self.stage else ""
        if unreachable:
            where = f" in stage {self.stage}" if self.stage else ""
            self.failure = f"{prefix}the guest went away (unreachable){where}: {failure_text(result)}"
        else:
            self.failure = f"{prefix}{one_line(data.get('task') or 'a task')}: {failure_text(result)}"

    def _take_text(self, text: str) -> None:
        """Keep the last error that belongs to no task, for example a playbook that cannot be read."""
        for line in text.splitlines():
            plain = _COLOUR.sub("", line).strip()
            if _ERROR.match(plain):
                self.error = _ERROR.sub("", plain)
            elif self.error and plain.startswith("Origin: ") and "(in " not in self.error:
                self.error += f" (in {plain.removeprefix('Origin: ')})"

    def message(self) -> str:
        """The one line that says why the run failed."""
        return self.failure or self.error or "ansible-playbook failed without naming a task; its output is above"
