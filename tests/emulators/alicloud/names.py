# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECS and VPC take as names and descriptions."""

from __future__ import annotations

from emulators.alicloud.errors import ApiError

ADDRESSES = ("http://", "https://")


def check_name(parameter: str, text: str, code: str = "") -> None:
    """Refuse what ECS refuses as a name of an instance, a disk or a security group.

    :param code: of the error, where it has not the parameter's name.
    """
    signs = text.translate(str.maketrans("", "", ".:_-"))
    if text and (not 2 <= len(text) <= 128 or not text[0].isalpha() or not signs.isalnum()):
        raise _malformed(parameter, code)


def check_network_name(parameter: str, text: str) -> None:
    """Refuse what VPC refuses as a name."""
    if text and (not 1 <= len(text) <= 128 or text.startswith(ADDRESSES)):
        raise _malformed(parameter)


def check_description(parameter: str, text: str, code: str = "") -> None:
    """Refuse what ECS refuses as a description."""
    if text and (not 2 <= len(text) <= 256 or text.startswith(ADDRESSES)):
        raise _malformed(parameter, code)


def _malformed(parameter: str, code: str = "") -> ApiError:
    message = f'The specified parameter "{parameter}" is not valid.'
    return ApiError(400, f"Invalid{code or parameter}.Malformed", message)
