# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area user_accounts without touching another, and how to undo it."""

from __future__ import annotations

HASH = "$6$salt$hash"
#: An account of a person, as the hardened defaults make it.
PROBE = "useradd -m -K HOME_MODE=0700 -s /bin/sh hm-probe"
GONE = "userdel -r hm-probe 2>/dev/null"

#: The class of the check file that the machine's answer is read into.
FACTS = "Accounts"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = ""
BREAKS: dict[str, tuple[str, str]] = {
    "os-03b": (
        f"sed -i 's|^games:x:|games:{HASH}:|' /etc/passwd",
        "sed -i 's|^games:[^:]*:|games:x:|' /etc/passwd",
    ),
    "os-07": ("groupadd -o -g 20 hm-twin", "groupdel hm-twin"),
    "ds-user-01": (f"{PROBE} -p '{HASH}'; chage -m 0 -M 99999 hm-probe", GONE),
    "ds-user-03": ("chmod 755 /root", "chmod 700 /root"),
    "ds-user-04": (f"{PROBE}; chmod 755 /home/hm-probe", GONE),
    "ds-user-06": ("usermod -s /bin/false games", "usermod -s /usr/sbin/nologin games"),
    "ds-user-07": (f"usermod -p '{HASH}' games", "usermod -p '*' games"),
    "ds-user-08": ("usermod -s /usr/sbin/nologin sync", "usermod -s /bin/sync sync"),
    "x-user-01": (f"{PROBE}; passwd -dq hm-probe", GONE),
    "x-user-02": ("gpasswd -a games shadow >/dev/null", "gpasswd -d games shadow >/dev/null"),
    "x-user-03": (
        "sed -i 's|^games:x:5:60:|games:x:5:4242:|' /etc/passwd",
        "sed -i 's|^games:x:5:4242:|games:x:5:60:|' /etc/passwd",
    ),
    "x-user-04": ("chage -d $(($(date +%s) / 86400 + 30)) games", "chage -d 2024-01-01 games"),
    "x-user-05": ("echo /usr/sbin/nologin >>/etc/shells", "sed -i '$d' /etc/shells"),
    "x-user-07": (
        "echo 'ssh_pwauth: true' >/etc/cloud/cloud.cfg.d/zz-test.cfg",
        "rm /etc/cloud/cloud.cfg.d/zz-test.cfg",
    ),
}
