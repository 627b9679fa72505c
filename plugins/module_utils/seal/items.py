# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Iterable

from ansible_collections.hallmark.images.plugins.module_utils.seal.sweeper import Sweeper

# What cloud-init keeps about the instance, and what it wrote for it: as `cloud-init clean --logs --seed --configs all`
# (cloudinit/cmd/clean.py), without the seconds that its start takes; scripts/ stays, it is no state. All is written
# anew at the next boot.
CLOUD_INIT = (
    "var/lib/cloud/data",
    "var/lib/cloud/handlers",
    "var/lib/cloud/instance",
    "var/lib/cloud/instances",
    "var/lib/cloud/seed",
    "var/lib/cloud/sem",
    "etc/netplan/50-cloud-init.yaml",
    "etc/network/interfaces.d/50-cloud-init*",
    "etc/systemd/network/10-cloud-init-*",
    "etc/NetworkManager/conf.d/99-cloud-init.conf",
    "etc/NetworkManager/system-connections/cloud-init-*",
    "etc/udev/rules.d/85-persistent-net-cloud-init.rules",
    "etc/ssh/sshd_config.d/50-cloud-init.conf",
    "etc/sudoers.d/90-cloud-init-users",
)
# systemd's seed, its predecessors', and those of boot loaders (random-seed is mixed in at the next boot: two machines
# from one image must not begin with the same).
RANDOM_SEEDS = (
    "var/lib/systemd/random-seed",
    "var/lib/urandom/random-seed",
    "var/lib/random-seed",
    "boot/loader/random-seed",
    "boot/efi/loader/random-seed",
    "efi/loader/random-seed",
)
LEASES = (
    "var/lib/dhcp/*.leases*",
    "var/lib/dhcp/*.lease",
    "var/lib/dhclient/*",
    "var/lib/dhcpcd/*.lease*",
    "var/lib/NetworkManager/*.lease",
    "var/lib/NetworkManager/internal-*",
    "var/lib/NetworkManager/secret_key",
    "var/lib/NetworkManager/seen-bssids",
    "var/lib/NetworkManager/timestamps",
    "var/lib/wicked/lease*",
    "etc/udev/rules.d/70-persistent-net.rules",
)
PACKAGE_CACHES = (
    "var/lib/apt/lists/*_*",
    "var/lib/apt/lists/partial/*",
    "var/lib/apt/lists/auxfiles/*",
    "var/lib/apt/periodic/*",
    "var/cache/apt/*.bin",
    "var/cache/apt/archives/*.deb",
    "var/cache/apt/archives/partial/*",
    "var/cache/debconf/*-old",
    "var/lib/dpkg/*-old",
    "var/cache/dnf/*",
    "var/cache/libdnf5/*",
    "var/cache/yum/*",
    "var/cache/zypp/*",
)
# Logs that a rotation has put aside. What is left in /var/log is emptied and keeps its mode: cloud-init, for one, would
# make its log anew for everybody to read.
ROTATED = ("*.[0-9]", "*.[0-9][0-9]", "*.gz", "*.xz", "*.bz2", "*.zst", "*.old", "*-[0-9]*[0-9]")
HISTORIES = (
    ".bash_history",
    ".ash_history",
    ".sh_history",
    ".zsh_history",
    ".python_history",
    ".node_repl_history",
    ".mysql_history",
    ".psql_history",
    ".sqlite_history",
    ".rediscli_history",
    ".lesshst",
    ".viminfo",
    ".wget-hsts",
)
USER_CACHES = (".cache", ".ansible", ".sudo_as_admin_successful")
# Directives of files that carry an id of the machine; the owner of the file makes a new one where this stands.
ISCSI = "GenerateName=yes\n"


class Plan:
    """What is asked for.

    :param users: the accounts whose authorized keys go entirely.
    :param public_keys: keys that go from every account.
    :param machine_id: ``empty`` or ``uninitialized``.
    :param extra_paths: patterns of further paths to remove.
    """

    def __init__(
        self,
        users: Iterable[str] = (),
        public_keys: Iterable[str] = (),
        machine_id: str = "empty",
        extra_paths: Iterable[str] = (),
    ) -> None:
        self.users = set(users)
        self.blobs = {field for key in public_keys for field in key.split() if field.startswith("AAAA")}
        self.machine_id = machine_id
        self.extra_paths = tuple(extra_paths)


def homes(sweep: Sweeper) -> dict[str, str]:
    """The accounts whose home is a folder of their own, by name."""
    try:
        with open(sweep.path("etc/passwd"), encoding="utf-8", errors="replace") as handle:
            accounts = [line.rstrip("\n").split(":") for line in handle]
    except OSError:
        return {entry.pw_name: entry.pw_dir for entry in pwd.getpwall()} if sweep.root == "/" else {}
    found = {fields[0]: fields[5] for fields in accounts if len(fields) == 7}
    return {name: home for name, home in found.items() if home not in ("", "/") and os.path.isdir(sweep.path(home))}


def authorized_keys(sweep: Sweeper, plan: Plan) -> None:
    """The keys that may log in: all of the given accounts, the build's own of every account."""
    for name, home in homes(sweep).items():
        ssh = os.path.join(home, ".ssh")
        for file in ("authorized_keys", "authorized_keys2"):
            path = os.path.join(ssh, file)
            if name in plan.users:
                sweep.remove(path)
            elif plan.blobs and os.path.isfile(sweep.path(path)):
                _without_keys(sweep, path, plan.blobs)
        if name in plan.users:
            sweep.remove(os.path.join(ssh, "known_hosts*"))


