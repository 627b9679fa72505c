# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import kernel


@pytest.fixture
def proc(tmp_path):
    """A copy of the part of /proc/sys that the tests change."""
    for key, value in {
        "net/ipv4/ip_forward": "1",
        "net/ipv4/conf/all/rp_filter": "0",
        "net/ipv4/conf/eth0/rp_filter": "2",
        "net/ipv4/conf/eth0.5/rp_filter": "0",
        "net/ipv4/tcp_rmem": "4096\t131072\t6291456",
        "kernel/kexec_load_disabled": "0",
        "kernel/yama/ptrace_scope": "3",
    }.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return tmp_path


def test_apply_writes_only_what_differs(proc, monkeypatch):
    written = []
    real = kernel.put
    monkeypatch.setattr(kernel, "put", lambda key, value, base: written.append(key) or real(key, value, base))
    settings = {"net/ipv4/ip_forward": "0", "net/ipv4/tcp_rmem": "4096 131072 6291456", "kernel/none": "1"}
    assert kernel.apply(settings, False, str(proc)) == ([("net/ipv4/ip_forward", "1", "0")], [], [])
    assert written == ["net/ipv4/ip_forward"]
    assert kernel.apply(settings, False, str(proc)) == ([], [], [])


def test_check_mode_foretells_and_writes_nothing(proc):
    settings = {"net/ipv4/ip_forward": "0", "kernel/yama/ptrace_scope": "2"}
    foretold = kernel.apply(settings, True, str(proc))
    assert (proc / "net/ipv4/ip_forward").read_text() == "1\n"
    assert foretold == kernel.apply(settings, False, str(proc))


def test_patterns_reach_every_interface_and_a_name_beats_them(proc):
    settings = {"net/ipv4/conf/*/rp_filter": "1", "net/ipv4/conf/eth0/rp_filter": "2"}
    changes, _waiting, _failures = kernel.apply(settings, False, str(proc))
    assert [(key, now) for key, _was, now in changes] == [
        ("net/ipv4/conf/all/rp_filter", "1"),
        ("net/ipv4/conf/eth0.5/rp_filter", "1"),
    ]
    assert kernel.expand("net/ipv4/conf/*/none", str(proc)) == []


def test_locked_parameters_wait_for_the_next_boot(proc):
    settings = {"kernel/yama/ptrace_scope": "2", "kernel/kexec_load_disabled": "1"}
    changes, waiting, failures = kernel.apply(settings, False, str(proc))
    assert changes == [("kernel/kexec_load_disabled", "0", "1")]
    assert waiting == ["kernel/yama/ptrace_scope"]
    assert failures == []
    assert (proc / "kernel/yama/ptrace_scope").read_text() == "3\n"


def test_a_refused_write_is_told_with_the_kernels_reason(proc, monkeypatch):
    monkeypatch.setattr(kernel, "put", lambda *_args: "Invalid argument")
    _changes, _waiting, failures = kernel.apply({"net/ipv4/ip_forward": "7"}, False, str(proc))
    assert failures == [("net/ipv4/ip_forward", "7", "Invalid argument")]


def test_a_parameter_reset_by_another_write_is_written_again(proc, monkeypatch):
    real = kernel.put

    def put(key, value, base):
        if key == "net/ipv4/ip_forward":  # what Linux does
            (proc / "net/ipv4/conf/all/rp_filter").write_text("0\n")
        return real(key, value, base)

    monkeypatch.setattr(kernel, "put", put)
    settings = {"net/ipv4/conf/all/rp_filter": "1", "net/ipv4/ip_forward": "0"}
    assert kernel.apply(settings, False, str(proc))[2] == []
    assert kernel.get("net/ipv4/conf/all/rp_filter", str(proc)) == "1"


def test_an_image_tree_is_not_live(tmp_path):
    assert kernel.is_live(str(tmp_path)) is False


@pytest.mark.parametrize("mark", ["/run/systemd/container", "/.dockerenv", "/run/.containerenv"])
def test_a_container_is_not_live(mark, monkeypatch):
    real = os.path.exists
    monkeypatch.setattr(kernel.os.path, "exists", lambda path: path == mark or real(path))
    assert kernel.is_live("/") is False


def fake_machine(monkeypatch, first_root=(1, 2), flags=0):
    """Let this system look like one whose root is inode 2 of device 1."""
    stat_result = type("Stat", (), {})

    def stat(path):
        found = stat_result()
        found.st_dev, found.st_ino = first_root if path.startswith("/proc/1/") else (1, 2)
        return found

    def statvfs(_path):
        found = stat_result()
        found.f_flag = flags
        return found

    monkeypatch.setattr(kernel.os.path, "exists", lambda _path: False)
    monkeypatch.setattr(kernel.os, "stat", stat)
    monkeypatch.setattr(kernel.os, "statvfs", statvfs)


def test_a_machine_is_live(monkeypatch):
    fake_machine(monkeypatch)
    assert kernel.is_live("/") is True


def test_a_chroot_is_not_live(monkeypatch):
    fake_machine(monkeypatch, first_root=(1, 99))
    assert kernel.is_live("/") is False


def test_a_read_only_proc_sys_is_not_live(monkeypatch):
    fake_machine(monkeypatch, flags=os.ST_RDONLY)
    assert kernel.is_live("/") is False


@pytest.mark.parametrize(
    ("key", "config", "machine", "bits"),
    [
        ("vm/mmap_rnd_bits", "", "x86_64", "32"),
        ("vm/mmap_rnd_compat_bits", "", "x86_64", "16"),
        ("vm/mmap_rnd_bits", "CONFIG_X=y\nCONFIG_ARCH_MMAP_RND_BITS_MAX=33\n", "aarch64", "33"),
        ("vm/mmap_rnd_bits", "", "aarch64", None),
        ("vm/mmap_rnd_compat_bits", "CONFIG_ARCH_MMAP_RND_COMPAT_BITS_MAX=16\n", "aarch64", "16"),
    ],
)
def test_most_random_bits(key, config, machine, bits):
    assert kernel.most_bits(key, config, machine) == bits
