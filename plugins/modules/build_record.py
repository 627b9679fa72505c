#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: build_record
short_description: Write the manifest of a build and show its summary
version_added: 0.1.0
description:
  - Puts together what the stages of a build have left in its evidence folder (events, check results, descriptions of
    the guests) with what it is given, writes C(manifest.json), adds the reports to C(SHA256SUMS), and shows a summary.
  - It is written for a failed build as well, and then says why the build failed.
author: Contributors to the hallmark.images project (@hallmark)
options:
  build_id:
    description: The build.
    type: str
    required: true
  definition:
    description: The definition that was built, as the inventory plugin describes it, with its digest.
    type: dict
    required: true
  sections:
    description:
      - The definition's sections. User data and the values of hardening variables do not get into the manifest, only
        the digest of the former and the names of the latter.
    type: dict
    default: {}
  evidence_dir:
    description: The evidence folder of the build.
    type: path
    required: true
  source:
    description: The source image, as its module returned it.
    type: dict
    default: {}
  images:
    description: The images that were published.
    type: list
    elements: dict
    default: []
  problem:
    description: Why the build failed; empty when it did not.
    type: str
    default: ""
attributes:
  action:
    description: Runs on the controller only.
    support: full
  check_mode:
    description: Can run in C(check_mode) and return what it would change, without changing it.
    support: full
  diff_mode:
    description: Returns what changed, or would change, in diff mode.
    support: none
"""

EXAMPLES = r"""
- name: Record a build
  hallmark.images.build_record:
    build_id: "{{ build_id }}"
    definition: "{{ build_definition }}"
    evidence_dir: "{{ build_evidence }}"
    images: "{{ build_published.images }}"
"""

RETURN = r"""
manifest:
  description: Path of the manifest.
  returned: success, not in check mode
  type: str
"""
