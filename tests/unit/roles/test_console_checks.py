# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area console on made-up machines: it fails when Ctrl-Alt-Del would reboot, now or after a boot."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import role_value

CONSOLE = Area("console")
ID = "ds-ctrlaltdel-01"


def facts(texts=None, replace=()):
    """A machine with every switch of the role on, more files, and parts of the answer replaced."""
    held = {item["path"]: item["content"] for item in role_value("console", "__console_files")} | (texts or {})
    link = role_value("console", "__console_masks")[0]["target"]
    answer = f"{link}\n=texts\n" + "\n".join(f"==> {path} <==\n{text}" for path, text in held.items())
    answer += "\n=systemd\n/usr/lib/systemd/systemd\nLoadState=masked\nCtrlAltDelBurstAction=none\n"
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return CONSOLE.module.Keys(answer)


@pytest.mark.parametrize(
    ("texts", "replace", "outcome"),
    [
        ({}, [], "passed"),
        ({}, [("/dev/null\n", "")], "failed"),
        ({}, [("/dev/null", "/lib/systemd/system/poweroff.target")], "failed"),
        ({}, [("LoadState=masked", "LoadState=loaded")], "failed"),
        ({}, [("LoadState=masked\nCtrlAltDelBurstAction=none\n", "")], "passed"),
        ({}, [("systemd\nLoadState=masked\nCtrlAltDelBurstAction=none", "systemd\nLoadState=masked")], "passed"),
        ({}, [("masked\nCtrlAltDelBurstAction=none", "masked\nCtrlAltDelBurstAction=reboot-force")], "failed"),
        ({}, [("[Manager]\nCtrlAltDelBurstAction=none\n", "")], "failed"),
        ({"/etc/systemd/system.conf": "#CtrlAltDelBurstAction=reboot\nCtrlAltDelBurstAction=reboot\n"}, [], "passed"),
        ({"/etc/systemd/system.conf.d/zz.conf": "[Manager]\nCtrlAltDelBurstAction=reboot\n"}, [], "failed"),
        ({"/run/systemd/system.conf.d/zz.conf": "[Manager]\nCtrlAltDelBurstAction=reboot\n"}, [], "failed"),
        ({"/usr/lib/systemd/system.conf.d/zz-hallmark-console.conf": "CtrlAltDelBurstAction=reboot\n"}, [], "passed"),
        ({}, [("=systemd\n/usr/lib/systemd/systemd\n", "=systemd\n")], "not applicable"),
    ],
)
def test_the_key_chord(texts, replace, outcome):
    assert CONSOLE.outcomes(facts(texts, replace)) == {ID: outcome}
    assert CONSOLE.failing(facts(texts, replace)) == set()  # off by default


def test_switches():
    item = role_value("console", "__console_files", console_ctrl_alt_del_burst_action="")[0]
    assert item["state"] == "absent"
    assert role_value("console", "console_mask_ctrl_alt_del") is False
