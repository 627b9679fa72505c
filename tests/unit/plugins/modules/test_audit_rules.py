# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import subprocess
import sys

import yaml

from ansible_collections.hallmark.images.plugins.module_utils.hardening.audit_rules import GROUPS
from ansible_collections.hallmark.images.plugins.modules import audit_rules
from support.role_vars import ROOT, role_value


def run(**options):
    """Run the module as Ansible does; its result."""
    code = "from ansible_collections.hallmark.images.plugins.modules.audit_rules import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / ".collections"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_groups_are_the_same_everywhere():
    groups = yaml.safe_load(audit_rules.DOCUMENTATION)["options"]["groups"]
    assert groups["default"] == groups["choices"] == list(GROUPS) == role_value("auditd", "auditd_rule_groups")


def test_a_system_without_the_daemon_is_one_clear_line(tmp_path):
    (tmp_path / "etc").mkdir()
    result = run(root=str(tmp_path))
    assert result["failed"] is True
    assert result["msg"].startswith(f"there is no auditd in {tmp_path}; install package auditd")
    assert run(root=str(tmp_path), _ansible_check_mode=True)["changed"] is True


def test_rules_are_never_loaded_from_an_image_tree(tmp_path):
    assert (
        run(root=str(tmp_path), live="true")["msg"] == f"live: {tmp_path} is not the running system; leave it at auto"
    )
