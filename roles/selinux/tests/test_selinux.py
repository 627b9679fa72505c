# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of area selinux: mode and policy at boot, and what the running kernel does."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    os_family,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.selinux import CONFIG, value

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)


def _command() -> str:
    return f"""\
cat {CONFIG} 2>/dev/null
echo '=policies'; ls -d /etc/selinux/*/policy/policy.* 2>/dev/null
echo '=enforce'; cat /sys/fs/selinux/enforce 2>/dev/null
echo; echo '=words'; cat /proc/cmdline
echo '=marks'; ls -d /run/systemd/container /.dockerenv /run/.containerenv 2>/dev/null
true"""


class SELinux:
    """What the command told."""

    def __init__(self, text: str) -> None:
        self.config, policies, enforce, words, marks = parts_of(text)
        self.policies = {path.split("/")[3] for path in policies.split()}
        self.running = {"0": "permissive", "1": "enforcing"}.get(enforce.strip(), "disabled")
        self.words = [word for word in words.split() if word in ("selinux=0", "enforcing=0")]
        self.is_container = bool(marks.strip())


@pytest.fixture
def selinux(host: Any) -> SELinux:
    return once(host, "selinux", lambda: SELinux(output_once(host, _command())))


@control("ds-selinux-01")
def test_selinux_enforces_its_policy(host: Any, selinux: SELinux) -> None:
    family = os_family(host)
    musts = [must for must in CONTROLS["ds-selinux-01"]["must"] if family in must["os"]]
    if not musts:
        not_applicable("SELinux is not at home on this system")
    if selinux.is_container:
        not_applicable("a container shares its host's kernel")
    if not selinux.policies:
        not_applicable("no SELinux policy is installed")
    if value(selinux.config, "SELINUX") == "disabled" and selinux.running == "disabled":
        not_applicable("SELinux is disabled on this system")
    found = {must["key"]: value(selinux.config, must["key"]) for must in musts}
    expected = {must["key"]: must["value"] for must in musts}
    found.update({"running": selinux.running, "kernel's command line": " ".join(selinux.words)})
    expected.update({"running": "enforcing", "kernel's command line": ""})
    assert found == expected
