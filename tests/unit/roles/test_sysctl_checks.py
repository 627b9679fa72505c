# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area sysctl on a made-up machine: each fails when, and only when, its own control is broken."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import NotApplicable
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sysctl import is_pattern, key_path, normal
from support.checks import Area, Host
from support.role_vars import role_value

OWN = "/etc/sysctl.d/zz-hallmark.conf"
SYSCTL = Area("sysctl")
SETTINGS = {
    key: {"vm.mmap_rnd_bits": "32", "vm.mmap_rnd_compat_bits": "16"}.get(key, normal(value))
    for key, value in role_value("sysctl", "__sysctl_settings").items()
    if value is not None and key != "net.ipv6.conf.all.send_redirects"  # Linux has no such parameter
}
DEFAULT_ON = [item for item in SYSCTL.module.CONTROLS.values() if item["default"] == "on"]


def kernel(running=None, files=None, mode="440", left_out=None):
    """A hardened machine of which one running value, one more file, or one line left out of ours differs."""
    values = {key_path(key): value for key, value in SETTINGS.items() if not is_pattern(key)}
    values |= {"net/ipv4/conf/eth0/rp_filter": "1", "net/ipv4/conf/all/mc_forwarding": "0"}
    values |= {"kernel/core_pattern": "core"} | (running or {})
    own = [f"{key} = {value}" for key, value in SETTINGS.items() if key != left_out]
    texts = {OWN: "\n".join(["# Managed by Ansible, module hallmark.images.sysctl_set.", *own])} | (files or {})
    lines = [f"{key}:{value}" for key, value in values.items()]
    lines += ["=files", *texts, "=lines"]
    lines += [f"{path}:{line}" for path, text in texts.items() for line in text.splitlines()]
    lines += ["=attributes", f"{OWN} root root {mode}", "=init", "=bits", "=machine", "x86_64", "nx"]
    return SYSCTL.module.Kernel("\n".join([*lines, "=marks", "/proc/sys/net/ipv6"]))


def test_the_roles_own_values_meet_every_control():
    assert SYSCTL.failing(kernel()) == set()
    assert SYSCTL.failing(kernel(), "ubuntu") == set()


PAIRS = [
    (item["id"], must["key"])
    for item in DEFAULT_ON
    for must in item["must"]
    if must.get("key") in SETTINGS and not is_pattern(must["key"])
]
# Parameters that two controls speak of.
SHARED = {"net.ipv4.conf.all.rp_filter": {"sysctl-02", "x-sysctl-11"}}


@pytest.mark.parametrize(("control", "key"), PAIRS)
def test_a_wrong_running_value_fails_its_control_alone(control, key):
    system = "ubuntu" if "apparmor" in key else "debian"
    wrong = "0" if "ptrace" in key else "7777"
    assert SYSCTL.failing(kernel({key_path(key): wrong}), system) == SHARED.get(key, {control})


@pytest.mark.parametrize(("control", "key"), PAIRS)
def test_a_value_that_would_not_survive_a_boot_fails_its_control_alone(control, key):
    system = "ubuntu" if "apparmor" in key else "debian"
    covered = f"net.{key.split('.')[1]}.conf.*.{key.split('.')[-1]}" in SETTINGS  # our own wildcard sets it too
    assert SYSCTL.failing(kernel(left_out=key), system) == (set() if covered else {control})


@pytest.mark.parametrize(
    ("path", "line", "controls"),
    [
        ("/etc/sysctl.conf", "kernel.sysrq = 1", {"sysctl-30", "x-sysctl-17"}),
        ("/etc/sysctl.conf", "kernel/sysrq=1", {"sysctl-30", "x-sysctl-17"}),
        ("/etc/sysctl.conf", "kernel.yama.ptrace_scope = 3", {"x-sysctl-17"}),
        ("/etc/sysctl.conf", "#kernel.sysrq = 1", set()),
        ("/usr/lib/sysctl.d/99-protect-links.conf", "fs.protected_fifos = 0", set()),
        ("/etc/sysctl.d/zzz.conf", "fs.protected_fifos = 0", {"sysctl-34", "x-sysctl-17"}),
        ("/etc/sysctl.d/zzz.conf", "net.ipv4.conf.*.rp_filter = 2", {"x-sysctl-11", "x-sysctl-17"}),
        ("/usr/lib/sysctl.d/50-default.conf", "net.ipv4.conf.*.rp_filter = 2", set()),
        ("/usr/lib/sysctl.d/50-default.conf", "-net.ipv4.conf.all.rp_filter", set()),
        ("/etc/sysctl.d/10-eth0.conf", "net.ipv4.conf.eth0.rp_filter = 2", {"x-sysctl-17"}),
        ("/etc/sysctl.d/zzz.conf", "vm.swappiness = 1", set()),
    ],
)
def test_another_file_counts_when_it_wins_at_boot(path, line, controls):
    assert SYSCTL.failing(kernel(files={path: line})) == controls


