# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area console: what systemd does when Ctrl-Alt-Del is pressed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    files_in,
    marker,
    not_applicable,
    once,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import SYSTEMD, systemd_order

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
TARGET = "ctrl-alt-del.target"


def _command() -> str:
    files = [f"{folder}/{name}" for folder in SYSTEMD for name in ("system.conf", "system.conf.d/*.conf")]
    return f"""\
readlink /etc/systemd/system/{TARGET} 2>/dev/null
echo '=texts'; tail -v -n +1 {" ".join(files)} 2>/dev/null
echo; echo '=systemd'; ls -d /usr/lib/systemd/systemd /lib/systemd/systemd 2>/dev/null | head -n 1
systemctl show --property=LoadState {TARGET} 2>/dev/null
systemctl show --property=CtrlAltDelBurstAction 2>/dev/null
true"""


class Keys:
    """What the command told."""

    def __init__(self, text: str) -> None:
        link, texts, systemd = parts_of(text)
        self.link = link.strip() or "none"
        self.texts = files_in(texts)
        self.has_systemd = systemd.startswith("/")
        self.loaded = dict(re.findall(r"^(\w+)=(.*)$", systemd, re.MULTILINE))

    def burst_action(self) -> str:
        """Value in force of CtrlAltDelBurstAction at boot."""
        value = "reboot-force"  # systemd's own
        for path in systemd_order(self.texts, "system.conf"):
            for line in self.texts[path].splitlines():
                key, equals, held = line.partition("=")
                if equals and key.strip() == "CtrlAltDelBurstAction":
                    value = held.strip()
        return value


@pytest.fixture
def keys(host: Any) -> Keys:
    return once(host, "console", lambda: Keys(output_once(host, _command())))


@control("ds-ctrlaltdel-01")
def test_the_key_chord_does_not_reboot(keys: Keys) -> None:
    if not keys.has_systemd:
        not_applicable("there is no systemd")
    found = {TARGET: keys.link, "pressed many times": keys.burst_action(), **keys.loaded}
    expected = {TARGET: "/dev/null", "pressed many times": "none"}
    expected |= {key: {"LoadState": "masked"}.get(key, "none") for key in keys.loaded}
    assert found == expected
