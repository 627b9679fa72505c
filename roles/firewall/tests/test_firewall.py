# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area firewall: defaults of ufw, and whether one firewall drops what nobody asked for."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.ufw import DEFAULTS, value_of

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
SERVICES = ("nftables", "ufw", "firewalld")


def _command() -> str:
    return f"""\
cat {DEFAULTS} 2>/dev/null
echo '=services'; for name in {" ".join(SERVICES)}; do echo "$name $(systemctl is-enabled $name 2>/dev/null)"; done
echo '=nft'; nft list ruleset 2>/dev/null
echo '=stored'; cat /etc/nftables.conf /etc/sysconfig/nftables.conf 2>/dev/null
echo '=ufw'; ufw status verbose 2>/dev/null
echo '=firewalld'; firewall-cmd --state 2>/dev/null; firewall-cmd --list-services 2>/dev/null
true"""


class Firewall:
    """What the command told."""

    def __init__(self, text: str) -> None:
        parts = parts_of(text)
        self.defaults, services, self.nft, self.stored, self.ufw, self.firewalld = parts
        enabled = [line.split()[0] for line in services.splitlines() if line.endswith(" enabled")]
        # Ubuntu's unit of ufw is enabled from the start, and does nothing until ufw itself is.
        self.enabled = [name for name in enabled if name != "ufw" or "Status: active" in self.ufw]

    def denies(self, name: str) -> dict[str, bool]:
        """What firewall `name` does with incoming packets, now and after a boot."""
        if name == "firewalld":
            return {"runs": "running" in self.firewalld, "ssh": "ssh" in self.firewalld.split()}
        if name == "ufw":
            rules = re.search(r"^(22(/tcp)?|OpenSSH)\s.*(ALLOW|LIMIT)", self.ufw, re.MULTILINE)
            return {"runs": "deny (incoming)" in self.ufw, "ssh": bool(rules)}
        found = {}
        for place, rules in (("now", self.nft), ("after a boot", self.stored)):
            chain = re.search(r"\{[^{}]*hook input [^;]*; *policy drop;(.*?)\n\s*\}\n", rules, re.DOTALL)
            lines = chain[1] if chain else ""
            found[f"denies {place}"] = bool(chain)
            found[f"loopback {place}"] = bool(re.search(r'iif(name)? "?lo"? accept', lines))
            found[f"replies {place}"] = bool(re.search(r"established[^\n]*accept", lines))
            found[f"ssh {place}"] = bool(re.search(r"tcp dport [^\n]*\b(22|ssh)\b[^\n]*accept", lines))
        return found


@pytest.fixture
def firewall(host: Any) -> Firewall:
    return once(host, "firewall", lambda: Firewall(output_once(host, _command())))


@control("ds-ufw-01")
def test_defaults_of_ufw(firewall: Firewall) -> None:
    if not firewall.defaults.strip():
        not_applicable("ufw is not installed")
    wanted = {must["key"]: must["value"] for must in CONTROLS["ds-ufw-01"]["must"]}
    found = {key: value_of(firewall.defaults, key) for key in wanted}
    assert found == wanted | {"IPT_SYSCTL": None}


@control("x-fw-01")
def test_one_firewall_denies(firewall: Firewall) -> None:
    assert len(firewall.enabled) == 1, f"exactly one firewall should be switched on: {firewall.enabled or 'none is'}"
    found = firewall.denies(firewall.enabled[0])
    assert found == dict.fromkeys(found, True)
