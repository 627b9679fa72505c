# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls that are off by default: two states of a hardened machine that differ in one of them, and the way back.

The roles' defaults leave most of them unmet, so that each is first met by the shell here, and then broken. What the
roles themselves make of their switches, Molecule's scenarios show.
"""

from __future__ import annotations

from support.breaks import yum

STATUS = "/var/lib/dpkg/status"
WANTS = "/etc/systemd/system/multi-user.target.wants"
MENU = "/boot/grub/grub.cfg"
UNITS = "/etc/systemd/system"
SSHD = "/etc/ssh/sshd_config.d/00-a.conf"
SUDOERS = "/etc/sudoers.d/zz-test"
INVITED = "/etc/sudoers.d/90-cloud-init-users"
LITTLE_USED = "/usr/bin/chfn /usr/bin/chsh /usr/bin/newgrp /usr/bin/gpasswd /usr/bin/expiry"
SYSCTL = "/etc/sysctl.d/zz-test.conf"
OBSOLETE = "games|gnats|irc|list|news|uucp"
ACCOUNTS = "cp -p /root/off-passwd /etc/passwd; cp -p /root/off-shadow /etc/shadow"
RULES = (
    "#!/usr/sbin/nft -f\\ntable inet test {\\n\\tchain input {\\n\\t\\ttype filter hook input priority 0; policy %s;\\n"
)
RULES += "\\t\\tiif lo accept\\n\\t\\tct state established accept\\n\\t\\ttcp dport 22 accept\\n\\t}\\n}\\n"

#: Nothing on a running Debian 12 can change these: they are about RPM systems and newer kernels. ds-suid-01 is judged
#: on no machine.
CANNOT = {"ds-pam-09", "ds-suid-01", "ds-sysctl-09", "x-sysctl-07"}
#: What fails with it, because it says the same or less.
ALSO = {"ds-suid-02": {"x-suid-01"}, "ds-user-05": {"os-07"}}
#: Those whose states a sweep of the file systems shows.
SWEPT = {"ds-suid-02"}
#: What is run on the machine first.
PREPARE = f"cp -p {STATUS} /root/off-status; cp -p {MENU} /root/off-menu; cp -p /etc/passwd /root/off-passwd"
PREPARE += "; cp -p /etc/shadow /root/off-shadow"


def installed(*names: str) -> str:
    """Have dpkg's database hold more packages."""
    rest = ["Status: install ok installed", "Maintainer: none <none@localhost>", "Architecture: all", "Version: 1"]
    lines = [line for name in names for line in (f"Package: {name}", *rest, "Description: test", "")]
    return f"printf '%s\\n' {' '.join(repr(line) for line in lines)} >>{STATUS}"


UNINSTALLED = f"cp -p /root/off-status {STATUS}"


def written(path: str, *texts: str) -> tuple[str, ...]:
    """Write texts to a file, one after the other, and remove it."""
    write = f"mkdir -p $(dirname {path}); printf '%b\\n' '{{}}' >{path}; chmod 644 {path}"
    return (*(write.format(text) for text in texts), f"rm {path}")


def parameters(values: dict[str, str], key: str, wrong: str) -> tuple[str, str, str]:
    """Have kernel parameters in force and stored, set one wrong, and bring back what was."""
    lines = "\n".join(f"{name} = {value}" for name, value in values.items())
    store, remove = written(SYSCTL, lines)
    keep = f"sysctl {' '.join(values)} >/root/off-sysctl"
    return (
        f"{keep}; {store}; sysctl -qp {SYSCTL}",
        f"sysctl -qw '{key}={wrong}'",
        f"{remove}; sysctl -qp /root/off-sysctl",
    )


