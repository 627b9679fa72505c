# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that a release ships with set-id bits or capabilities.

Sources. Debian: modes in the packages of Debian 11, 12 and 13 (`dpkg-deb -c`) and in their postinst scripts (chmod,
dpkg-statoverride, setcap); a Debian 12 cloud tree has the first 15 of them. What is
listed for Ubuntu besides, and for the Red Hat family, is still to be compared with machines.
"""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening import os_family
from ansible_collections.hallmark.images.plugins.module_utils.hardening.overrides import names

_DEBIAN = """
/usr/bin/chage /usr/bin/chfn /usr/bin/chsh /usr/bin/expiry /usr/bin/gpasswd /usr/bin/newgrp /usr/bin/passwd
/usr/bin/mount /usr/bin/umount /usr/bin/su /usr/bin/sudo /usr/bin/ssh-agent
/usr/lib/dbus-1.0/dbus-daemon-launch-helper /usr/lib/openssh/ssh-keysign /usr/sbin/unix_chkpwd
/usr/bin/crontab /usr/bin/at /usr/bin/fusermount /usr/bin/fusermount3 /usr/bin/ntfs-3g
/usr/bin/pkexec /usr/lib/polkit-1/polkit-agent-helper-1
/usr/bin/newuidmap /usr/bin/newgidmap /usr/bin/plocate /usr/bin/mlocate /usr/bin/wall /usr/bin/bsd-write
/usr/bin/dotlockfile /usr/bin/mail-lock /usr/bin/mail-unlock /usr/bin/mail-touchlock
/usr/sbin/mount.cifs /usr/sbin/mount.nfs /usr/sbin/pppd
/usr/sbin/exim4 /usr/sbin/postdrop /usr/sbin/postqueue /usr/sbin/dma /usr/lib/dma/dma-mbox-create
/usr/lib/x86_64-linux-gnu/utempter/utempter /usr/lib/aarch64-linux-gnu/utempter/utempter
/usr/bin/ping /usr/bin/arping /usr/bin/clockdiff /usr/bin/mtr-packet
/usr/sbin/pam-tmpdir-helper
""".split()
_UBUNTU = """
/usr/bin/write.ul /usr/bin/screen
/usr/lib/snapd/snap-confine /usr/libexec/polkit-agent-helper-1 /usr/sbin/pam_extrausers_chkpwd
/usr/sbin/mount.ecryptfs_private
""".split()
_REDHAT = """
/usr/bin/at /usr/bin/chage /usr/bin/chfn /usr/bin/chsh /usr/bin/crontab /usr/bin/gpasswd /usr/bin/newgrp
/usr/bin/passwd /usr/bin/mount /usr/bin/umount /usr/bin/su /usr/bin/sudo /usr/bin/sudoedit /usr/bin/pkexec
/usr/bin/fusermount /usr/bin/fusermount3 /usr/bin/locate /usr/bin/write /usr/bin/wall /usr/bin/screen
/usr/bin/ksu /usr/bin/staprun /usr/bin/ssh-agent /usr/bin/lockfile /usr/sbin/lockdev
/usr/lib/polkit-1/polkit-agent-helper-1 /usr/libexec/dbus-1/dbus-daemon-launch-helper
/usr/lib64/dbus-1/dbus-daemon-launch-helper /usr/libexec/openssh/ssh-keysign /usr/libexec/utempter/utempter
/usr/libexec/sssd/krb5_child /usr/libexec/sssd/ldap_child /usr/libexec/sssd/proxy_child
/usr/libexec/sssd/selinux_child /usr/libexec/sssd/p11_child /usr/libexec/cockpit-session
/usr/libexec/qemu-bridge-helper /usr/libexec/abrt-action-install-debuginfo-to-abrt-cache
/usr/sbin/grub2-set-bootflag /usr/sbin/pam_timestamp_check /usr/sbin/unix_chkpwd /usr/sbin/userhelper
/usr/sbin/usernetctl /usr/sbin/netreport /usr/sbin/mount.nfs /usr/sbin/mount.cifs /usr/sbin/postdrop
/usr/sbin/postqueue /usr/sbin/sendmail.sendmail /usr/sbin/pppd /usr/bin/newuidmap /usr/bin/newgidmap
""".split()

#: Set-id programs by family; `debian 11` and the like are those of one release only.
SET_ID = {
    "debian": _DEBIAN,
    "debian 11": ["/usr/lib/policykit-1/polkit-agent-helper-1"],
    "ubuntu": [*_DEBIAN, *_UBUNTU],
    "ubuntu 22.04": ["/usr/lib/policykit-1/polkit-agent-helper-1"],
    "redhat": _REDHAT,
    "amazon": _REDHAT,
    "alinux": _REDHAT,
    "anolis": _REDHAT,
}

_RAW = frozenset(["cap_net_raw"])
_CAPABILITIES = {
    "/usr/bin/ping": _RAW | {"cap_net_admin"},
    "/usr/bin/arping": _RAW,
    "/usr/sbin/arping": _RAW,
    "/usr/bin/clockdiff": _RAW | {"cap_sys_nice"},
    "/usr/sbin/clockdiff": _RAW | {"cap_sys_nice"},
    "/usr/bin/mtr-packet": _RAW,
    "/usr/sbin/mtr-packet": _RAW,
    "/usr/bin/traceroute6.iputils": _RAW,
    "/usr/bin/newuidmap": frozenset(["cap_setuid"]),
    "/usr/bin/newgidmap": frozenset(["cap_setgid"]),
    "/usr/bin/dumpcap": _RAW | {"cap_net_admin"},
    "/usr/bin/gnome-keyring-daemon": frozenset(["cap_ipc_lock"]),
    "/usr/lib/x86_64-linux-gnu/gstreamer1.0/gstreamer-1.0/gst-ptp-helper": frozenset(
        ["cap_net_bind_service", "cap_net_admin", "cap_sys_nice"]
    ),
    "/usr/lib/snapd/snap-confine": frozenset(
        "cap_chown cap_dac_override cap_dac_read_search cap_fowner cap_setgid cap_setuid cap_sys_chroot cap_sys_ptrace"
        " cap_sys_admin cap_sys_resource".split()
    ),
}
_SSSD = {
    f"/usr/libexec/sssd/{name}": frozenset(["cap_dac_read_search", "cap_setuid", "cap_setgid", "cap_chown"])
    for name in ("krb5_child", "ldap_child", "selinux_child", "sssd_pam")
}

#: The most capabilities that a program of a family has.
CAPABILITIES = dict.fromkeys(("debian", "ubuntu"), _CAPABILITIES)
CAPABILITIES.update({name: {**_CAPABILITIES, **_SSSD} for name in ("redhat", "amazon", "alinux", "anolis")})


def known_set_id(os_release: str) -> list[str] | None:
    """Paths that the system of this os-release text may have set-id bits on; None for a system nobody looked at.

    A path in /usr/bin comes with its short name too: not every system's /bin is a link.
    """
    system = os_family.family(os_release)
    if system not in SET_ID:
        return None
    release = f"{system} {os_family.fields(os_release).get('VERSION_ID', '')}"
    return [name for path in [*SET_ID[system], *SET_ID.get(release, [])] for name in names(path)]


def known_capabilities(os_release: str) -> dict[str, frozenset[str]] | None:
    """Names of capabilities by path, as above."""
    return CAPABILITIES.get(os_family.family(os_release))
