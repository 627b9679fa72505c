# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of Alibaba Cloud."""

from __future__ import annotations

from emulators.common import faults


class Fault(faults.Fault):
    """What goes wrong, and when; the errors are those that Alibaba Cloud documents for all of its APIs."""

    ANSWERS = {
        "throttle": (400, "Throttling.User", "Request was denied due to user flow control."),
        "internal": (500, "InternalError", "The request processing has failed due to some unknown error."),
        "unavailable": (503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
        "error": (400, "", ""),
    }
