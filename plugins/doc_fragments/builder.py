# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every C(<platform>_builder) module has in common (plugins/module_utils/build/run_builder.py)."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - With V(present), the machine and all it needs exist and the guest is ready.
      - With V(absent), they are removed from the ledger of the build, whatever state they are in.
      - With V(kept), what is there of O(build_id) stays until it expires, although its playbook ends.
    type: str
    choices: [present, absent, kept]
    default: present
  build_id:
    description:
      - The build that the machine belongs to, for example V(20261123t171452-k3f9q2).
      - A new one is made when it is missing and O(state=present).
    type: str
  name:
    description:
      - Which machine of the build.
      - The default is V(builder) with O(state=present). With O(state=absent) and no name, the whole build is torn
        down and nothing more can be created in it.
    type: str
  definition:
    description: The definition that is built, for the ledger and the tags.
    type: str
    default: ""
  lifetime:
    description:
      - With V(controller), a janitor process tears the build down when the C(ansible-playbook) that created it ends
        without having done so, however it ends.
      - With V(deadline), the machine outlives its playbook and goes only at O(expires_after), or with O(state=absent).
    type: str
    choices: [controller, deadline]
    default: controller
  expires_after:
    description:
      - Minutes after which the machine ends itself and the play C(hallmark.images.reap) removes the rest.
      - From 1 to 10080, a week.
    type: int
    default: 180
  wait:
    description:
      - Whether to wait until the guest is ready. A later call with V(true) waits for what this one started, so that
        several machines boot at once.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that the machine may take until its guest is ready, or that its removal may take.
      - A guest that will never be ready is mostly recognised earlier; without KVM, on a busy computer, one may well
        need some minutes.
    type: int
    default: 900
  on_error:
    description: Whether a machine whose guest does not become ready is removed or kept for a look at it.
    type: str
    choices: [cleanup, keep]
    default: cleanup
  leave:
    description:
      - With O(state=absent), kinds of resources to leave for a later call, for example V(key).
    type: list
    elements: str
    default: []
  stage:
    description: The stage of the build that events are written for.
    type: str
    default: launch
  events_file:
    description: Append events (start, end, progress) to this file of JSON lines.
    type: path
"""
