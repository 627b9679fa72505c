# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area banner: what is shown at logins warns and does not name the system."""

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
from ansible_collections.hallmark.images.plugins.module_utils.hardening.banners import escapes, names_of_system

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
BANNERS, MOTD = ("/etc/issue", "/etc/issue.net"), "/etc/motd"
# What makes a text a warning: who may use the system, and that it is watched.
WARNING = (r"authori[sz]ed", r"monitor|audit|record|log(ged|s)\b")


def _command() -> str:
    paths = " ".join((*BANNERS, MOTD))
    return f"""\
stat -L -c '%n %U %G %04a' {paths} 2>/dev/null
echo '=texts'; tail -v -n +1 {paths} 2>/dev/null
echo; echo '=release'; cat /etc/os-release
true"""


class Banners:
    """What the command told."""

    def __init__(self, text: str) -> None:
        attributes, texts, self.release = parts_of(text)
        self.attributes = dict(line.split(" ", 1) for line in attributes.splitlines())
        self.texts = files_in(texts)

    def told(self, path: str) -> list[str]:
        """What a file tells about the system."""
        text = self.texts.get(path, "")
        return names_of_system(text, self.release) + (escapes(text) if path in BANNERS else [])


@pytest.fixture
def banners(host: Any) -> Banners:
    return once(host, "banner", lambda: Banners(output_once(host, _command())))


@control("x-banner-01")
def test_banners_warn_and_name_no_system(banners: Banners) -> None:
    # A machine without a message of the day tells nothing by it.
    paths = [*BANNERS, *([MOTD] if MOTD in banners.attributes else [])]
    held = {path: banners.attributes.get(path, "absent") for path in paths}
    assert held == dict.fromkeys(paths, "root root 0644")
    told = {path: banners.told(path) for path in paths if banners.told(path)}
    assert told == {}
    texts = {path: banners.texts[path].lower() for path in BANNERS}
    mild = [path for path, text in texts.items() if not all(re.search(word, text) for word in WARNING)]
    assert mild == []
