# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area pam without touching another, and how to undo it."""

from __future__ import annotations


def stack(kind: str, edit: str) -> tuple[str, str]:
    """Edit one of Debian's stacks with sed and bring it back."""
    return f"sed -i '{edit}' /etc/pam.d/common-{kind}", f"cp -p /root/pam.d/common-{kind} /etc/pam.d/common-{kind}"


def file(path: str, text: str) -> tuple[str, str]:
    """Put a file there that does not belong there."""
    return f"echo '{text}' >{path}", f"rm {path}"


#: The class of the check file that the machine's answer is read into.
FACTS = "Pam"
#: Nothing on a running Debian can break these: they are about RPM systems.
CANNOT = {"ds-pam-05", "ds-pam-06"}
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT = {"ds-pam-08"}  # libuser is not installed
#: What is run on the hardened machine first.
PREPARE = (
    "mkdir -p /root/pam.d; cp -p /etc/pam.d/common-* /root/pam.d; cp -p /etc/security/faillock.conf /root/faillock.conf"
)
BREAKS: dict[str, tuple[str, str]] = {
    "ds-pam-01": (
        "touch $(dirname $(ls /usr/lib/*/security/pam_unix.so))/pam_ccreds.so",
        "rm /usr/lib/*/security/pam_ccreds.so",
    ),
    "ds-pam-02": stack("password", "/pam_pwquality/s/^/#/"),
    "ds-pam-03": stack("auth", "/preauth/s/^/#/"),
    "ds-pam-04": file("/usr/share/pam-configs/tally2", "Name: old"),
    "ds-pam-07": stack("account", "s/ no_pass_expiry//"),
    "ds-pam-08": file("/etc/libuser.conf", "crypt_style = md5"),
    "x-pam-01": ("echo 'minlen = 8' >>/etc/security/pwquality.conf", "sed -i '$d' /etc/security/pwquality.conf"),
    "x-pam-02": (
        "sed -i 's/^deny = .*/deny = 4/' /etc/security/faillock.conf",
        "cp -p /root/faillock.conf /etc/security/faillock.conf",
    ),
    "x-pam-03": stack("password", "s/remember=24/remember=5/"),
    "x-pam-04": file("/etc/pam.d/zz-test", "auth required pam_unix.so nullok"),
}
