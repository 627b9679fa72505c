#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: guest_run
short_description: Run a playbook on guests as one task
version_added: 0.1.0
description:
  - Runs a playbook on one or more machines in an C(ansible-playbook) process of its own and passes its output on, line
    by line.
  - A guest that goes away in the middle is an ordinary failure of this task, which C(rescue) and C(always) handle. In
    the play of the task itself an unreachable host would skip both.
  - The run knows the guests and O(variables) only. Of the user's Ansible set-up it takes over where collections and
    roles are searched, and the vault passwords; of the user's SSH set-up nothing.
  - Whatever happens, neither a process nor a file of the run is left when the task is over. When the process that
    controls the task is killed, the run ends within seconds.
author:
  - The hallmark.images developers (@hallmark)
options:
  playbook:
    description:
      - Path of a playbook, or the name of one in a collection.
    type: str
    default: hallmark.images.guest
  guests:
    description:
      - The machines to run on.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name in the inventory of the run.
        type: str
        required: true
      host:
        description: Address or name to connect to.
        type: str
        required: true
      port:
        description: Port of the SSH server.
        type: int
        default: 22
      user:
        description: User to log in as; it may become root with sudo without a password.
        type: str
        required: true
      connection:
        description:
          - V(ssh) logs in with a key, V(psrp) with a password over WinRM, HTTPS, NTLM. The latter needs the Python
            package pypsrp on the controller.
        type: str
        choices: [ssh, psrp]
        default: ssh
      private_key_file:
        description: The user's private key, mode 0600. No other key is offered. Required with C(connection=ssh).
        type: path
      known_hosts_file:
        description:
          - Host keys in the form of SSH's own file. A guest with another key is not talked to. Required with
            C(connection=ssh).
        type: path
      password_file:
        description: A file with the user's password and nothing else, mode 0600. Required with C(connection=psrp).
        type: path
      certificate_file:
        description:
          - The guest's own certificate, PEM. A guest with another one is not talked to. Required with
            C(connection=psrp).
        type: path
      proxy_command:
        description: The command that SSH connects through, its C(ProxyCommand).
        type: str
        default: ""
      python_interpreter:
        description: The Python to use on the guest. V(auto) lets Ansible search, which takes seconds on a slow machine.
        type: str
        default: /usr/bin/python3
      variables:
        description: Variables of this guest, with the precedence of inventory variables. Never templated again.
        type: dict
        default: {}
  variables:
    description:
      - Extra variables of the run. Their values are final; what looks like a template in them stays as it is.
      - They are handed over in a file of mode 0600 that is removed with the run.
      - The dictionaries C(guest_hardening) and C(guest_seal) hold variables of roles; these become variables of each
        guest, with the precedence of inventory variables.
    type: dict
    default: {}
  roles_path:
    description:
      - Folders to search roles in before those of the user's configuration.
    type: list
    elements: path
    default: []
  label:
    description:
      - Stands in brackets before each line of output.
      - The first guest's name when not given.
    type: str
  events_file:
    description:
      - File to append to, as lines of JSON, when each stage starts and ends. A stage is a play, named in lower case.
    type: path
  stage:
    description:
      - Stage that all events are written for, where the plays of the run are not stages of their own.
    type: str
  runtime_dir:
    description:
      - Folder of the SSH control sockets, at most 69 bytes long. A temporary one when not given.
    type: path
  work_dir:
    description:
      - Folder in which the run has its private files. A temporary one when not given.
    type: path
  timeout:
    description:
      - Seconds after which the run is ended; V(0) for no limit.
    type: int
    default: 3600
  silence:
    description:
      - Seconds without a sign of life, while connecting or later, after which a guest counts as gone. A machine that is
        emulated on a busy computer may well need half a minute to log a user in.
      - A guest whose machine ends is noticed at once.
    type: int
    default: 60
attributes:
  action:
    description: Runs on the controller only.
    support: full
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: none
    details: Skipped in check mode.
  diff_mode:
    description: Will return details on what has changed.
    support: none
    details: With C(--diff) the tasks of the run show their own differences.
requirements:
  - ansible-runner
  - OpenSSH client
"""

EXAMPLES = r"""
- name: Install and configure, and remove the machine whatever happens
  block:
    - name: Run the playbook
      hallmark.images.guest_run:
        playbook: site.yml
        guests:
          - name: web
            host: 127.0.0.1
            port: 40022
            user: debian
            private_key_file: "{{ state_dir }}/key"
            known_hosts_file: "{{ state_dir }}/known_hosts"
        variables:
          release: "1.4"
        timeout: 1800
  always:
    - name: Remove the machine
      ansible.builtin.debug:
        msg: This runs also when the machine went away.
"""

RETURN = r"""
msg:
  description: How the run ended; of a failure, the stage, the task and the task's message.
  returned: always
  type: str
  sample: "harden: Set kernel parameters: unknown key net.ipv4.nonsense"
rc:
  description: Exit status of C(ansible-playbook); 254 when the run was ended early.
  returned: when the run began
  type: int
  sample: 0
status:
  description: V(successful), V(failed), V(timeout) or V(canceled).
  returned: when the run began
  type: str
  sample: successful
guest_unreachable:
  description: Whether the run failed because a guest could not be reached.
  returned: when the run began
  type: bool
  sample: false
seconds:
  description: How long the run took.
  returned: when the run began
  type: float
  sample: 93.2
stages:
  description: Seconds of each stage.
  returned: when the run began
  type: dict
  sample: {provision: 41.3, harden: 22.7, verify: 19.9, seal: 5.1}
stats:
  description: The statistics of the run, by kind and guest.
  returned: when the run began
  type: dict
  sample: {ok: {web: 12}, changed: {web: 7}, failures: {}}
stats_data:
  description: What tasks of the run set with M(ansible.builtin.set_stats).
  returned: when the run began
  type: dict
  sample: {baseline: {passed: 43, failed: 0}}
"""
