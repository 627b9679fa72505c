# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import boot_loader, debian, layout, programs
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.recipe import Recipe


@pytest.mark.parametrize(
    ("program", "package"),
    [("qemu-img", "qemu-utils"), ("mmdebstrap", "mmdebstrap"), ("sfdisk", "fdisk"), ("newuidmap", "uidmap")],
)
def test_a_missing_program_names_its_package(monkeypatch, program, package):
    monkeypatch.setattr(programs, "search_path", lambda: "/nowhere")
    with pytest.raises(HallmarkError, match=f"^{program} is missing: install the package {package}$"):
        programs.find_program(program)


def test_system_programs_are_found_by_ordinary_users(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert programs.find_program("sfdisk").endswith("/sbin/sfdisk")


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("", False),
        ("ann:100000:65536\n", False),
        ("ann:100000:65536\nbob:165536:65536\n", True),
        ("1007:100000:65536\n", True),
        ("bob\n", False),
    ],
)
def test_ranges_of_ids(tmp_path, text, there):
    path = tmp_path / "subuid"
    path.write_text(text)
    assert programs.has_id_range(path, "bob", 1007) is there
    assert not programs.has_id_range(tmp_path / "missing", "bob", 1007)


def test_a_user_without_ids_is_told_what_to_ask_for(monkeypatch):
    monkeypatch.setattr(programs.os, "geteuid", lambda: 65534)
    with pytest.raises(HallmarkError, match=r"/etc/subuid: has no range of ids for nobody.*usermod --add-subuids"):
        programs.check_root()


def test_output_is_logged_and_passed_on(tmp_path):
    lines = []
    log = tmp_path / "log"
    status = programs.run_logged(["sh", "-c", "echo one; echo two >&2; echo $TMPDIR; exit 4"], log, lines.append)
    assert status == 4
    assert lines == ["one", "two", str(tmp_path)]
    assert log.read_text() == f"one\ntwo\n{tmp_path}\n"


def test_a_failure_is_told_by_its_last_words(tmp_path):
    with pytest.raises(HallmarkError, match=r"^mke2fs failed: no room$"):
        programs.run_checked(["sh", "-c", "echo begun; echo no room >&2; false"], tmp_path / "log", "mke2fs")


@pytest.mark.parametrize("wrap", ["as_root", "die_with_us"])
def test_what_a_killed_process_has_started_dies_with_it(tmp_path, wrap):
    """With as_root even the grandchildren, which know nothing of it."""
    heartbeat = tmp_path / "heartbeat"
    beat = f"while :; do date >> {heartbeat}; sleep 0.05; done"
    script = beat if wrap == "die_with_us" else f"sh -c '{beat}' & wait"
    code = (
        "import subprocess, sys;"
        "from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import programs;"
        f"subprocess.run(programs.{wrap}(['sh', '-c', sys.argv[1]]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", code, script], env=environment)
    deadline = time.monotonic() + 30
    while not heartbeat.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1)
    size = heartbeat.stat().st_size
    time.sleep(1)
    assert heartbeat.stat().st_size == size


def test_the_users_own_proxy_reaches_mmdebstrap(tmp_path, monkeypatch):
    config = tmp_path / "apt.conf"
    config.write_text(
        'Acquire::http::Proxy "http://proxy.example.org:3128";\nAcquire::https::CaInfo "/etc/ssl/own.pem";\n'
        'Acquire::Retries "7";\nAPT::Install-Recommends "true";\nAcquire::Languages "de";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(config))
    options = debian.apt_options()
    assert 'Acquire::http::Proxy "http://proxy.example.org:3128"' in options
    assert 'Acquire::https::CaInfo "/etc/ssl/own.pem"' in options
    assert 'Acquire::Retries "7"' in options
    assert 'Acquire::http::Timeout "30"' in options
    assert not any("Recommends" in option or "Languages" in option for option in options)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            [
                "I: running apt-get update...",
                "Err:1 http://x/debian bookworm InRelease",
                "  Could not connect to x:80 (10.0.0.1). - connect (111: Connection refused)",
                "Reading package lists...",
                "E: Failed to fetch http://x/debian/dists/bookworm/InRelease  Could not connect to x:80 (10.0.0.1).",
                "E: Some index files failed to download.",
                "E: apt-get update --error-on=any failed",
            ],
            "Failed to fetch http://x/debian/dists/bookworm/InRelease Could not connect to x:80 (10.0.0.1).",
        ),
        (
            ["I: downloading packages with apt...", "E: Unable to locate package nosuch", "E: apt-get failed"],
            "Unable to locate package nosuch",
        ),
        (["something", "the end", ""], "the end"),
        ([], "mmdebstrap failed"),
    ],
)
def test_a_failed_bootstrap_is_told_in_one_line(said, line):
    assert debian.failure(said) == line


def test_the_package_list_is_read_from_dpkg(tmp_path):
    status = tmp_path / "status"
    status.write_text(
        "Package: adduser\nStatus: install ok installed\nVersion: 3.134\nDescription: add: and remove\n more: text\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
        "Package: zstd\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.5.4+dfsg2-5\n"
    )
    assert debian.installed(status) == {"adduser": "3.134", "zstd": "1.5.4+dfsg2-5"}


def test_the_scripts_are_shell():
    from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import guest_files

    for script in (boot_loader.SCRIPT, guest_files.FINISH):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_the_file_systems_are_whole_and_where_the_table_says(tmp_path):
    (tmp_path / "tree/etc").mkdir(parents=True)
    (tmp_path / "tree/etc/hostname").write_text("debian\n")
    order = Recipe("bookworm")
    identifiers = {name: order.identifier(name) for name in ("disk", "loader", "system", "partition", "root", "hash")}
    disk = tmp_path / "disk.raw"
    size = debian._make_disk(tmp_path / "tree", disk, identifiers, "ABCD1234", tmp_path / "log")
    assert disk.stat().st_size == size == layout.SMALLEST
    with open(disk, "rb") as handle:
        handle.seek(layout.SYSTEM_START)
        boot = handle.read(512)
    sectors, per_cluster = int.from_bytes(boot[32:36], "little"), boot[13]
    tables = int.from_bytes(boot[36:40], "little") * boot[16] + int.from_bytes(boot[14:16], "little")
    assert boot[82:90] == b"FAT32   "
    # Firmware takes a file system with fewer clusters for FAT16 and finds nothing in it.
    assert (sectors - tables) // per_cluster >= 65525
    assert sectors * 512 <= layout.SYSTEM_SIZE
    assert boot[67:71] == bytes.fromhex("ABCD1234")[::-1]
    root = f"{disk}?offset={layout.ROOT_START}"
    found = subprocess.run(
        [programs.find_program("debugfs"), "-R", "stat /etc/hostname", root], capture_output=True, text=True, check=True
    )
    assert "User:     0   Group:     0" in found.stdout
    check = subprocess.run([programs.find_program("e2fsck"), "-fn", root], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout


@pytest.mark.machine
def test_a_machine_that_does_not_get_to_the_end_shows_its_console(tmp_path):
    """Any bytes for a kernel: the machine has nothing to boot, and QEMU says so or the deadline passes."""
    for name in ("disk", "kernel", "initrd"):
        (tmp_path / name).write_bytes(b"\0" * 4096)
    with pytest.raises(HallmarkError, match=r"installing the boot loaders failed: .*; its console:"):
        boot_loader.install_boot_loaders(
            tmp_path / "disk", tmp_path / "kernel", tmp_path / "initrd", "none", Path(tmp_path), "tcg", timeout=5
        )
