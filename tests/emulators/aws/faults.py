# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of AWS."""

from __future__ import annotations

from emulators.common import faults


class Fault(faults.Fault):
    """What goes wrong, and when; the errors are what AWS documents as common errors of EC2's API."""

    ANSWERS = {
        "throttle": (503, "RequestLimitExceeded", "Request limit exceeded."),
        "internal": (500, "InternalError", "An internal error has occurred"),
        "unavailable": (503, "Unavailable", "The service is unavailable. Please try again shortly."),
        "error": (400, "", ""),
    }
