# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area auditd without touching another, and how to undo it."""

from __future__ import annotations

RULES = "/etc/audit/rules.d/zz-hallmark.rules"
CONF = "/etc/audit/auditd.conf"
SOCKET = "/etc/systemd/system/systemd-journald-audit.socket"
WANTS = "/etc/systemd/system/multi-user.target.wants/auditd.service"
OTHER = "/etc/audit/rules.d/10-test.rules"
GRUB = "/etc/default/grub.d/zz-hallmark-audit.cfg"


def rules(key: str) -> tuple[str, str]:
    """Take the rules with a key out of the file: they would be gone after a boot."""
    return f"sed -i -E '/(-k |key=){key}$/d' {RULES}", f"cp -p /root/audit.rules {RULES}"


def setting(key: str, wrong: str) -> tuple[str, str]:
    """Set a key of auditd.conf wrong and bring the file back."""
    return f"sed -i 's/^{key} = .*/{key} = {wrong}/' {CONF}", f"cp -p /root/auditd.conf {CONF}"


#: The class of the check file that the machine's answer is read into.
FACTS = "Audit"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: Breaking these changes what a sweep of the file systems finds, so that there must be another.
SWEPT = {"x-auditd-08"}
#: What is run on the hardened machine first.
PREPARE = f"cp -p {RULES} /root/audit.rules; cp -p {CONF} /root/auditd.conf"
BREAKS: dict[str, tuple[str, str]] = {
    "package-08": setting("disk_full_action", "IGNORE"),
    "ds-auditd-01": setting("max_log_file", "8"),
    "ds-auditd-02": (f"rm {SOCKET}", f"ln -s /dev/null {SOCKET}"),
    "ds-auditd-03": (f"mv {WANTS} /root/wanted", f"mv /root/wanted {WANTS}"),
    "x-auditd-01": rules("time-change"),
    "x-auditd-02": rules("identity"),
    "x-auditd-03": rules("system-locale"),
    "x-auditd-04": rules("MAC-policy"),
    "x-auditd-05": rules("session"),
    "x-auditd-06": rules("perm_mod"),
    "x-auditd-07": rules("access"),
    "x-auditd-08": (
        "cp /bin/true /usr/local/bin/test-set-id; chmod 4755 /usr/local/bin/test-set-id",
        "rm /usr/local/bin/test-set-id",
    ),
    "x-auditd-09": rules("mounts"),
    "x-auditd-10": rules("delete"),
    "x-auditd-11": rules("user_emulation"),
    "x-auditd-12": rules("kernel_modules"),
    "x-auditd-13": rules("perm_chng"),
    "x-auditd-15": (f"mv {GRUB} /root/grub.cfg", f"mv /root/grub.cfg {GRUB}"),
    "x-auditd-16": (f"chmod 644 {RULES}", f"chmod 640 {RULES}"),
    "x-auditd-17": (f"echo '-a never,task' >{OTHER}; chmod 640 {OTHER}", f"rm {OTHER}"),
}
