#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: qemu_base_image
short_description: Make or find the disk image that a QEMU machine starts from
version_added: 0.1.0
description:
  - With O(release), builds a Debian image from packages. It boots by BIOS and by UEFI, has cloud-init (sources NoCloud,
    ConfigDrive, None), an SSH server, Python, a serial console, and no passwords. Neither root nor loop devices are
    needed where user namespaces are allowed.
  - With O(path) or O(url), takes a ready cloud image whose checksum is known.
  - What was made is kept in a cache, under a key of everything that goes into it. A second run uses no network.
  - Two processes that want the same image wait for each other. A process that is killed leaves nothing but temporary
    files, which the next run removes, and an unfinished download, which it goes on with.
author: Contributors to the hallmark.images project (@hallmark)
requirements:
  - qemu-img
  - with O(release), also mmdebstrap, sfdisk, mke2fs, mkfs.vfat, unshare, setpriv, qemu-system-x86_64, and newuidmap
    unless root
extends_documentation_fragment:
  - hallmark.images.attributes
options:
  state:
    description: Whether the image is to be there. With V(absent) it is removed from the cache; a file at O(path) stays.
    type: str
    choices: [present, absent]
    default: present
  release:
    description: Code name of the Debian release to build, V(bookworm) or V(trixie).
    type: str
  path:
    description: A qcow2 or raw image on this machine. It is used where it is.
    type: path
  url:
    description:
      - Address of a qcow2 or raw image (C(https), C(http), C(file)).
      - Proxies come from the environment (C(http_proxy), C(https_proxy), C(no_proxy)).
    type: str
  checksum:
    description: C(sha256:) and 64 or C(sha512:) and 128 hexadecimal digits. Required with O(path) and O(url).
    type: str
  mirror:
    description:
      - The Debian mirror to build from, V(http://deb.debian.org/debian) when missing. Goes with O(release).
      - The image has it in its C(sources.list), too.
      - Proxies and certificates of this machine's own apt configuration apply.
    type: str
  security_mirror:
    description:
      - The archive of security updates. When missing, C(debian-security) beside C(debian) of O(mirror).
      - Empty for none. Goes with O(release).
    type: str
  components:
    description: Components of the archive, V([main]) when missing. Goes with O(release).
    type: list
    elements: str
  packages:
    description: Further packages to install. Goes with O(release).
    type: list
    elements: str
  max_age:
    description: Days after which a built or downloaded image is made anew. V(0) is never.
    type: float
    default: 0
  accel:
    description:
      - How the machine that installs the boot loaders is run. Goes with O(release).
      - V(auto) takes KVM where the processor's flags and the device say that it can be used, else TCG.
    type: str
    choices: [auto, kvm, tcg]
    default: auto
  cache_dir:
    description: Folder of the cache, C($XDG_CACHE_HOME/hallmark) or C(~/.cache/hallmark) when missing.
    type: path
  events_file:
    description: File that progress is appended to, as JSON lines.
    type: path
seealso:
  - module: hallmark.images.qemu_builder
"""

EXAMPLES = r"""
- name: Debian 12 from packages, not older than a week
  hallmark.images.qemu_base_image:
    release: bookworm
    packages: [nginx]
    max_age: 7
  register: base

- name: A vendor's image
  hallmark.images.qemu_base_image:
    url: https://images.example.org/debian-12-genericcloud-amd64.qcow2
    checksum: sha256:0cbc3db3a4a0a0e9b5d0c9f5a9d3a0b3b9a9f6f1b52b0ef5c3e0b0a0a7d6c5b4

- name: A machine that starts from it
  hallmark.images.qemu_builder:
    source: "{{ base.path }}"
    source_format: "{{ base.format }}"
"""

RETURN = r"""
path:
  description: The image.
  returned: when O(state=present) and it is there
  type: str
  sample: /home/user/.cache/hallmark/base/debian-bookworm-2b1c0a3f4e5d6c7b-9f86d081884c.qcow2
format:
  description: V(qcow2) or V(raw). Say it to whatever opens the image; nothing should have to guess.
  returned: when O(state=present) and it is there
  type: str
  sample: qcow2
virtual_size:
  description: Size of the disk in bytes.
  returned: when O(state=present) and it is there
  type: int
  sample: 2147483648
sha256:
  description: SHA-256 of the file.
  returned: when O(state=present) and it is there
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
cached:
  description: Whether it was there already.
  returned: when O(state=present)
  type: bool
source:
  description: What it was made from.
  returned: when O(state=present)
  type: dict
  contains:
    release: {description: Code name., type: str, returned: with O(release)}
    suites: {description: Lines of sources.list., type: list, elements: str, returned: with O(release)}
    requested: {description: Packages asked for by name., type: list, elements: str, returned: with O(release)}
    packages: {description: How many packages are in the image., type: int, returned: with O(release) when it is there}
    path: {description: The file., type: str, returned: with O(path)}
    url: {description: The address., type: str, returned: with O(url)}
    checksum: {description: The checksum that was demanded., type: str, returned: with O(path) and O(url)}
seconds:
  description: How long it took.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.run import ARGUMENT_SPEC, run_base_image


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[("release", "path", "url")],
        required_one_of=[("release", "path", "url")],
        required_by={"path": "checksum", "url": "checksum"},
        supports_check_mode=True,
    )
    run_base_image(module)


if __name__ == "__main__":
    main()
