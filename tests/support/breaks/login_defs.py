# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area login_defs without touching another, and how to undo it."""

from __future__ import annotations


def login(key: str, wrong: str) -> tuple[str, str]:
    """Set a key of login.defs wrong and bring the file back."""
    return f"sed -i -E 's|^{key}\\s.*|{key}\t{wrong}|' /etc/login.defs", "cp -p /root/login.defs /etc/login.defs"


#: The class of the check file that the machine's answer is read into.
FACTS = "Login"
#: Nothing on a running Debian can break these: they are about another family of systems.
CANNOT = {"os-05b"}
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = "cp -p /etc/login.defs /root/login.defs"
BREAKS: dict[str, tuple[str, str]] = {
    "os-05": login("PASS_MAX_DAYS", "99999"),
    "ds-login_defs-01": login("LOG_OK_LOGINS", "no"),
    "ds-login_defs-02": login("UID_MAX", "61000"),
    "ds-login_defs-03": login("SHA_CRYPT_MIN_ROUNDS", "5000"),
    "ds-login_defs-04": login("DEFAULT_HOME", "yes"),
    "ds-login_defs-05": login("TTYPERM", "0622"),
    "ds-login_defs-06": login("MAIL_DIR", "/tmp"),
    "ds-login_defs-07": ("echo 'CHFN_RESTRICT rwh' >>/etc/login.defs", "cp -p /root/login.defs /etc/login.defs"),
    "x-login_defs-01": login("HOME_MODE", "0755"),
    "x-login_defs-02": login("YESCRYPT_COST_FACTOR", "5"),
    "x-login_defs-04": ("echo umask 022 >/etc/profile.d/zzz-test.sh", "rm /etc/profile.d/zzz-test.sh"),
    "x-login_defs-05": login("ENV_PATH", "PATH=/usr/local/bin:/usr/bin:/bin:"),
}
