# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area minimize_access without touching another, and how to undo it."""

from __future__ import annotations


def mode(path: str, wrong: str, right: str) -> tuple[str, str]:
    """Give a file another mode and back."""
    return f"chmod {wrong} {path}", f"chmod {right} {path}"


#: The class of the check file that the machine's answer is read into.
FACTS = "Access"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: Breaking these changes what a sweep of the file systems finds, so that there must be another.
SWEPT = {"x-min-01", "x-min-02", "x-min-03"}
#: What is run on the hardened machine first.
PREPARE = "cp -p /etc/fstab /root/fstab"
BREAKS: dict[str, tuple[str, str]] = {
    "os-02": mode("/etc/shadow", "0644", "0640"),
    "os-03": mode("/etc/passwd", "0664", "0644"),
    "os-11": ("chown daemon /var/log", "chown root /var/log"),
    "ds-min-01": ("install -m 0775 /bin/true /usr/local/bin/test-program", "rm /usr/local/bin/test-program"),
    "ds-min-02": mode("/etc/gshadow", "0644", "0640"),
    "ds-min-03": mode("/etc/group", "0664", "0644"),
    "ds-min-04": mode("/usr/bin/su", "4755", "0750"),
    "ds-min-05": ("mount -o remount,hidepid=0 /proc", "mount -o remount /proc"),
    "ds-min-06": mode("/boot", "0755", "0700"),
    "ds-min-07": ("sed -i '/shm/s/,noexec//' /etc/fstab", "cp -p /root/fstab /etc/fstab"),
    "x-min-01": ("install -m 0666 /dev/null /srv/test-file", "rm /srv/test-file"),
    "x-min-02": ("mkdir -m 0777 /srv/test-folder", "rmdir /srv/test-folder"),
    "x-min-03": ("install -m 0600 /dev/null /srv/test-file; chown 54321 /srv/test-file", "rm /srv/test-file"),
    "x-min-04": (
        "install -m 0644 /dev/null /etc/security/opasswd.old",
        "rm /etc/security/opasswd.old",
    ),
    "x-min-05": mode("/etc/shells", "0664", "0644"),
    "x-min-06": mode("/boot/vmlinuz-*", "0644", "0600"),
    "x-min-07": mode("/etc/sudoers.d", "0755", "0750"),
    "x-min-09": ("install -m 0644 /dev/null /var/log/test.log", "rm /var/log/test.log"),
    "x-min-10": mode("/etc/ssh/sshd_config", "0644", "0600"),
    "x-min-11": ("install -m 0664 /dev/null /root/.test-file", "rm /root/.test-file"),
    "x-min-12": (
        "sed -i 's/^auth.*pam_wheel.so use_uid/#&/' /etc/pam.d/su",
        "sed -i 's/^#\\(auth.*pam_wheel.so use_uid\\)/\\1/' /etc/pam.d/su",
    ),
}
