# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.ufw import enforce, lets_in, value_of
from support.image_tree import name_root
from support.role_vars import role_value

VENDOR = """\
# Set to yes to apply rules to support IPv6 (no means only IPv6 on loopback)
IPV6=yes
DEFAULT_INPUT_POLICY="ACCEPT"
DEFAULT_OUTPUT_POLICY="ACCEPT"
DEFAULT_FORWARD_POLICY="DROP"
DEFAULT_APPLICATION_POLICY="SKIP"
MANAGE_BUILTINS=no
IPT_SYSCTL=/etc/ufw/sysctl.conf
IPT_MODULES=""
"""
HARDENED = (
    VENDOR.replace('PUT_POLICY="ACCEPT"\nDEFAULT_OUT', 'PUT_POLICY="DROP"\nDEFAULT_OUT')
    .replace("IPT_SYSCTL", "#IPT_SYSCTL")
    .replace('IPT_MODULES=""', 'IPT_MODULES="nf_conntrack_ftp nf_nat_ftp nf_conntrack_netbios_ns"')
)
ALLOWED = "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in\n"


@pytest.fixture
def top(tmp_path):
    for folder in ("etc/default", "etc/ufw"):
        (tmp_path / folder).mkdir(parents=True)
    name_root(tmp_path)
    (tmp_path / "etc/default/ufw").write_text(VENDOR)
    (tmp_path / "etc/ufw/ufw.conf").write_text("ENABLED=no\n")
    return tmp_path


def done(top, settings=None, check_mode=False):
    tree = Tree(str(top), check_mode)
    report = enforce(tree, settings or role_value("firewall", "firewall_ufw_settings"))
    return [item["key"] for item in tree.changes], report


def test_the_roles_settings_in_place(top):
    wanted = ["IPT_SYSCTL", "DEFAULT_INPUT_POLICY", "IPT_MODULES"]
    assert done(top, check_mode=True)[0] == wanted
    assert (top / "etc/default/ufw").read_text() == VENDOR
    assert done(top) == (wanted, {"installed": True, "enabled": False})
    assert (top / "etc/default/ufw").read_text() == HARDENED
    assert done(top)[0] == []


def test_where_ufw_is_not_installed_nothing_is_written(top):
    (top / "etc/default/ufw").unlink()
    assert done(top) == ([], {"installed": False, "enabled": False})
    assert not (top / "etc/default/ufw").exists()


def test_nobody_is_shut_out(top):
    (top / "etc/ufw/ufw.conf").write_text("ENABLED=yes\n")
    with pytest.raises(HardeningError, match="ufw is enabled and no rule lets a connection in"):
        done(top)
    assert (top / "etc/default/ufw").read_text() == VENDOR
    (top / "etc/ufw/user.rules").write_text(ALLOWED)
    assert "DEFAULT_INPUT_POLICY" in done(top)[0]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (ALLOWED, True),
        (ALLOWED.replace("allow", "limit_log"), True),
        (ALLOWED.replace("allow", "deny"), False),
        (ALLOWED.replace("allow", "route:allow"), False),
        ("-A ufw-user-input -j ACCEPT\n", False),
    ],
)
def test_rules_that_let_in(rules, expected):
    assert lets_in(rules) is expected


def test_values_are_read_as_a_shell_reads_them():
    assert value_of("A=1\n A = 2\n#A=3\nA='4'\n", "A") == "4"
    assert value_of("#A=3\n", "A") is None


def test_words_that_yaml_takes_for_others_are_written_right(top):
    done(top, {"IPV6": False, "MANAGE_BUILTINS": True})
    text = (top / "etc/default/ufw").read_text()
    assert "IPV6=no\n" in text
    assert "MANAGE_BUILTINS=yes\n" in text


@pytest.mark.parametrize("value", ['a"b', "$(id)", "a\nb", ["a"]])
def test_a_bad_value_is_one_clear_line(top, value):
    with pytest.raises(HardeningError, match=r"settings: IPT_MODULES: .* is no setting of ufw") as caught:
        done(top, {"IPT_MODULES": value})
    assert "\n" not in str(caught.value)
