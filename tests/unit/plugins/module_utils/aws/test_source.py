# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.aws.source import summary

IMAGE = "ami-0123456789abcdef0"


def test_owner_and_tags_of_a_source_image_can_be_spoken_of():
    found = summary({"ImageId": IMAGE, "ImageOwnerAlias": "amazon", "Tags": [{"Key": "team", "Value": "platform"}]})
    assert (found["owner_alias"], found["tags"]) == ("amazon", {"team": "platform"})


def test_a_source_image_that_tells_neither_has_them_empty():
    found = summary({"ImageId": IMAGE})
    assert (found["owner_alias"], found["tags"]) == ("", {})
