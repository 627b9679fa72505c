# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area journald without touching another, and how to undo it."""

from __future__ import annotations

#: The class of the check file that the machine's answer is read into.
FACTS = "Journal"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = ""
BREAKS: dict[str, tuple[str, str]] = {
    "x-log-01": (
        "printf '[Journal]\\nStorage=volatile\\n' >/etc/systemd/journald.conf.d/zz-test.conf",
        "rm /etc/systemd/journald.conf.d/zz-test.conf",
    ),
}
