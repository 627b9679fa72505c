# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every C(<platform>_image) module has in common (plugins/module_utils/build/run_image.py)."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - With V(present), the machine is shut down if it runs, and its image exists.
      - With V(absent), the image is removed.
    type: str
    choices: [present, absent]
    default: present
  build_id:
    description: The build that the machine belongs to.
    type: str
    required: true
  machine:
    description: Which machine of the build.
    type: str
    default: builder
  name:
    description: The image's name.
    type: str
    required: true
  publish:
    description:
      - Whether others may find the image. With V(false) it is captured only, and removed when the build is torn down;
        a second call with V(true) publishes it.
    type: bool
    default: true
  timeout:
    description: Seconds that capture, or publication, may take.
    type: int
    default: 1800
  stage:
    description: The stage of the build that events are written for. V(capture) or V(publish) when missing.
    type: str
  events_file:
    description: Append events (start, end, progress) to this file of JSON lines.
    type: path
"""
