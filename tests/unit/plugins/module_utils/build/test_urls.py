# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs lose their credentials before they are shown or recorded."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.urls import credentials_in, without_credentials


@pytest.mark.parametrize(
    ("text", "expected", "taken"),
    [
        ("https://host/a.qcow2", "https://host/a.qcow2", []),
        ("https://me:canary@host:8443/a", "https://host:8443/a", ["me:canary@"]),
        ("https://me:c@nary@host/a", "https://host/a", ["me:c@nary@"]),
        ("https://host/a@b.qcow2", "https://host/a@b.qcow2", []),
        ("https://host/a?sig=canary&x=1#part", "https://host/a#part", ["?sig=canary&x=1"]),
        ("'https://me:canary@host/a?b=c' is no address", "'https://host/a' is no address", ["me:canary@", "?b=c"]),
        ("is it? a@b", "is it? a@b", []),
    ],
)
def test_credentials_go_and_the_rest_stays(text, expected, taken):
    assert without_credentials(text) == expected
    assert credentials_in(text) == taken
