#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: guest_info
short_description: Describe a machine for the record of a build
version_added: 0.1.0
description:
  - Reads in one call what the record of a build says about the machine inside - the operating system, the kernel, the
    packages, and the identity that must differ between two machines from one image.
author:
  - The hallmark.images developers (@hallmark)
options: {}
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed.
    support: none
"""

EXAMPLES = r"""
- name: Describe the machine
  hallmark.images.guest_info:
  register: description
"""

RETURN = r"""
guest:
  description: What was found.
  returned: success
  type: dict
  contains:
    os:
      description: The assignments of C(/etc/os-release).
      type: dict
      sample: {ID: debian, VERSION_ID: "12"}
    kernel:
      description: Release of the running kernel.
      type: str
      sample: 6.1.0-28-cloud-amd64
    architecture:
      description: The machine's architecture.
      type: str
      sample: x86_64
    hostname:
      description: The node's name.
      type: str
      sample: debian
    machine_id:
      description: Contents of C(/etc/machine-id).
      type: str
      sample: 8a3ee9c5b4aa4b2b8a7a4a8a4b7e4f57
    boot_id:
      description: The kernel's id of this boot.
      type: str
      sample: 3d1a9f0e-5c0e-4f5a-9d0a-2b6b0c3f4a11
    host_keys:
      description: Fingerprint of each SSH host key by type.
      type: dict
      sample: {ssh-ed25519: "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"}
    package_manager:
      description: V(dpkg), V(rpm), or empty.
      type: str
      sample: dpkg
    packages:
      description: Installed packages, sorted by name.
      type: list
      elements: dict
      sample: [{name: bash, version: 5.2.15-2+b7, architecture: amd64}]
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hallmark.images.plugins.module_utils.guest.identity import (
    host_keys,
    parse_os_release,
    parse_packages,
    read_text,
)

# The command that prints name, version and architecture of each installed package, between tabs.
QUERIES = {
    "dpkg": ["dpkg-query", "-W", "-f=${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n"],
    "rpm": ["rpm", "-qa", "--qf", "%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\n"],
}


def installed_packages(module: AnsibleModule) -> tuple[str, list[dict[str, str]]]:
    """The package manager and its packages."""
    for name, command in QUERIES.items():
        program = module.get_bin_path(command[0])
        if not program:
            continue
        output = module.run_command([program, *command[1:]], check_rc=True)[1]
        if name == "dpkg":  # only what is installed: of a removed package the configuration may be left
            output = "\n".join(line.partition("\t")[2] for line in output.splitlines() if line.startswith("ii"))
        packages = parse_packages(output)
        if packages:
            return name, packages
    return "", []


def main() -> None:
    """Read and report."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    manager, packages = installed_packages(module)
    system = os.uname()
    module.exit_json(
        changed=False,
        guest={
            "os": parse_os_release(read_text("/etc/os-release") or read_text("/usr/lib/os-release")),
            "kernel": system.release,
            "architecture": system.machine,
            "hostname": system.nodename,
            "machine_id": read_text("/etc/machine-id").strip(),
            "boot_id": read_text("/proc/sys/kernel/random/boot_id").strip(),
            "host_keys": host_keys(),
            "package_manager": manager,
            "packages": packages,
        },
    )


if __name__ == "__main__":
    main()
