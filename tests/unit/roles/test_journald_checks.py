# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area journald on made-up machines: it fails when the journal would be lost, grow, or go astray."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import role_value

AREA = Area("journald")
ID = "x-log-01"


def facts(texts=None, replace=()):
    """A hardened machine without rsyslog, more files, and parts of the answer replaced."""
    held = {
        item["path"]: item["content"]
        for item in role_value("journald", "__journald_files")
        if "content" in item and "rsyslog" not in item["path"]
    } | (texts or {})
    answer = "\n".join(f"==> {path} <==\n{text}" for path, text in held.items())
    answer += """
=programs
/usr/lib/systemd/systemd-journald
=journal
/var/log/journal/0123/system.journal
=machine
btime 2000
written 1000
/run/systemd/system
"""
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return AREA.module.Journal(answer)


LATE = "/etc/systemd/journald.conf.d/zz.conf"
VENDORS = "/usr/lib/systemd/journald.conf.d/syslog.conf"  # of Debian 13's systemd
RSYSLOG = ("systemd-journald\n", "systemd-journald\n/usr/sbin/rsyslogd\n")
GONE = ("/var/log/journal/0123/system.journal\n", "")


@pytest.mark.parametrize(
    ("texts", "replace", "outcome"),
    [
        ({}, [], "passed"),
        ({LATE: "[Journal]\nStorage=volatile\n"}, [], "failed"),
        ({LATE: "[Journal]\nCompress=no\n"}, [], "failed"),
        ({LATE: "[Journal]\nForwardToSyslog=yes\n"}, [], "failed"),
        ({LATE: "[Journal]\nForwardToSyslog=yes\n"}, [RSYSLOG], "passed"),
        ({}, [RSYSLOG], "passed"),
        ({VENDORS: "[Journal]\nForwardToSyslog=yes\n"}, [], "passed"),
        ({LATE: "[Journal]\nSystemMaxUse=\n"}, [], "failed"),
        ({"/etc/systemd/journald.conf": "[Journal]\nStorage=none\n"}, [], "passed"),
        ({"/run/systemd/journald.conf.d/zz-hallmark.conf": "[Journal]\nStorage=none\n"}, [], "passed"),
        ({}, [("SystemMaxUse=500M\n", "")], "failed"),
        ({}, [("ForwardToSyslog=no\n", "")], "failed"),
        ({}, [GONE], "failed"),
        ({}, [GONE, ("btime 2000", "btime 500")], "passed"),
        ({}, [GONE, ("/run/systemd/system", "/run/systemd/system\n/.dockerenv")], "passed"),
        ({}, [("/usr/lib/systemd/systemd-journald\n", "")], "not applicable"),
    ],
)
def test_the_journal(texts, replace, outcome):
    assert AREA.outcomes(facts(texts, replace)) == {ID: outcome}
    assert AREA.failing(facts(texts, replace)) == ({ID} if outcome == "failed" else set())


@pytest.mark.parametrize(
    ("forward", "states", "value"),
    [("auto", ["file"], "no"), ("yes", ["absent"], "yes"), ("no", ["absent"], "no")],
)
def test_passing_records_on(forward, states, value):
    files = role_value("journald", "__journald_files", journald_forward_to_syslog=forward)
    assert [item["state"] for item in files if "rsyslog" in item["path"]] == states
    assert f"ForwardToSyslog={value}\n" in files[1]["content"]


def test_where_there_is_rsyslog_its_file_has_the_last_word():
    files = {item["path"]: item["content"] for item in role_value("journald", "__journald_files") if "content" in item}
    rsyslog = next(path for path in files if "rsyslog" in path)
    assert max(files) == rsyslog  # systemd sorts by bytes
    assert "ForwardToSyslog=yes\n" in files[rsyslog]
    found = facts({rsyslog: files[rsyslog], VENDORS: "[Journal]\nForwardToSyslog=no\n"}, [RSYSLOG])
    assert found.setting("ForwardToSyslog") == "yes"