def _without_keys(sweep: Sweeper, path: str, blobs: set[str]) -> None:
    with open(sweep.path(path), encoding="utf-8", errors="replace") as handle:
        lines = handle.readlines()
    kept = [line for line in lines if not blobs & set(line.split())]
    if kept != lines:
        status = os.stat(sweep.path(path))
        sweep.write(path, "".join(kept), stat.S_IMODE(status.st_mode))
        if not sweep.dry:
            os.chown(sweep.path(path), status.st_uid, status.st_gid)


def host_keys(sweep: Sweeper, plan: Plan) -> None:
    """The SSH server's keys; cloud-init or the system's own service makes new ones before the server starts."""
    sweep.remove("etc/ssh/ssh_host_*_key", "etc/ssh/ssh_host_*_key.pub", "etc/ssh/ssh_host_*_key-cert.pub")


def machine_id(sweep: Sweeper, plan: Plan) -> None:
    """The machine's id, which systemd makes anew at the next boot.

    Empty by default. With ``uninitialized``, or without the file, systemd takes the next boot for the first one and
    enables all services by their presets (machine-id(5), "First Boot Semantics"): on Debian that enables what a
    hardening has disabled.
    """
    if os.path.lexists(sweep.path("etc/machine-id")):
        sweep.write("etc/machine-id", "" if plan.machine_id == "empty" else f"{plan.machine_id}\n", 0o444)
    sweep.link("var/lib/dbus/machine-id", "/etc/machine-id")


def host_ids(sweep: Sweeper, plan: Plan) -> None:
    """Ids that other services have made for the machine."""
    sweep.remove("etc/nvme/hostid", "etc/nvme/hostnqn")
    if os.path.exists(sweep.path("etc/iscsi/initiatorname.iscsi")):
        sweep.write("etc/iscsi/initiatorname.iscsi", ISCSI, 0o600)
    contest = "etc/popularity-contest.conf"
    if os.path.exists(sweep.path(contest)):
        with open(sweep.path(contest), encoding="utf-8", errors="replace") as handle:
            lines = handle.readlines()
        kept = [line for line in lines if not line.startswith("MY_HOSTID=")]
        sweep.write(contest, "".join(kept), 0o644)


def cloud_init(sweep: Sweeper, plan: Plan) -> None:
    """What cloud-init knows of the instance, so that the next boot is a new instance's first."""
    sweep.remove(*CLOUD_INIT)


def logs(sweep: Sweeper, plan: Plan) -> None:
    """Logs, and the records of log-ins: old ones and journals are removed, the others emptied."""
    sweep.remove("var/log/journal/*", "var/lib/logrotate/status", "var/lib/logrotate/logrotate.status")
    for folder, _folders, _files in os.walk(sweep.path("var/log")):
        base = glob_free(os.path.relpath(folder, sweep.root))
        sweep.remove(*(f"{base}/{pattern}" for pattern in ROTATED), files_only=True)
        sweep.empty(f"{base}/*", f"{base}/.[!.]*")


def glob_free(path: str) -> str:
    """A path in which no character means anything in a shell pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)


def histories(sweep: Sweeper, plan: Plan) -> None:
    """What shells and other programs remember of their input."""
    _from_homes(sweep, HISTORIES)


def user_caches(sweep: Sweeper, plan: Plan) -> None:
    """What programs keep in the accounts' homes to be faster next time."""
    _from_homes(sweep, USER_CACHES)
    sweep.remove("var/lib/sudo/lectured/*", "var/db/sudo/lectured/*")


def _from_homes(sweep: Sweeper, names: tuple[str, ...]) -> None:
    for home in sorted({*homes(sweep).values(), "/root"}):
        sweep.remove(*(f"{glob_free(home)}/{name}" for name in names))


def temporary(sweep: Sweeper, plan: Plan) -> None:
    """Temporary files; not the private folders of running services, which go with these."""
    for folder in ("tmp", "var/tmp"):
        for path in sweep.find(f"{folder}/*") + sweep.find(f"{folder}/.[!.]*"):
            if not os.path.basename(path).startswith("systemd-private-"):
                sweep.remove(glob_free(os.path.relpath(path, sweep.root)))


def paths(*patterns: str) -> Callable[[Sweeper, Plan], None]:
    """An item that consists of paths to remove."""
    return lambda sweep, plan: sweep.remove(*patterns)


# In this order: what may log in first, what others might still write to last.
ITEMS: dict[str, Callable[[Sweeper, Plan], None]] = {
    "authorized_keys": authorized_keys,
    "host_keys": host_keys,
    "machine_id": machine_id,
    "host_ids": host_ids,
    "cloud_init": cloud_init,
    "random_seed": paths(*RANDOM_SEEDS),
    "credential_secret": paths("var/lib/systemd/credential.secret"),
    "dhcp_leases": paths(*LEASES),
    "histories": histories,
    "user_caches": user_caches,
    "package_caches": paths(*PACKAGE_CACHES),
    "core_dumps": paths("var/lib/systemd/coredump/*", "var/crash/*"),
    "mail": paths("var/mail/*", "var/spool/mail/*"),
    "temporary": temporary,
    "extra_paths": lambda sweep, plan: sweep.remove(*plan.extra_paths),
    "logs": logs,
}
