# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of one run: which files were given, which controls were chosen, which are done."""

from __future__ import annotations

import datetime
import os
import typing as t

from .controls import BaselineError, Check, Control, in_profile, read_controls
from .results import Outcome, Result, conclude
from .waivers import Waiver


class BaselineRun:
    """Decides what to run and what the outcomes mean; knows neither pytest nor the machine.

    :param profile: baseline, default or strict.
    :param waivers: checked waivers by control.
    :param today: the day against which waivers expire.
    """

    def __init__(self, profile: str, waivers: t.Mapping[str, Waiver], today: datetime.date) -> None:
        self.areas: set[str] = set()
        self.results: list[Result] = []
        self.on_result: t.Callable[[Result], None] = lambda dummy: None
        self._profile = profile
        self._waivers = waivers
        self._today = today
        self._area_of: dict[str, str | None] = {}
        self._name_of: dict[str, str] = {}
        self._controls: dict[str, Control] = {}
        self._checks: dict[str, list[Check]] = {}
        self._control_of: dict[str, str] = {}
        self._outcomes: dict[str, Outcome] = {}

    @property
    def files(self) -> t.Iterable[str]:
        """The test files, in order."""
        return self._area_of.keys()

    @property
    def selected(self) -> int:
        """The number of controls that were chosen."""
        return len(self._checks)

    def add_file(self, path: str, area: str | None, name: str) -> None:
        """Add a test file.

        :param area: the role it belongs to, None for a definition's own file.
        :param name: what to call it in messages and ids.
        """
        path = os.path.abspath(path)
        self._area_of[path] = area
        self._name_of[path] = name

    def select(self, tests: list[dict[str, t.Any]]) -> list[str]:
        """Choose among the collected tests; return the node ids to run.

        :raises BaselineError: a mark is wrong, a waiver names no control, or nothing is chosen.
        """
        controls, checks = read_controls(tests, self._area_of, self._name_of)
        for number, control in enumerate(self._waivers):
            if control not in controls:
                raise BaselineError(f"waivers[{number}].control: no check has a control {control!r}")
        for check in checks:
            control = controls[check.control]
            if (control.area is None or control.area in self.areas) and in_profile(control, self._profile):
                self._controls[control.id] = control
                self._checks.setdefault(control.id, []).append(check)
                self._control_of[check.nodeid] = control.id
        if not self._checks:
            raise BaselineError(f"no checks: profile {self._profile!r} chooses none of {len(controls)} controls")
        return list(self._control_of)

    def record(self, outcome: Outcome) -> None:
        """Take the outcome of a check; when it is its control's last one, the control is concluded."""
        self._outcomes[outcome.nodeid] = outcome
        control = self._control_of[outcome.nodeid]
        checks = self._checks[control]
        if all(check.nodeid in self._outcomes for check in checks):
            waiver = self._waivers.get(control)
            result = conclude(self._controls[control], checks, self._outcomes, waiver, self._today)
            self.results.append(result)
            self.on_result(result)

    def finish(self) -> None:
        """Make sure that every chosen control was really checked.

        :raises BaselineError: some were not.
        """
        done = {result.control.id for result in self.results}
        missing = [control for control in self._checks if control not in done]
        if missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise BaselineError(f"not checked to the end: {', '.join(missing[:5])}{more}")
