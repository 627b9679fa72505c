# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of area path: the search paths that root really gets, and those that the system's files set."""

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
from ansible_collections.hallmark.images.plugins.module_utils.hardening.search_path import (
    FILES,
    bad_in,
    is_bad,
    kind_of,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
LOGIN = "a login shell"


def _command() -> str:
    places = [path for paths in FILES.values() for path in paths]
    files = [f"{path}*" if path.endswith("/") else path for path in places]
    files += [f"~root/.{name}" for name in ("profile", "bash_profile", "bash_login", "bashrc", "zshenv", "zprofile")]
    tell = """-c 'printf "%s: %s\\n" "$0" "$PATH"'"""
    return f"""\
su -l -s /bin/sh -c 'printf "{LOGIN}: %s\\n" "$PATH"' root </dev/null 2>/dev/null
su -l -c 'printf "a login of root: %s\\n" "$PATH"' root </dev/null 2>/dev/null
su -s /bin/sh -c 'printf "a session: %s\\n" "$PATH"' root </dev/null 2>/dev/null
bash -i {tell} 'an interactive bash' </dev/null 2>/dev/null
sudo -n /bin/sh {tell} sudo </dev/null 2>/dev/null
printf 'this connection: %s\\n' "$PATH"
systemctl show-environment 2>/dev/null | sed -n 's/^PATH=/services: /p'
echo '=texts'; tail -v -n +1 {" ".join(files)} 2>/dev/null
true"""


class Paths:
    """What the command told."""

    def __init__(self, text: str) -> None:
        shells, texts = parts_of(text)
        self.shells = dict(re.findall(r"^([a-z ]+): (.*)$", shells, re.MULTILINE))
        self.texts = files_in(texts)


@pytest.fixture
def paths(host: Any) -> Paths:
    return once(host, "path", lambda: Paths(output_once(host, _command())))


@control("os-04")
def test_no_current_directory_in_roots_search_path(paths: Paths) -> None:
    found = {name: path for name, path in paths.shells.items() if any(map(is_bad, path.split(":")))}
    found.update({LOGIN: "none"} if LOGIN not in paths.shells else {})
    for path, text in paths.texts.items():
        bad = bad_in(text, kind_of(path))
        found.update({path: bad} if bad else {})
    assert found == {}
