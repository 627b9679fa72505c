# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os


class HallmarkError(Exception):
    """What a user can meet and do something about. Its text is the one line that the user reads.

    Raised anywhere below a module or plugin, and turned into a failed result in one place per entry point.

    :param message: what is wrong, naming the file, key and value where there are any.
    :param hint: what would be right; appended to the message.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(f"{message}: {hint}" if hint else message)
        self.hint = hint


def system_error(error: OSError) -> str:
    """What the operating system refused, as one line: the file, where it tells one, and the reason."""
    reason = error.strerror or str(error)
    return f"{os.fsdecode(error.filename)}: {reason}" if isinstance(error.filename, str | bytes) else reason


class Abandoned(HallmarkError):
    """The controller is gone, or somebody else (the janitor, a reaper) has begun to tear this build down: stop and
    create nothing more."""


class Throttled(HallmarkError):
    """The platform asks to be polled less often.

    :param retry_after: seconds it wants to be left alone, or None where it does not say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ApiError(HallmarkError):
    """A call that a cloud's API refused; each platform tells which of its codes mean what.

    :ivar code: the API's error code; empty when there was no answer at all.
    :ivar refused: whether it is certain that the call had no effect: the API said no, and no answer of a try before
        was lost.
    """

    def __init__(self, message: str, code: str = "", hint: str | None = None, refused: bool = False) -> None:
        super().__init__(message, hint)
        self.code = code
        self.refused = refused

    @property
    def gone(self) -> bool:
        """Whether the thing that the call was about does not exist."""
        return False

    @property
    def denied(self) -> bool:
        """Whether the credentials do not allow the call."""
        return False

    @property
    def busy(self) -> bool:
        """Whether the same call may succeed when something else has ended."""
        return False

    @property
    def taken(self) -> bool:
        """Whether there is something of that name already."""
        return False

    @property
    def early(self) -> bool:
        """Whether it may be said because something was made a moment ago and does not show everywhere yet."""
        return self.gone
