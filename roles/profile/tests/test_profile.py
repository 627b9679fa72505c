# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area profile: the scripts that login shells read, and what such a shell has in the end."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    files_in,
    marker,
    once,
    output_once,
    parts_of,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
LONGEST = 900  # seconds: CIS; ANSSI asks for 600


def _command() -> str:
    # The soft limit is raised as far as it goes first: what the scripts leave is what they set.
    shell = "ulimit -S -c $(ulimit -H -c); . /etc/profile >/dev/null 2>&1; echo core $(ulimit -S -c); echo idle $TMOUT"
    return f"""\
stat -L -c '%n %U %G %a' /etc/profile.d/*.sh 2>/dev/null
echo '=texts'; tail -v -n +1 /etc/profile /etc/profile.d/*.sh 2>/dev/null
echo '=shell'; runuser -u nobody -- /bin/sh -c '{shell}' 2>/dev/null </dev/null
true"""


class Profile:
    """What the command told."""

    def __init__(self, text: str) -> None:
        attributes, texts, shell = parts_of(text)
        self.attributes = {line.split()[0]: line.split()[1:] for line in attributes.splitlines()}
        self.texts = files_in(texts)
        self.shell = dict(line.partition(" ")[::2] for line in shell.splitlines())

    def last(self, pattern: str) -> tuple[str, str]:
        """Value that `pattern` finds last in the order the scripts are read, and the script; comments do not count."""
        value, place = "not set", ""
        for path, text in self.texts.items():
            for line in text.splitlines():
                found = re.search(pattern, line.partition("#")[0])
                if found:
                    value, place = found[1], path
        return value, place


@pytest.fixture
def profile(host: Any) -> Profile:
    return once(host, "profile", lambda: Profile(output_once(host, _command())))


@control("ds-profile-01")
def test_shells_start_without_core_files(profile: Profile) -> None:
    value, path = profile.last(r"\bulimit\s+(?:-S\s+-c|-Sc|-c)\s+(\S+)")
    found = {"limit": value, "script": profile.attributes.get(path, "none"), "a shell": profile.shell.get("core")}
    assert found == {"limit": "0", "script": ["root", "root", "644"], "a shell": "0"}


@control("ds-profile-02")
def test_idle_shells_end(profile: Profile) -> None:
    value, path = profile.last(r"\bTMOUT=[\"']?(\d+)")
    found = {"time": value, "script": profile.attributes.get(path, "none"), "a shell": profile.shell.get("idle")}
    is_short = value.isdigit() and 0 < int(value) <= LONGEST
    wanted = value if is_short else str(LONGEST)
    assert found == {"time": wanted, "script": ["root", "root", "644"], "a shell": wanted}
