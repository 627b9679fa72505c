# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area rsyslog: permissions of log files to come, and whether records leave the machine."""

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

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
MODE = r"""(?:^\s*\$FileCreateMode\s+|\bfileCreateMode\s*=\s*["']?)(0?[0-7]{3,4})"""


def _command() -> str:
    return """\
tail -v -n +1 /etc/rsyslog.conf /etc/rsyslog.d/*.conf /etc/systemd/journal-upload.conf \\
  /etc/systemd/journal-upload.conf.d/*.conf 2>/dev/null
echo; echo '=programs'; ls -d /usr/sbin/rsyslogd 2>/dev/null
ls -d /etc/systemd/system/*.wants/systemd-journal-upload.service 2>/dev/null
true"""


class Syslog:
    """What the command told."""

    def __init__(self, text: str) -> None:
        texts, programs = parts_of(text)
        self.texts = {
            path: "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
            for path, text in files_in(texts).items()
        }
        self.is_installed = "rsyslogd" in programs
        self.uploads = "journal-upload" in programs

    def modes(self) -> dict[str, list[str]]:
        """Modes that files set, in the order in which they are read, from the drop-ins on."""
        main = self.texts.get("/etc/rsyslog.conf", "")
        include = re.search(r"^\s*(\$IncludeConfig|include\().*", main, re.MULTILINE)
        found = {path: text for path, text in sorted(self.texts.items()) if path.startswith("/etc/rsyslog.d/")}
        # What stands before the drop-ins they say anew.
        found["/etc/rsyslog.conf"] = main[include.end() :] if include else main
        held = {path: re.findall(MODE, text, re.IGNORECASE | re.MULTILINE) for path, text in found.items()}
        return {path: modes for path, modes in held.items() if modes}

    def targets(self) -> list[str]:
        """Where records are sent."""
        # Rules that nothing reads send nothing.
        files = [path for path in self.texts if path.startswith("/etc/rsyslog")] if self.is_installed else []
        rules = "\n".join(self.texts[path] for path in files)
        found = re.findall(r"^[^\"'\n]*\s(@@?[\w\[(][^\s]*)", rules, re.MULTILINE)
        for action in re.findall(r"action\((.*?)\)", rules, re.DOTALL | re.IGNORECASE):
            if re.search(r'type\s*=\s*"om(fwd|relp)"', action, re.IGNORECASE):
                found += re.findall(r'\btarget\s*=\s*"([^"]+)"', action, re.IGNORECASE)
        if self.uploads:
            uploads = "\n".join(text for path, text in self.texts.items() if "journal-upload" in path)
            found += re.findall(r"^URL=(\S+)", uploads, re.MULTILINE)
        return found


@pytest.fixture
def syslog(host: Any) -> Syslog:
    return once(host, "rsyslog", lambda: Syslog(output_once(host, _command())))


@control("x-log-02")
def test_log_files_are_private(syslog: Syslog) -> None:
    if not syslog.is_installed:
        not_applicable("rsyslog is not installed")
    modes = syslog.modes()
    first = [mode for path, held in modes.items() if path.startswith("/etc/rsyslog.d/00-") for mode in held]
    loose = {path: held for path, held in modes.items() if any(int(mode, 8) & ~0o640 for mode in held)}
    assert {"set first of all": first[-1:], "looser": loose} == {"set first of all": ["0640"], "looser": {}}


@control("x-log-03")
def test_records_leave_the_machine(syslog: Syslog) -> None:
    assert syslog.targets() != []
