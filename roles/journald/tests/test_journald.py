# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of area journald: its settings, last word counting, and whether a journal is on the disk."""

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


def _command() -> str:
    return f"""\
tail -v -n +1 {" ".join(f"{folder}/journald.conf {folder}/journald.conf.d/*.conf" for folder in SYSTEMD)} 2>/dev/null
echo; echo '=programs'; ls -d /usr/lib/systemd/systemd-journald /lib/systemd/systemd-journald \\
  /usr/sbin/rsyslogd 2>/dev/null
echo '=journal'; ls -d /var/log/journal/$(cat /etc/machine-id)/*.journal 2>/dev/null
echo '=machine'; echo "btime $(awk '$1 == "btime" {{print $2}}' /proc/stat)"
echo "written $(stat -c %Y /etc/systemd/journald.conf /etc/systemd/journald.conf.d/*.conf 2>/dev/null | sort -n |
  tail -n 1)"
ls -d /run/systemd/system /run/systemd/container /.dockerenv /run/.containerenv 2>/dev/null
true"""


class Journal:
    """What the command told."""

    def __init__(self, text: str) -> None:
        texts, programs, journal, machine = parts_of(text)
        self.texts = files_in(texts)
        self.has_journald, self.has_rsyslog = "journald" in programs, "rsyslogd" in programs
        self.is_on_disk = bool(journal.strip())
        told = {line.partition(" ")[0]: line.partition(" ")[2] for line in machine.splitlines()}
        is_container = any(mark in told for mark in ("/run/systemd/container", "/.dockerenv", "/run/.containerenv"))
        # journald reads its settings when it starts.
        is_booted = int(told["btime"] or 0) > int(told["written"] or 0)
        self.shows = "/run/systemd/system" in told and not is_container and is_booted

    def setting(self, key: str) -> str:
        """Value in force of `key`."""
        value = "not set"
        for path in systemd_order(self.texts, "journald.conf"):
            for line in self.texts[path].splitlines():
                name, equals, held = line.partition("=")
                if equals and name.strip() == key:
                    value = held.strip() or "not set"
        return value


@pytest.fixture
def journal(host: Any) -> Journal:
    return once(host, "journald", lambda: Journal(output_once(host, _command())))


@control("x-log-01")
def test_the_journal_is_kept_and_bounded(journal: Journal) -> None:
    if not journal.has_journald:
        not_applicable("there is no journald")
    found: dict[str, Any] = {
        key: journal.setting(key) for key in ("Storage", "Compress", "ForwardToSyslog", "SystemMaxUse")
    }
    is_size = bool(re.fullmatch(r"[1-9]\d*[KMGT]?", found["SystemMaxUse"]))
    expected = {"Storage": "persistent", "Compress": "yes", "ForwardToSyslog": "no", "SystemMaxUse": "a size"}
    if is_size:
        expected["SystemMaxUse"] = found["SystemMaxUse"]
    if journal.has_rsyslog and found["ForwardToSyslog"] == "yes":
        expected["ForwardToSyslog"] = "yes"
    if journal.shows:
        found["a journal on the disk"], expected["a journal on the disk"] = journal.is_on_disk, True
    assert found == expected
