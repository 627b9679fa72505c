# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of RPC calls, version 1.0."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote


def encode(text: str) -> str:
    """Percent-encoding as RFC 3986 has it: all but letters, digits and ``-_.~``."""
    return quote(text, safe="-_.~")


def string_to_sign(method: str, params: dict[str, str]) -> str:
    """What a call's signature is made of: its method and all parameters but the signature, sorted by name."""
    pairs = sorted((name, value) for name, value in params.items() if name != "Signature")
    query = "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs)
    return f"{method}&{encode('/')}&{encode(query)}"


def signature(secret: str, text: str) -> str:
    """The signature of a string."""
    return base64.b64encode(hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()).decode()
