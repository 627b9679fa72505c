#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PAM stacks of a system and their settings, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pam_stack
short_description: Lock-out, password rules and history in the PAM stacks
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Brings the PAM stacks that all services share, and the settings of their modules, to a state in one call.
  - On Debian and Ubuntu it adds profiles to C(/usr/share/pam-configs) and writes the common files and the memory of
    pam-auth-update exactly as that tool would, so upgrades and later runs of the tool keep the state.
  - On RPM systems it makes a custom profile of authselect and selects it, or edits C(system-auth) and C(password-auth)
    where authselect is not in use.
  - A stack is walked through as libpam does it before it is written. When the new one would refuse the right password,
    accept a wrong one or name a module that is not installed, nothing is written.
  - Packages are not installed; those that lack are returned. On Debian a package puts its own profile into the stacks.
options:
  faillock:
    description: Lock accounts after repeated failed logins. When false, the lines are taken out.
    type: bool
    default: true
  faillock_settings:
    description:
      - Settings of C(/etc/security/faillock.conf). True is a flag, false or null unsets the key.
      - Options in the stacks that contradict them, which would count, are taken out.
    type: dict
    default: {}
  quality:
    description: Which module checks the strength of new passwords; V(passwdqc) is for Debian and Ubuntu.
    type: str
    choices: [pwquality, passwdqc, none]
    default: pwquality
  pwquality_settings:
    description:
      - Settings of libpwquality. True is a flag, false or null unsets the key.
      - Options in the stacks that contradict them, which would count, are taken out.
    type: dict
    default: {}
  pwquality_file:
    description: The drop-in that holds them. C(/etc/security/pwquality.conf), which is read after it, is told the same.
    type: path
    default: /etc/security/pwquality.conf.d/zz-hallmark.conf
  passwdqc_options:
    description: Options of pam_passwdqc, when O(quality=passwdqc).
    type: str
    default: min=disabled,disabled,16,12,8
  remember:
    description: How many old passwords are refused; 0 takes the lines out.
    type: int
    default: 24
  nullok:
    description: Whether blank passwords may be used where the system allows them.
    type: bool
    default: false
  no_pass_expiry:
    description: Whether logins by key go on when the password has expired.
    type: bool
    default: true
  hash:
    description: Hash of new passwords that PAM makes; V(auto) keeps the system's choice.
    type: str
    choices: [auto, yescrypt, sha512]
    default: auto
  rounds:
    description: Rounds of SHA hashes on RPM systems; 0 leaves them to the system.
    type: int
    default: 640000
  yescrypt_cost:
    description:
      - Cost of yescrypt hashes on Debian and Ubuntu, from 3 to 11; 0 leaves it to the system, which takes 5.
      - Each step doubles memory and time of every password that is set or asked for, from 16 MiB at 5 to 1 GiB at 11.
    type: int
    default: 0
  extra_features:
    description: More profiles of pam-auth-update, or features of authselect, to have on.
    type: list
    elements: str
    default: []
  absent_profiles:
    description: Profiles of pam-auth-update to take out and remove, such as those of earlier hardening tools.
    type: list
    elements: str
    default: []
  authselect_profile:
    description: Profile of authselect to select as it is. Empty makes C(custom/hallmark) from the one in use.
    type: str
    default: ""
  replace_local_changes:
    description: Drop lines that stand inside pam-auth-update's part of the common files and belong to no profile.
    type: bool
    default: false
  libuser_crypt_style:
    description: Hash for C(/etc/libuser.conf) where that file exists; empty leaves it alone.
    type: str
    default: sha512
  packages:
    description: Packages to look for by the PAM module that each one installs.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the package.
        type: str
        required: true
      module:
        description: File name of the module by which the package is recognised.
        type: str
        required: true
      families:
        description: Families of systems that the entry is for.
        type: list
        elements: str
        required: true
      state:
        description: Whether it should be there; V(ignored) is for entries that are switched off.
        type: str
        choices: [present, absent, ignored]
        default: present
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  check_mode:
    support: partial
    description: Says what it would change.
    details: What authselect would write is looked at only when it is written.
"""

EXAMPLES = r"""
- name: Lock accounts for a quarter of an hour after three failed logins
  hallmark.images.pam_stack:
    faillock_settings:
      deny: 3
      unlock_time: 900
      even_deny_root: true
    pwquality_settings:
      minlen: 16
      enforce_for_root: true
"""

RETURN = r"""
changes:
  description: What changed, one item per key, line and file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/security/faillock.conf, key: deny, before: null, after: "3"}]
family:
  description: Family of the system, empty when unknown.
  returned: always
  type: str
missing_packages:
  description: Packages of O(packages) to install.
  returned: always
  type: list
  elements: str
unwanted_packages:
  description: Packages of O(packages) to remove.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import pam_stack
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(pam_stack)


if __name__ == "__main__":
    main()
