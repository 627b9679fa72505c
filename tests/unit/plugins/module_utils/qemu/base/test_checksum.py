# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.checksum import (
    Checksum,
    digests,
    parse_checksum,
)


def test_both_algorithms_and_either_case():
    assert parse_checksum("sha256:" + "ab" * 32) == Checksum("sha256", "ab" * 32)
    assert parse_checksum(" SHA512:" + "AB" * 64 + "\n") == Checksum("sha512", "ab" * 64)
    assert str(parse_checksum("sha256:" + "AB" * 32)) == "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no known algorithm"),
        ("ab" * 32, "has no known algorithm"),
        ("md5:" + "ab" * 16, "has no known algorithm"),
        ("sha256:" + "ab" * 31, "has 62 digits"),
        ("sha512:" + "ab" * 32, "has 64 digits"),
        ("sha256:", "has 0 digits"),
        ("sha256:" + "xy" * 32, "has characters that are no hexadecimal digits"),
        ("sha256:https://example.org/SHA256SUMS", "has characters that are no hexadecimal digits"),
    ],
)
def test_what_is_no_checksum_is_named(text, message):
    with pytest.raises(HallmarkError, match=f"checksum: .*{message}: sha256:<64 hexadecimal digits> or") as caught:
        parse_checksum(text)
    assert repr(text) in str(caught.value)


def test_digests_of_a_file_are_told_with_progress(tmp_path):
    content = b"x" * (9 << 20)
    path = tmp_path / "file"
    path.write_bytes(content)
    told = []
    found = digests(path, "sha256", "sha512", progress=told.append)
    assert found == {"sha256": hashlib.sha256(content).hexdigest(), "sha512": hashlib.sha512(content).hexdigest()}
    assert told == [4 << 20, 8 << 20, 9 << 20]
