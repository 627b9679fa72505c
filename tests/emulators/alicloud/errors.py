# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of Alibaba Cloud's APIs.

Codes and messages are those of the error tables of the public API pages (ECS 2014-05-26, VPC 2016-04-28, STS
2015-04-01) unless the place that raises one says "from memory".
"""

from __future__ import annotations


class ApiError(Exception):
    """An error that a call is answered with."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message = status, code, message


def bad(name: str, why: str = "") -> ApiError:
    """A parameter has a value that it cannot have."""
    return ApiError(400, "InvalidParameter", f'The specified parameter "{name}" is not valid.{why and " " + why}')


def missing(name: str) -> ApiError:
    """A parameter that is needed was not given."""
    message = f'The input parameter "{name}" that is mandatory for processing this request is not supplied.'
    return ApiError(400, "MissingParameter", message)


def dry_run() -> ApiError:
    """All checks were passed, and the client wanted no more."""
    return ApiError(400, "DryRunOperation", "Request validation has been passed with DryRun flag set.")


def wrong_status(code: str = "IncorrectInstanceStatus") -> ApiError:
    """A thing is in a state that does not allow the operation."""
    return ApiError(403, code, "The current status of the resource does not support this operation.")
