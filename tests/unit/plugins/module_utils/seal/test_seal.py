# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.seal import system
from ansible_collections.hallmark.images.plugins.module_utils.seal.items import ITEMS, Plan
from ansible_collections.hallmark.images.plugins.module_utils.seal.sweeper import Sweeper

BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIBuild"
# Each path with its contents, and what must be of it after sealing: None for gone, else the contents.
TREE: dict[str, tuple[str, str | None]] = {
    "home/debian/.ssh/authorized_keys": (f"ssh-ed25519 {BLOB} build\n", None),
    "home/admin/.ssh/authorized_keys": (
        f"ssh-ed25519 AAAAmine me\nssh-ed25519 {BLOB} build\n",
        "ssh-ed25519 AAAAmine me\n",
    ),
    "root/.ssh/authorized_keys": ("no-pty ssh-ed25519 AAAA root\n", None),
    "etc/ssh/ssh_host_ed25519_key": ("k", None),
    "etc/ssh/ssh_host_ed25519_key.pub": ("k", None),
    "etc/ssh/ssh_host_rsa_key-cert.pub": ("k", None),
    "etc/ssh/sshd_config": ("Port 22\n", "Port 22\n"),
    "etc/machine-id": ("0123456789abcdef0123456789abcdef\n", ""),
    "etc/iscsi/initiatorname.iscsi": ("InitiatorName=iqn.x\n", "GenerateName=yes\n"),
    "etc/popularity-contest.conf": ('PARTICIPATE="yes"\nMY_HOSTID="abc"\n', 'PARTICIPATE="yes"\n'),
    "etc/nvme/hostid": ("id", None),
    "var/lib/cloud/instances/i-1/user-data.txt": ("secret", None),
    "var/lib/cloud/seed/nocloud/user-data": ("x", None),
    "var/lib/cloud/scripts/per-boot/mine.sh": ("#!/bin/sh\n", "#!/bin/sh\n"),
    "etc/netplan/50-cloud-init.yaml": ("n", None),
    "etc/netplan/60-mine.yaml": ("n", "n"),
    "etc/systemd/network/10-cloud-init-ens3.network": ("n", None),
    "etc/sudoers.d/90-cloud-init-users": ("debian ALL=(ALL) NOPASSWD:ALL", None),
    "etc/sudoers.d/mine": ("m", "m"),
    "var/lib/systemd/random-seed": ("r", None),
    "var/lib/systemd/credential.secret": ("c", None),
    "var/lib/systemd/timesync/clock": ("", ""),
    "var/lib/dhcp/dhclient.eth0.leases": ("l", None),
    "var/lib/NetworkManager/secret_key": ("l", None),
    "var/lib/NetworkManager/NetworkManager.state": ("s", "s"),
    "root/.bash_history": ("h", None),
    "home/admin/.python_history": ("h", None),
    "home/admin/.bashrc": ("b", "b"),
    "home/admin/.cache/pip/x": ("c", None),
    "root/.ansible/tmp/ansible-1/x": ("c", None),
    "var/lib/apt/lists/deb.debian.org_dists_bookworm_InRelease": ("l", None),
    "var/lib/apt/lists/lock": ("", ""),
    "var/cache/apt/pkgcache.bin": ("p", None),
    "var/cache/apt/archives/bash_1_amd64.deb": ("p", None),
    "var/cache/dnf/x/y": ("p", None),
    "var/lib/dpkg/status": ("s", "s"),
    "var/lib/systemd/coredump/core.1": ("c", None),
    "var/mail/root": ("m", None),
    "tmp/a/b/c": ("t", None),
    "tmp/.hidden": ("t", None),
    "tmp/systemd-private-x/tmp/f": ("t", "t"),
    "var/tmp/x": ("t", None),
    "opt/installer/file": ("x", None),
    "opt/app/file": ("x", "x"),
    "var/log/syslog": ("log", ""),
    "var/log/syslog.1": ("log", None),
    "var/log/syslog.2.gz": ("log", None),
    "var/log/messages-20261101": ("log", None),
    "var/log/cloud-init-output.log": ("log", ""),
    "var/log/audit/audit.log": ("log", ""),
    "var/log/postgresql-15/server.log": ("log", ""),
    "var/log/journal/0123456789abcdef/system.journal": ("log", None),
    "var/log/wtmp": ("w", ""),
    "var/log/[odd]*/x.log": ("log", ""),
}
PASSWD = """root:x:0:0::/root:/bin/sh
debian:x:1000:1000::/home/debian:/bin/sh
admin:x:1001:1001::/home/admin:/bin/sh
nobody:x:9:9::/nonexistent:/bin/false
"""
PLAN = Plan(users=["debian", "root"], public_keys=[f"ssh-ed25519 {BLOB} a comment"], extra_paths=["/opt/inst*"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, (text, _after) in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "var/lib/dbus").mkdir()
    (tmp_path / "var/lib/dbus/machine-id").write_text("0123\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("stays")
    (tmp_path / "tmp/link").symlink_to(tmp_path / "outside")
    return tmp_path


def seal(root: Path, **options: object) -> dict[str, Sweeper]:
    done = {}
    for name, item in ITEMS.items():
        done[name] = Sweeper(str(root), **options)
        item(done[name], PLAN)
        assert done[name].errors == []
    return done


def contents(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_what_goes_is_gone_and_what_stays_is_whole(root: Path) -> None:
    seal(root)
    found = contents(root)
    assert {name: found.get(name) for name in TREE} == {name: after for name, (_text, after) in TREE.items()}
    assert os.readlink(root / "var/lib/dbus/machine-id") == "/etc/machine-id"
    assert (root / "etc/machine-id").stat().st_mode & 0o777 == 0o444
    assert not (root / "tmp/link").is_symlink()
    assert (root / "outside/file").read_text() == "stays"
    assert (root / "tmp").is_dir()


def test_a_dry_run_says_the_same_and_changes_nothing(root: Path) -> None:
    before = contents(root)
    dry = {name: sorted(sweep.changes) for name, sweep in seal(root, dry=True).items()}
    assert contents(root) == before
    wet = {name: sorted(sweep.changes) for name, sweep in seal(root).items()}
    assert dry == wet
    assert wet["host_keys"] == [
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssh/ssh_host_ed25519_key.pub",
        "/etc/ssh/ssh_host_rsa_key-cert.pub",
    ]
    assert "/tmp/a" in wet["temporary"]
    assert "/tmp/a/b" not in wet["temporary"]


def test_a_second_run_finds_nothing(root: Path) -> None:
    seal(root)
    assert {name: sweep.changes for name, sweep in seal(root).items() if sweep.changes} == {}


def test_what_runs_is_spared(root: Path) -> None:
    sweep = Sweeper(str(root), spare=(str(root / "tmp/a/b/c"),))
    ITEMS["temporary"](sweep, PLAN)
    assert (root / "tmp/a/b/c").exists()
    assert not (root / "tmp/.hidden").exists()
    assert sweep.errors == []
    assert "/tmp/a" not in sweep.changes


def test_uninitialized_machine_id(root: Path) -> None:
    ITEMS["machine_id"](Sweeper(str(root)), Plan(machine_id="uninitialized"))
    assert (root / "etc/machine-id").read_text() == "uninitialized\n"


def test_failures_are_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(os, "unlink", refuse)
    sweep = Sweeper(str(root))
    ITEMS["credential_secret"](sweep, PLAN)
    assert sweep.errors == [f"{root}/var/lib/systemd/credential.secret: Operation not permitted"]
    assert sweep.changes == []


def test_a_folder_that_is_written_into_meanwhile_goes_with_what_it_got(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache/old").mkdir(parents=True)
    remove, late = os.rmdir, [tmp_path / "cache/late"]

    def write_before(path: str, **options: object) -> None:
        if path == str(tmp_path / "cache") and late:
            late.pop().touch()
        remove(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rmdir", write_before)
        sweep = Sweeper(str(tmp_path))
        sweep.remove("cache")
    assert (os.listdir(tmp_path), sweep.changes, sweep.errors) == ([], ["/cache"], [])


def test_trimmed_bytes_are_read() -> None:
    output = (
        "/boot/efi: 51.2 MiB (53716480 bytes) trimmed on /dev/vda15\n/: 3 GiB (3524947968 bytes) trimmed on /dev/vda1\n"
    )
    assert system.trim(lambda command: (32, output, "not supported")) == {"/boot/efi": 53716480, "/": 3524947968}


def test_swaps_on_disk_are_found() -> None:
    text = "Filename Type Size Used\n/dev/vda2 partition 1 0\n/swapfile file 1 0\n/dev/zram0 partition 1 0\n"
    assert system.active_swaps(text) == [("/dev/vda2", "partition"), ("/swapfile", "file")]


def test_swap_is_wiped_under_its_old_names(tmp_path: Path) -> None:
    ran = []

    def run(command: list[str]) -> tuple[int, str, str]:
        ran.append(command)
        return 0, "LABEL=mine\nUUID=1-2\nTYPE=swap\n" if command[0] == "blkid" else "", ""

    (tmp_path / "swap").write_bytes(bytes(4096))
    assert system.wipe_swap(run, str(tmp_path / "swap"), "file") == []
    assert [command[0] for command in ran] == ["blkid", "swapoff", "fallocate", "mkswap"]
    assert ran[-1] == ["mkswap", "-U", "1-2", "-L", "mine", str(tmp_path / "swap")]


def test_swap_in_use_is_left_alone() -> None:
    ran = []

    def run(command: list[str]) -> tuple[int, str, str]:
        ran.append(command[0])
        return (1, "", "no memory") if command[0] == "swapoff" else (0, "", "")

    assert system.wipe_swap(run, "/dev/vda2", "partition") == ["swapoff /dev/vda2: no memory"]
    assert ran == ["blkid", "swapoff"]


def test_shutdown_is_quiet(tmp_path: Path) -> None:
    assert system.quiet_shutdown(lambda command: (1, "", "unused"), str(tmp_path)) == []
    (tmp_path / "systemd/system").mkdir(parents=True)
    assert system.quiet_shutdown(lambda command: (0, "", ""), str(tmp_path)) == []
    drop_in = tmp_path / "systemd/system/systemd-random-seed.service.d/seal.conf"
    assert drop_in.read_text() == "[Service]\nExecStop=\n"
    assert system.quiet_shutdown(lambda command: (1, "", "no bus"), str(tmp_path)) == [
        "systemctl daemon-reload: no bus"
    ]


def test_host_keys_need_a_maker(tmp_path: Path) -> None:
    assert system.makes_host_keys(str(tmp_path))
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/sshd").touch()
    assert not system.makes_host_keys(str(tmp_path))
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "usr/bin/cloud-init").touch()
    assert system.makes_host_keys(str(tmp_path))
