# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""User data: the user's own, with a timer that ends the machine at its deadline whatever became of its build."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.hallmark.images.plugins.module_utils.build.userdata import CONFIG, combine

MOST_BYTES = 16384  # of raw user data (EC2 user guide)
# A boothook runs first of all, at every boot. Powering off means terminating: that is how the machine is launched.
# A timer of systemd would not do: it starts after sysinit.target, which waits for cloud-init, which waits for this
# script and for all that hold its output open.
TIMER = """#cloud-boothook
#!/bin/sh
left=$(( {deadline} - $(date +%s) ))
(sleep "$(( left > 0 ? left : 0 ))"; poweroff) </dev/null >/dev/null 2>&1 &
"""


def compose(own: str, expires: str) -> bytes:
    """What a machine gets as user data.

    :param own: the user's own, in any format that cloud-init knows; empty for none.
    :param expires: when the machine ends itself, ISO 8601.
    :raises HallmarkError: when its format is none of cloud-init's, or it is too large.
    """
    timer = TIMER.format(deadline=int(datetime.fromisoformat(expires).timestamp()))
    return combine([timer, CONFIG], own, MOST_BYTES)