#: By area and control.
OFF: dict[str, dict[str, tuple[str, ...]]] = {
    "accounting": {
        "x-acct-01": (
            f"{installed('acct', 'sysstat')}; touch {WANTS}/acct.service {WANTS}/sysstat.service",
            "echo 'ENABLED=\"false\"' >/etc/default/sysstat",
            f"rm /etc/default/sysstat {WANTS}/acct.service {WANTS}/sysstat.service; {UNINSTALLED}",
        ),
    },
    "auditd": {
        # The running rules stay locked until the next boot.
        "x-auditd-14": ("", "auditctl -e 2 >/dev/null; echo '-e 2' >/etc/audit/rules.d/zzz-test.rules", ""),
        "x-auditd-18": (
            "cp -p /etc/audit/auditd.conf /root/off-auditd; sed -i -E -e 's/^(log_format) = .*/\\1 = ENRICHED/' "
            "-e 's/^(name_format) = .*/\\1 = hostname/' /etc/audit/auditd.conf; "
            "install -m 0750 /bin/true /sbin/audisp-remote",
            "rm /sbin/audisp-remote",
            "cp -p /root/off-auditd /etc/audit/auditd.conf",
        ),
    },
    "boot": {
        "x-boot-02": (
            f"sed -i -e '1i set superusers=\"root\"\\npassword_pbkdf2 root grub.pbkdf2.sha512.10000.AB.CD' "
            f"-e 's/^menuentry /&--unrestricted /' {MENU}; touch -r /root/off-menu {MENU}",
            f"sed -i '/^password_pbkdf2/d' {MENU}; touch -r /root/off-menu {MENU}",
            f"cat /root/off-menu >{MENU}; touch -r /root/off-menu {MENU}",
        ),
        # The running kernel stays locked until the next boot.
        "x-boot-04": (
            f"sed -i -E '/^\\s*linux\\s/s/$/ lockdown=integrity/' {MENU}; touch -r /root/off-menu {MENU}",
            "echo integrity >/sys/kernel/security/lockdown",
            f"cat /root/off-menu >{MENU}; touch -r /root/off-menu {MENU}",
        ),
    },
    "console": {
        "ds-ctrlaltdel-01": (
            "mkdir -p /etc/systemd/system.conf.d; printf '[Manager]\\nCtrlAltDelBurstAction=none\\n' "
            ">/etc/systemd/system.conf.d/zz-test.conf; systemctl -q mask ctrl-alt-del.target; systemctl daemon-reexec",
            "systemctl -q unmask ctrl-alt-del.target",
            "rm /etc/systemd/system.conf.d/zz-test.conf; systemctl daemon-reexec",
        ),
    },
    "firewall": {
        # nft is not installed: what stands for it shows the rules that are stored as the running ones.
        "x-fw-01": (
            f"printf '[Install]\\nWantedBy=multi-user.target\\n' >{UNITS}/nftables.service; "
            f"ln -s {UNITS}/nftables.service {WANTS}; printf '#!/bin/sh\\ncat /etc/nftables.conf\\n' "
            f">/usr/sbin/nft; chmod 755 /usr/sbin/nft; printf '{RULES}' drop >/etc/nftables.conf",
            f"printf '{RULES}' accept >/etc/nftables.conf",
            f"rm {UNITS}/nftables.service {WANTS}/nftables.service /usr/sbin/nft /etc/nftables.conf",
        ),
    },
    "integrity": {
        "x-fim-01": (
            f"{installed('aide')}; mkdir -p /var/lib/aide {UNITS}/timers.target.wants; touch /var/lib/aide/aide.db "
            f"{UNITS}/timers.target.wants/dailyaidecheck.timer",
            f"ln -s /dev/null {UNITS}/dailyaidecheck.timer",
            f"rm -r /var/lib/aide {UNITS}/timers.target.wants/dailyaidecheck.timer {UNITS}/dailyaidecheck.timer; "
            f"{UNINSTALLED}",
        ),
    },
    "limits": {
        "ds-limits-03": (
            "mkdir /root/off; for path in /etc/security/limits.d /etc/systemd/coredump.conf.d; do "
            "grep -l hallmark.images $path/* | while read -r file; do mv $file /root/off/$(basename $path); done; done",
            "printf '# hallmark.images\\n* soft core 0\\n' >/etc/security/limits.d/zz-hallmark.conf",
            "mv /root/off/coredump.conf.d /etc/systemd/coredump.conf.d/zz-hallmark.conf; "
            "mv /root/off/limits.d /etc/security/limits.d/zz-hallmark.conf; rmdir /root/off",
        ),
        "x-limits-03": parameters({"kernel.core_pattern": "|/bin/false"}, "kernel.core_pattern", "core"),
        "x-limits-04": written("/etc/security/limits.d/zz-test.conf", "* soft nproc 4096", "* soft nproc unlimited"),
    },
    "login_defs": {
        "x-login_defs-03": (
            "cp -p /etc/default/useradd /root/off-useradd; echo INACTIVE=45 >>/etc/default/useradd",
            "echo INACTIVE=-1 >>/etc/default/useradd",
            "cp -p /root/off-useradd /etc/default/useradd",
        ),
    },
    "minimize_access": {
        "x-min-08": ("install -m 0750 /bin/true /usr/bin/gcc", "chmod 0755 /usr/bin/gcc", "rm /usr/bin/gcc"),
    },
    "modprobe": {
        "x-modprobe-04": written(
            "/etc/modprobe.d/zz-test.conf", "blacklist overlay\ninstall overlay /bin/true", "blacklist overlay"
        ),
    },
    "mount_options": {
        "x-mount-03": (
            "cp -p /etc/fstab /root/off-fstab; echo 'tmpfs /var/tmp tmpfs nodev,nosuid,noexec 0 0' >>/etc/fstab; "
            "mount -t tmpfs -o nodev,nosuid,noexec tmpfs /var/tmp",
            "cp -p /root/off-fstab /etc/fstab",
            "umount /var/tmp",
        ),
        "x-mount-04": (
            "for path in /home /var /var/log /var/log/audit /var/tmp; do mount --bind $path $path; done",
            "umount /var/log/audit",
            "for path in /var/tmp /var/log /var /home; do umount -l $path; done",
        ),
    },
    "packages": {
        "x-pkg-02": (
            f"{installed('unattended-upgrades')}; printf '%s\\n' 'APT::Periodic::Update-Package-Lists \"1\";' "
            "'APT::Periodic::Unattended-Upgrade \"1\";' 'Unattended-Upgrade::Automatic-Reboot \"false\";' "
            "'Unattended-Upgrade::Origins-Pattern:: \"origin=Debian,label=Debian-Security\";' "
            ">/etc/apt/apt.conf.d/99zzz-test",
            "echo 'Unattended-Upgrade::Origins-Pattern:: \"origin=*\";' >>/etc/apt/apt.conf.d/99zzz-test",
            f"rm /etc/apt/apt.conf.d/99zzz-test; {UNINSTALLED}",
        ),
        "x-pkg-04": (
            installed("needrestart", "debsums", "apt-show-versions", "apt-listchanges"),
            f"{UNINSTALLED}; {installed('needrestart', 'debsums', 'apt-show-versions')}",
            UNINSTALLED,
        ),
    },
    "pam": {
        "ds-pam-10": ("", "echo 'session optional pam_sss.so' >/etc/pam.d/zz-test", "rm /etc/pam.d/zz-test"),
        "x-pam-05": (
            "",
            "touch $(dirname $(ls /usr/lib/*/security/pam_unix.so))/pam_tmpdir.so",
            "rm /usr/lib/*/security/pam_tmpdir.so",
        ),
        "x-pam-06": (
            "",
            "touch $(dirname $(ls /usr/lib/*/security/pam_unix.so))/pam_apparmor.so",
            "rm /usr/lib/*/security/pam_apparmor.so",
        ),
    },
    "profile": {
        "ds-profile-02": written(
            "/etc/profile.d/zz-test.sh", "TMOUT=600; readonly TMOUT; export TMOUT", "TMOUT=3600; export TMOUT"
        ),
    },
    # A machine that has rsyslog keeps it.
    "rsyslog": {
        "x-log-03": (
            "[ -e /usr/sbin/rsyslogd ] || touch /usr/sbin/rsyslogd /root/off-rsyslog; mkdir -p /etc/rsyslog.d; "
            "echo '*.* @@192.0.2.1' >/etc/rsyslog.d/zz-test.conf",
            "echo '#*.* @@192.0.2.1' >/etc/rsyslog.d/zz-test.conf",
            "rm /etc/rsyslog.d/zz-test.conf; [ ! -e /root/off-rsyslog ] || rm /usr/sbin/rsyslogd /root/off-rsyslog",
        ),
    },
    "securetty": {
        "x-securetty-04": (
            "cp -p /etc/securetty /root/off-securetty; echo 'auth required pam_securetty.so' >/etc/pam.d/zz-test; "
            "printf 'ttyS0\\nttyAMA0\\nhvc0\\n' >>/etc/securetty",
            "sed -i /^ttyS0$/d /etc/securetty",
            "cp -p /root/off-securetty /etc/securetty; rm /etc/pam.d/zz-test",
        ),
    },
    "services": {
        "x-svc-02": (
            "",
            f"printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' "
            f">{UNITS}/zz-test.service; systemctl -q enable zz-test.service",
            f"systemctl -q disable zz-test.service; rm {UNITS}/zz-test.service; systemctl daemon-reload",
        ),
        "x-hosts-01": (
            "cp -p /etc/hosts.allow /root/off-allow; cp -p /etc/hosts.deny /root/off-deny; "
            "echo 'sshd: ALL' >/etc/hosts.allow; echo 'ALL: ALL' >/etc/hosts.deny",
            "echo 'ALL: PARANOID' >/etc/hosts.deny",
            "cp -p /root/off-allow /etc/hosts.allow; cp -p /root/off-deny /etc/hosts.deny",
        ),
    },
    "ssh": {"x-ssh-08": written(SSHD, "AllowGroups sudo\nGSSAPIAuthentication no", "GSSAPIAuthentication no")},
    "sudo": {
        "x-sudo-02": written(
            SUDOERS,
            "Defaults noexec, requiretty, ignore_dot, env_reset, umask=0077",
            "Defaults noexec, requiretty, ignore_dot, env_reset, umask=0022",
        ),
        # The users of user data fail it as well.
        "x-sudo-03": (f"mv {INVITED} /root/off", f"mv /root/off {INVITED}", ""),
    },
    "suid_sgid": {
        "ds-suid-02": ("", "install -m 4755 /bin/true /usr/local/bin/zz-test", "rm /usr/local/bin/zz-test"),
        "x-suid-02": (
            f"stat -c '%a %n' {LITTLE_USED} >/root/off-modes 2>/dev/null; chmod -f a-s {LITTLE_USED}",
            "chmod u+s /usr/bin/chfn",
            "while read -r mode path; do chmod $mode $path; done </root/off-modes",
        ),
    },
    "sysctl": {
        "x-sysctl-14": parameters(
            {
                "kernel.perf_cpu_time_max_percent": "1",
                "kernel.perf_event_max_sample_rate": "1",
                "kernel.pid_max": "65536",
                "net.ipv4.ip_local_port_range": "32768 65535",
            },
            "kernel.pid_max",
            "65537",
        ),
        "x-sysctl-15": parameters({"user.max_user_namespaces": "0"}, "user.max_user_namespaces", "1"),
        # No module can be loaded until the next boot.
        "x-sysctl-16": parameters(
            {
                "net.ipv4.conf.all.shared_media": "0",
                "net.ipv4.conf.default.shared_media": "0",
                "net.ipv4.conf.all.arp_ignore": "2",
                "kernel.modules_disabled": "1",
            },
            "net.ipv4.conf.default.shared_media",
            "1",
        ),
    },
    "user_accounts": {
        "ds-user-02": (
            "usermod -p '$6$none$none' root; chage -m 7 -M 60 -W 7 root",
            "chage -M 99999 root",
            ACCOUNTS,
        ),
        "ds-user-05": ("", "useradd -o -u 0 -g nogroup -d /root -s /bin/bash zz-test", ACCOUNTS),
        # Neither there nor made again by systemd-sysusers at the next boot.
        "x-user-06": (
            f"sed -i -E '/^({OBSOLETE}):/d' /etc/passwd; mkdir -p /etc/sysusers.d; "
            f"grep -lE '^u\\S*\\s+({OBSOLETE})\\s' /usr/lib/sysusers.d/*.conf | while read -r path; do "
            f"sed -E '/^[ugm]\\S*\\s+({OBSOLETE})\\s/d' $path >/etc/sysusers.d/${{path##*/}}; "
            "echo /etc/sysusers.d/${path##*/} >>/root/off-sysusers; done",
            "grep ^news: /root/off-passwd >>/etc/passwd",
            f"{ACCOUNTS}; [ ! -e /root/off-sysusers ] || rm $(cat /root/off-sysusers) /root/off-sysusers",
        ),
    },
    "yum": {
        "x-yum-02": (
            yum.files(repository=("name=test", "repo_gpgcheck=1"))[0],
            yum.files(repository=("name=test", "repo_gpgcheck=0"))[0],
            yum.files()[1],
        ),
    },
}
