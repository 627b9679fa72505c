# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area sysctl without touching another, and how to undo it."""

from __future__ import annotations

OWN = "/etc/sysctl.d/zz-hallmark.conf"


def value(key: str, wrong: str, right: str) -> tuple[str, str]:
    """Set a running parameter wrong and right again."""
    return f"sysctl -qw '{key}={wrong}'", f"sysctl -qw '{key}={right}'"


def stored(key: str, wrong: str, right: str) -> tuple[str, str]:
    """Write a parameter wrong in the drop-in, for those the running kernel does not take back."""
    name = key.replace(".", r"\.")
    return tuple(f"sed -i 's/^{name} = .*/{key} = {text}/' {OWN}" for text in (wrong, right))


#: The class of the check file that the machine's answer is read into.
FACTS = "Kernel"
#: Nothing on a running Debian can break these: the processor, kernels without the parameter.
CANNOT = {"sysctl-33", "x-sysctl-13"}
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT = {"sysctl-31b"}  # does not apply until set-id programs write core files
#: What is run on the hardened machine first.
PREPARE = ""
BREAKS: dict[str, tuple[str, str]] = {
    # Linux resets accept_redirects when forwarding changes.
    "sysctl-01": (
        "sysctl -qw net.ipv4.conf.all.forwarding=1",
        "sysctl -qw net.ipv4.conf.all.forwarding=0; sysctl -qw net.ipv4.conf.all.accept_redirects=0",
    ),
    "sysctl-02": value("net.ipv4.conf.default.rp_filter", "0", "1"),
    "sysctl-03": value("net.ipv4.icmp_ignore_bogus_error_responses", "0", "1"),
    "sysctl-04": value("net.ipv4.icmp_echo_ignore_broadcasts", "0", "1"),
    "sysctl-05": value("net.ipv4.icmp_ratelimit", "1000", "100"),
    "sysctl-06": value("net.ipv4.icmp_ratemask", "6168", "88089"),
    "sysctl-07": value("net.ipv4.tcp_timestamps", "1", "0"),
    "sysctl-08": value("net.ipv4.conf.all.arp_ignore", "0", "1"),
    "sysctl-09": value("net.ipv4.conf.all.arp_announce", "0", "2"),
    "sysctl-10": value("net.ipv4.tcp_rfc1337", "0", "1"),
    "sysctl-11": value("net.ipv4.tcp_syncookies", "0", "1"),
    "sysctl-12": value("net.ipv4.conf.all.shared_media", "0", "1"),
    "sysctl-13": value("net.ipv4.conf.default.accept_source_route", "1", "0"),
    "sysctl-14": value("net.ipv4.conf.lo.accept_redirects", "1", "0"),
    "sysctl-15": value("net.ipv4.conf.default.secure_redirects", "1", "0"),
    "sysctl-16": value("net.ipv4.conf.default.send_redirects", "1", "0"),
    "sysctl-17": value("net.ipv4.conf.all.log_martians", "0", "1"),
    # Linux copies it to every interface and the default.
    "sysctl-19": (
        "sysctl -qw net.ipv6.conf.all.forwarding=1; sysctl -qw net.ipv6.conf.default.forwarding=0",
        "sysctl -qw net.ipv6.conf.all.forwarding=0",
    ),
    "sysctl-20": value("net.ipv6.conf.default.accept_redirects", "1", "0"),
    "sysctl-21": value("net.ipv6.conf.default.router_solicitations", "3", "0"),
    "sysctl-22": value("net.ipv6.conf.default.accept_ra_rtr_pref", "1", "0"),
    "sysctl-23": value("net.ipv6.conf.default.accept_ra_pinfo", "1", "0"),
    "sysctl-24": value("net.ipv6.conf.default.accept_ra_defrtr", "1", "0"),
    "sysctl-25": value("net.ipv6.conf.default.accept_ra", "1", "0"),
    "sysctl-26": value("net.ipv6.conf.default.autoconf", "1", "0"),
    "sysctl-27": value("net.ipv6.conf.default.dad_transmits", "1", "0"),
    "sysctl-28": value("net.ipv6.conf.default.max_addresses", "16", "1"),
    "sysctl-29": stored("kernel.modules_disabled", "1", "0"),
    "sysctl-30": value("kernel.sysrq", "1", "0"),
    "sysctl-31a": value("fs.suid_dumpable", "1", "0"),
    "sysctl-31b": value("fs.suid_dumpable", "2", "0"),
    "sysctl-32": value("kernel.randomize_va_space", "1", "2"),
    "sysctl-34": value("fs.protected_fifos", "0", "2"),
    "sysctl-35": value("kernel.yama.ptrace_scope", "1", "2"),
    "ds-sysctl-01": value("kernel.kptr_restrict", "0", "2"),
    "ds-sysctl-02": value("kernel.core_uses_pid", "0", "1"),
    "ds-sysctl-03": stored("kernel.kexec_load_disabled", "0", "1"),
    "ds-sysctl-04": value("vm.mmap_min_addr", "4096", "65536"),
    "ds-sysctl-05": value("vm.mmap_rnd_bits", "28", "32"),
    "ds-sysctl-06": value("kernel.unprivileged_userns_clone", "1", "0"),
    "ds-sysctl-07": stored("kernel.unprivileged_bpf_disabled", "0", "1"),
    "ds-sysctl-08": (f"chmod 644 {OWN}", f"chmod 440 {OWN}"),
    "x-sysctl-01": value("kernel.dmesg_restrict", "0", "1"),
    "x-sysctl-02": value("kernel.perf_event_paranoid", "1", "3"),
    "x-sysctl-03": value("net.core.bpf_jit_harden", "0", "2"),
    "x-sysctl-04": value("dev.tty.ldisc_autoload", "1", "0"),
    "x-sysctl-05": value("kernel.panic", "0", "60"),
    "x-sysctl-06": value("vm.unprivileged_userfaultfd", "1", "0"),
    "x-sysctl-08": value("net.ipv6.conf.all.max_addresses", "16", "1"),
    "x-sysctl-09": value("net.ipv4.conf.all.accept_local", "1", "0"),
    "x-sysctl-10": value("net.ipv4.conf.all.proxy_arp", "1", "0"),
    "x-sysctl-11": value("net.ipv4.conf.lo.rp_filter", "2", "1"),
    "x-sysctl-12": value("net.ipv6.conf.default.forwarding", "1", "0"),
    "x-sysctl-17": (
        "echo kernel.yama.ptrace_scope = 3 >/etc/sysctl.d/zzz-test.conf",
        "rm /etc/sysctl.d/zzz-test.conf",
    ),
}
