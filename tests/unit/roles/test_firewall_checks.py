# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area firewall on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import os

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import config_files
from support.image_tree import name_root
from support.role_vars import role_value, step_value

DEFAULTS = "".join(
    f'{key}="{value}"\n' if value is not None else f"#{key}=/etc/ufw/sysctl.conf\n"
    for key, value in role_value("firewall", "firewall_ufw_settings").items()
)
RULES = role_value("firewall", "__firewall_rules")
# As nft prints the role's own rules.
LISTED = """\
table inet hallmark {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tiif "lo" accept
\t\tct state established,related accept
\t\tct state invalid drop
\t\ttcp dport 22 accept
\t}
}
"""
UFW = "Status: active\nDefault: deny (incoming), allow (outgoing), disabled (routed)\n22/tcp  ALLOW IN  Anywhere\n"


def facts(areas, defaults="", enabled="nftables", nft=LISTED, stored=RULES, ufw="", firewalld=""):
    services = "".join(
        f"{name} {'enabled' if name in enabled.split() else 'disabled'}\n" for name in ("nftables", "ufw", "firewalld")
    )
    return areas["firewall"].module.Firewall(
        f"{defaults}=services\n{services}=nft\n{nft}=stored\n{stored}=ufw\n{ufw}=firewalld\n{firewalld}"
    )


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("", "", set()),
        ("#IPT_SYSCTL", "IPT_SYSCTL", {"ds-ufw-01"}),
        ('INPUT_POLICY="DROP"', 'INPUT_POLICY="ACCEPT"', {"ds-ufw-01"}),
        ('IPV6="yes"', "IPV6=yes", set()),
        ('IPV6="yes"', "IPV6=no", {"ds-ufw-01"}),
        ('MANAGE_BUILTINS="no"\n', "", {"ds-ufw-01"}),
    ],
)
def test_defaults_of_ufw(areas, old, new, controls):
    assert old in DEFAULTS
    assert areas["firewall"].failing(facts(areas, DEFAULTS.replace(old, new))) == controls


def test_without_ufw_its_defaults_do_not_apply(areas):
    assert areas["firewall"].outcomes(facts(areas))["ds-ufw-01"] == "not applicable"


@pytest.mark.parametrize(
    ("others", "outcome"),
    [
        ({}, "passed"),
        ({"enabled": ""}, "failed"),
        ({"enabled": "nftables ufw", "ufw": UFW}, "failed"),
        ({"enabled": "nftables ufw", "ufw": "Status: inactive\n"}, "passed"),
        ({"enabled": "ufw", "ufw": "Status: inactive\n"}, "failed"),
        ({"nft": ""}, "failed"),
        ({"nft": LISTED.replace("policy drop", "policy accept")}, "failed"),
        ({"nft": LISTED.replace('iif "lo" accept', "")}, "failed"),
        ({"nft": LISTED.replace("22", "222")}, "failed"),
        ({"stored": "flush ruleset\n"}, "failed"),
        ({"stored": RULES.replace("ct state established,related accept", "")}, "failed"),
        ({"enabled": "ufw", "ufw": UFW}, "passed"),
        ({"enabled": "ufw", "ufw": UFW.replace("deny (in", "allow (in")}, "failed"),
        ({"enabled": "ufw", "ufw": UFW.replace("22/tcp", "222/tcp")}, "failed"),
        ({"enabled": "firewalld", "firewalld": "running\ndhcpv6-client ssh\n"}, "passed"),
        ({"enabled": "firewalld", "firewalld": "not running\n"}, "failed"),
    ],
)
def test_one_firewall_denies(areas, others, outcome):
    assert areas["firewall"].outcomes(facts(areas, **others))["x-fw-01"] == outcome


def test_rules_of_the_role():
    rules = role_value("firewall", "__firewall_rules", firewall_tcp_ports=[22, 443], firewall_udp_ports=[53])
    assert "    tcp dport { 22, 443 } accept\n    udp dport { 53 } accept\n  }\n" in rules
    closed = role_value("firewall", "__firewall_rules", firewall_tcp_ports=[])
    assert "dport {" not in closed


def test_without_nftables_only_the_roles_own_files_go():
    gone = {item["path"]: item for item in role_value("firewall", "__firewall_no_files")}
    files = [item for item in role_value("firewall", "__firewall_files") if "content" in item]
    assert set(gone) == {item["path"] for item in files}
    assert all(gone[item["path"]]["ours"] in item["content"] for item in files)
    assert {item["state"] for item in gone.values()} == {"absent"}
    assert step_value("firewall", "config_files")["files"] == list(gone.values())
    assert step_value("firewall", "config_files", firewall_nftables=True)["files"] == role_value(
        "firewall", "__firewall_files"
    )


def test_firewalld_of_rpm_systems_makes_room_for_nftables_and_comes_back(tmp_path):
    (tmp_path / "etc/sysconfig").mkdir(parents=True)
    name_root(tmp_path)
    (tmp_path / "etc/sysconfig/nftables.conf").write_text("# nothing\n")
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    (units / "nftables.service").touch()
    firewalld = tmp_path / "etc/systemd/system/firewalld.service"

    def harden(**given):
        step = step_value("firewall", "config_files", **given)
        files = [{name: option.get("default") for name, option in config_files.FILE.items()} | f for f in step["files"]]
        config_files.put_all(Tree(str(tmp_path)), files, step["record"])

    harden(firewall_nftables=True)
    assert "policy drop;" in (tmp_path / "etc/sysconfig/nftables.conf").read_text()
    assert not firewalld.is_symlink()
    (units / "firewalld.service").touch()
    harden(firewall_nftables=True)
    assert os.readlink(firewalld) == "/dev/null"
    harden()
    assert not firewalld.is_symlink()
