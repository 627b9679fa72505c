# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs with credentials in them: what may be shown and recorded, and what may not."""

from __future__ import annotations

import re

_USER = re.compile(r"""(?<=://)[^/?#\s"']*@""")
_QUERY = re.compile(r"""(?<=://)([^?#\s"']*)(\?[^#\s"']+)""")  # signed URLs have their key there


def without_credentials(text: str) -> str:
    """A text, with the URLs in it deprived of user, password and query."""
    return _QUERY.sub(r"\1", _USER.sub("", text))


def credentials_in(url: str) -> list[str]:
    """The parts that C(without_credentials) takes away."""
    return _USER.findall(url) + [match[2] for match in _QUERY.finditer(url)]
