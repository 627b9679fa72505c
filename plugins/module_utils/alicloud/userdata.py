# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.build.userdata import CONFIG, combine

#: Of raw user data (ECS user guide, "User data of an instance"). The machine's end is its release time's to bring.
MOST_BYTES = 32768


def compose(own: str) -> bytes:
    """What a machine gets as user data.

    :param own: the user's own, in any format that cloud-init knows; empty for none.
    :raises HallmarkError: when its format is none of cloud-init's, or it is too large.
    """
    return combine([CONFIG], own, MOST_BYTES)
