# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area rsyslog on made-up machines: modes of log files in the order of reading, and where records go."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import role_value

AREA = Area("rsyslog")
MAIN = """module(load="imuxsock")
$FileOwner root
$FileCreateMode 0640
$IncludeConfig /etc/rsyslog.d/*.conf
*.*;auth,authpriv.none  -/var/log/syslog
# *.* @@old.example
"""


def facts(texts=None, installed=True, programs=""):
    """A hardened machine with rsyslog, and other files."""
    held = {"/etc/rsyslog.conf": MAIN}
    for item in role_value("rsyslog", "__rsyslog_files"):
        if item.get("state", "file") == "file":
            held[item["path"]] = item["content"]
    answer = "\n".join(f"==> {path} <==\n{text}" for path, text in (held | (texts or {})).items())
    answer += "\n=programs\n" + ("/usr/sbin/rsyslogd\n" if installed else "") + programs
    return AREA.module.Syslog(answer)


OURS = "/etc/rsyslog.d/00-hallmark.conf"


@pytest.mark.parametrize(
    ("texts", "outcome"),
    [
        ({}, "passed"),
        ({OURS: ""}, "failed"),
        ({OURS: "$FileCreateMode 0600\n"}, "failed"),
        ({"/etc/rsyslog.d/50.conf": "$FileCreateMode 0644\n"}, "failed"),
        ({"/etc/rsyslog.d/50.conf": "$FileCreateMode 0600\n"}, "passed"),
        ({"/etc/rsyslog.d/50.conf": "# $FileCreateMode 0644\n"}, "passed"),
        ({"/etc/rsyslog.d/50.conf": 'action(type="omfile" file="/x" fileCreateMode="0644")\n'}, "failed"),
        ({"/etc/rsyslog.conf": f"{MAIN}$FileCreateMode 0644\n"}, "failed"),
        ({"/etc/rsyslog.conf": f"$FileCreateMode 0644\n{MAIN}"}, "passed"),
    ],
)
def test_modes_of_log_files(texts, outcome):
    assert AREA.outcomes(facts(texts))["x-log-02"] == outcome


def test_without_rsyslog():
    assert AREA.outcomes(facts(installed=False)) == {"x-log-02": "not applicable", "x-log-03": "failed"}


@pytest.mark.parametrize(
    ("texts", "programs", "outcome"),
    [
        ({}, "", "failed"),
        ({"/etc/rsyslog.d/x.conf": "*.* @@logs.example:514\n"}, "", "passed"),
        ({"/etc/rsyslog.d/x.conf": "*.* @[::1]\n"}, "", "passed"),
        ({"/etc/rsyslog.d/x.conf": "# *.* @@logs.example\n"}, "", "failed"),
        ({"/etc/rsyslog.d/x.conf": 'action(type="omfile" target="x")\n'}, "", "failed"),
        ({"/etc/systemd/journal-upload.conf": "[Upload]\nURL=https://logs.example\n"}, "", "failed"),
        (
            {"/etc/systemd/journal-upload.conf": "[Upload]\nURL=https://logs.example\n"},
            "/etc/systemd/system/multi-user.target.wants/systemd-journal-upload.service\n",
            "passed",
        ),
    ],
)
def test_records_that_leave(texts, programs, outcome):
    assert AREA.outcomes(facts(texts, programs=programs))["x-log-03"] == outcome
    assert AREA.failing(facts(texts, programs=programs)) == set()  # off by default


def test_the_roles_own_target():
    files = role_value("rsyslog", "__rsyslog_files", rsyslog_remote_host="logs.example")
    assert files[1]["state"] == "file"
    assert facts({files[1]["path"]: files[1]["content"]}).targets() == ["logs.example"]
    assert role_value("rsyslog", "__rsyslog_files")[1]["state"] == "absent"