def test_a_loose_interface_and_a_readable_file_fail_alone():
    assert SYSCTL.failing(kernel({"net/ipv4/conf/eth0/rp_filter": "2"})) == {"x-sysctl-11"}
    assert SYSCTL.failing(kernel(mode="644")) == {"ds-sysctl-08"}


@pytest.mark.parametrize(
    ("path", "control"),
    [
        ("ipv4/conf/eth0/accept_redirects", "sysctl-14"),
        ("ipv4/conf/eth0/secure_redirects", "sysctl-15"),
        ("ipv4/conf/lo/send_redirects", "sysctl-16"),
        ("ipv6/conf/eth0/accept_redirects", "sysctl-20"),
        ("ipv6/conf/eth0/accept_ra", "sysctl-25"),
        ("ipv6/conf/eth0/autoconf", "sysctl-26"),
    ],
)
def test_one_interface_that_differs_fails(path, control):
    assert SYSCTL.failing(kernel({f"net/{path}": "1"})) == {control}
    assert SYSCTL.failing(kernel({f"net/{path}": "0"})) == set()


def test_a_wrong_core_path_counts_when_set_id_programs_dump():
    assert SYSCTL.failing(kernel({"fs/suid_dumpable": "2"})) == {"sysctl-31b"}
    assert SYSCTL.failing(kernel({"fs/suid_dumpable": "2", "kernel/core_pattern": "|/bin/false"})) == set()


def test_a_processor_without_no_execute_pages_fails_alone():
    machine = kernel()
    machine.has_nx = False
    assert SYSCTL.failing(machine) == {"sysctl-33"}
    machine.machine = "aarch64"
    assert SYSCTL.failing(machine) == set()


def test_without_ipv6_its_controls_do_not_apply():
    machine = kernel()
    machine.has_ipv6 = False
    machine.running = {key: value for key, value in machine.running.items() if not key.startswith("net/ipv6/")}
    assert SYSCTL.failing(machine) == set()
    with pytest.raises(NotApplicable, match=r"no net\.ipv6\.conf\.all\.forwarding"):
        SYSCTL.module.test_parameters(Host(), machine, [{"key": "net.ipv6.conf.all.forwarding", "value": 0}])


@pytest.mark.parametrize(("profile", "control"), [("anssi", "x-sysctl-14"), ("anssi", "x-sysctl-16")])
def test_profiles_meet_the_controls_they_are_named_for(profile, control):
    settings = role_value("sysctl", "__sysctl_settings", sysctl_profile=profile)
    musts = SYSCTL.module.CONTROLS[control]["must"]
    wanted = {must["key"]: str(must["value"]) for must in musts if must.get("stored", True)}
    assert {key: str(settings[key]) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("variables", "key", "value"),
    [
        ({"sysctl_forwarding": True}, "net.ipv4.ip_forward", 1),
        ({"sysctl_ipv6_ra": True}, "net.ipv6.conf.all.accept_ra", "left out"),
        ({"sysctl_userns": True}, "kernel.unprivileged_userns_clone", 1),
        ({"sysctl_userns_zero": True}, "user.max_user_namespaces", 0),
        ({"sysctl_io_uring": False}, "kernel.io_uring_disabled", 1),
        ({"sysctl_rp_filter": 2}, "net.ipv4.conf.*.rp_filter", 2),
        ({"sysctl_modules_disabled": True}, "kernel.modules_disabled", None),
        ({"sysctl_profile": "cis"}, "kernel.yama.ptrace_scope", 1),
        ({"sysctl_overrides": {"kernel.sysrq": 176}}, "kernel.sysrq", 176),
        ({"sysctl_overrides": {"kernel.sysrq": None}}, "kernel.sysrq", None),
    ],
)
def test_switches(variables, key, value):
    assert role_value("sysctl", "__sysctl_settings", **variables).get(key, "left out") == value
    assert role_value("sysctl", "__sysctl_settings").get(key, "left out") != value
