# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.aws import tags
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError


def test_tags_of_a_build_can_be_shown_in_the_metadata():
    tags.check_for_metadata(tags.build_tags("b", "web", "2026-01-01T00:00:00+00:00", {"team": "platform"}))


@pytest.mark.parametrize("name", ["cost centre", "a/b", "..", "_index"])
def test_what_the_metadata_cannot_show_is_told(name):
    with pytest.raises(HallmarkError, match="with imds_tags"):
        tags.check_for_metadata({name: "x"})
