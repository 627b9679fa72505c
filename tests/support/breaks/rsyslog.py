# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area rsyslog without touching another, and how to undo it."""

from __future__ import annotations

#: The class of the check file that the machine's answer is read into.
FACTS = "Syslog"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = {"x-log-02"}  # rsyslog is not installed
#: What is run on the hardened machine first.
PREPARE = ""
BREAKS: dict[str, tuple[str, str]] = {
    # A machine that has rsyslog keeps it.
    "x-log-02": (
        "[ -e /usr/sbin/rsyslogd ] || touch /usr/sbin/rsyslogd /root/no-rsyslog; mkdir -p /etc/rsyslog.d; "
        "echo '$FileCreateMode 0644' >/etc/rsyslog.d/zz-test.conf",
        "rm /etc/rsyslog.d/zz-test.conf; [ ! -e /root/no-rsyslog ] || rm /usr/sbin/rsyslogd /root/no-rsyslog",
    ),
}
