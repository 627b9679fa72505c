#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: harden
short_description: Take many hardening steps in one call
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Runs steps, each of them one of this collection's hardening modules with its options, in one process on the
    machine. Starting Python there is most of what a module call costs.
  - Packages that a step reports as missing are installed, without those that they merely recommend, and those that it
    reports as unwanted are removed, by the system's package manager; then the steps of that area are taken again. A run
    that finds all in order is one module call.
  - Options of all steps are checked before the first is taken.
options:
  steps:
    description:
      - The steps, in order. Each is a dictionary with the name of a module, such as C(config_files), whose value is
        that module's options, and perhaps a key C(when), a boolean, that says whether to take the step.
      - Modules that can be steps are M(hallmark.images.account_policy), M(hallmark.images.api_mounts),
        M(hallmark.images.apparmor_profiles), M(hallmark.images.audit_rules), M(hallmark.images.config_files),
        M(hallmark.images.console_login), M(hallmark.images.cron_access), M(hallmark.images.data_disks),
        M(hallmark.images.home_sweep), M(hallmark.images.kernel_command_line), M(hallmark.images.login_banners),
        M(hallmark.images.login_defs), M(hallmark.images.modprobe_block), M(hallmark.images.mount_options),
        M(hallmark.images.needed_packages), M(hallmark.images.package_policy), M(hallmark.images.pam_stack),
        M(hallmark.images.permission_sweep), M(hallmark.images.repo_policy), M(hallmark.images.search_path),
        M(hallmark.images.selinux_config), M(hallmark.images.set_id_files), M(hallmark.images.sshd_settings),
        M(hallmark.images.sudo_defaults), M(hallmark.images.sysctl_set), M(hallmark.images.time_client) and
        M(hallmark.images.ufw_defaults).
    type: list
    elements: dict
    default: []
  areas:
    description:
      - Hardening areas of this collection whose steps to take, after those of O(steps), in the order given. An area is
        a role of the same name; its defaults and your variables count as they do when you run the role.
    type: list
    elements: str
    default: []
  packages_of:
    description:
      - Areas of which nothing is done but to install, together with what O(areas) and O(steps) need, the packages that
        they will need. Installing many packages at once takes little more time than installing one.
    type: list
    elements: str
    default: []
  validate_only:
    description: Check the variables of O(areas) against what their roles declare, and do nothing on the machine.
    type: bool
    default: false
  root:
    description: Top of the tree to work on, for all steps that name none.
    type: path
    default: /
  secrets:
    description:
      - Values to keep out of logs and results. Those that the steps' modules declare as secret are always among them,
        so there is no need to set it.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Says what it would change, packages that it would install among it.
  diff_mode:
    support: full
    description: Shows the changed files.
"""

EXAMPLES = r"""
- name: Take two steps
  hallmark.images.harden:
    steps:
      - sysctl_set:
          settings:
            net.ipv4.ip_forward: 0
      - config_files:
          files:
            - path: /etc/modprobe.d/site.conf
              content: "install usb-storage /bin/true\n"
        when: "{{ block_usb | default(true) }}"
  become: true

- name: Harden two areas
  hallmark.images.harden:
    areas: [limits, login_defs]
  become: true
"""

RETURN = r"""
changes:
  description: What changed, one item per file, key or package.
  returned: always
  type: list
  elements: dict
  sample: [{area: limits, path: /etc/security/limits.d/99-site.conf, key: content, before: absent, after: written}]
results:
  description: For each step taken its area (empty for a step of O(steps)), its module and what that module returned.
  returned: always
  type: list
  elements: dict
  sample: [{area: cron, module: cron_access, changed: true}]
missing_packages:
  description: Packages that lack. Not empty in check mode only.
  returned: always
  type: list
  elements: str
unwanted_packages:
  description: Packages to remove. Not empty in check mode only.
  returned: always
  type: list
  elements: str
waiting:
  description: Areas that wait for packages. Used between this module's two calls; empty at the end.
  returned: always
  type: list
  elements: str
package_manager:
  description: Manager of the system's packages, V(apt) or V(dnf), and whether it has lists less than an hour old.
  returned: always
  type: dict
  sample: {name: apt, fresh: false}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sequence import take_all


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "steps": {"type": "list", "elements": "dict", "default": []},
            "areas": {"type": "list", "elements": "str", "default": []},
            "packages_of": {"type": "list", "elements": "str", "default": []},
            "validate_only": {"type": "bool", "default": False},
            "root": {"type": "path", "default": "/"},
            "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**take_all(module, module.params["steps"], module.params["root"]))
    except HardeningError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
