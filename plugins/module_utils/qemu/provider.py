# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of qemu_builder to the resources of one machine."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build import readiness
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.files import KeyPair, Runtime
from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import runtime_folder
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.programs import find_tool, run
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import (
    FAILED,
    PENDING,
    READY,
    Resource,
    State,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.userdata import check_cloud_init, own_user_data
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter
from ansible_collections.hallmark.images.plugins.module_utils.qemu import qmp
from ansible_collections.hallmark.images.plugins.module_utils.qemu.accel import choose_accel, processor
from ansible_collections.hallmark.images.plugins.module_utils.qemu.readiness import watched
from ansible_collections.hallmark.images.plugins.module_utils.qemu.resources import Disk, Firmware, Machine, Seed
from ansible_collections.hallmark.images.plugins.module_utils.qemu.tools import (
    SYSTEM,
    disk_size,
    image_info,
    parse_size,
)

# Code and template of the UEFI variables where Debian, Ubuntu, Fedora and SUSE install them.
UEFI = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
)
ADDRESS = "127.0.0.1"
MACHINE_NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?\Z")
SERIAL = re.compile(r"^[A-Za-z0-9_-]{1,20}\Z")  # virtio-blk hands 20 bytes of a serial to the guest
#: QEMU itself crashes now and then (seen with 7.2: a general protection fault while booting). And on a busy computer an
#: emulated timer may not tick while the kernel counts its ticks (arch/x86/kernel/apic/io_apic.c, check_timer).
EMULATION_FAULTS = ("QEMU has ended", "IO-APIC + timer doesn't work")
FORWARD = re.compile(r"HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s")


class QemuProvider:
    """One machine as its options describe it.

    :param params: the options of qemu_builder.
    :param ledger: the build's.
    :param check_mode: whether it is only planned, so that the source need not be made yet.
    :raises HallmarkError: on bad input, before anything is created.
    """

    interval = 0.5  # polling asks nobody but this computer

    def __init__(self, params: dict[str, Any], ledger: Ledger, check_mode: bool = False) -> None:
        self.params = params
        self.ledger = ledger
        self.name = params["name"]
        if not MACHINE_NAME.match(self.name):
            raise HallmarkError(f"name: {self.name!r}", "lower-case letters, digits and dashes, at most 32")
        for tool in ("qemu-system-x86_64", "qemu-img", "ssh", "ssh-keygen", "timeout"):
            find_tool(tool)
        folder = ledger.folder
        self.console = Path(params["console_log"] or folder / f"{self.name}.console.log").absolute()
        self.known_hosts = str(folder / f"{self.name}.known_hosts")
        self.runtime = Runtime(self.name, [f"{runtime_folder(ledger.build_id)}.{self.name}"])
        self.key = KeyPair(self.name, folder)
        self.disks = [self._system_disk(folder, check_mode), *self._data_disks(folder)]
        instance = f"hm-{ledger.build_id}-{self.name}"
        hostname = params["hostname"] or self.name
        self.seed = Seed(self.name, folder / f"{self.name}.seed.iso", self.key, instance, hostname, self._user_data())
        self.firmware = self._firmware(folder)
        self.accel = choose_accel(params["accel"])
        _check_machine_type(params["machine_type"])
        _check_range("cpus", params["cpus"], 1, 255)
        _check_range("machines_at_once", params["machines_at_once"], 1, 255)
        _check_range("memory", params["memory"], 128, 1 << 22)
        running = ledger.read().entries.get(f"{Machine.kind}/{self.name}")
        _check_port(params["ssh_port"], taken_is_wrong=not running or running.gone)
        log = folder / f"{self.name}.qemu.log"
        self.machine = Machine(self.name, self._command(), params["expires_after"] * 60, self._qmp_socket(), log)

    def resources(self) -> list[Resource]:
        """In the order of creation."""
        firmware: list[Resource] = [self.firmware] if self.firmware else []
        return [self.runtime, self.key, *self.disks, self.seed, *firmware, self.machine]

    def worth_another_try(self, error: Exception) -> bool:
        """Whether emulation is at fault, which another machine may well be spared."""
        return any(fault in str(error) for fault in EMULATION_FAULTS)

    def wait_ready(self, identifiers: dict[str, str], waiter: Waiter) -> dict[str, Any]:
        """Wait until the guest can be used; how to reach it."""
        identifier = identifiers[self.machine.key]
        port = self._forwarded_port(identifier, waiter)
        machine = watched(self.machine, identifier, self.console)
        keys = readiness.wait_for_host_keys(machine, waiter)
        Path(self.known_hosts).write_text(readiness.known_hosts(ADDRESS, port, keys), encoding="ascii")
        guest = {
            "name": self.name,
            "host": ADDRESS,
            "port": port,
            "user": self.params["user"],
            "private_key_file": self.key.private,
            "known_hosts_file": self.known_hosts,
        }
        command = readiness.ssh_command(guest["user"], ADDRESS, port, self.key.private, self.known_hosts)
        readiness.wait_for_cloud_init(command, machine, waiter)
        return {
            "guest": guest,
            "host_keys": keys,
            "runtime_dir": self.runtime.paths[0],
            "console_log": str(self.console),
            "accel": self.accel,
        }

    def _qmp_socket(self) -> str:
        return os.path.join(self.runtime.paths[0], "qmp")

    def _forwarded_port(self, identifier: str, waiter: Waiter) -> int:
        """Port 0 lets the kernel choose a free one, with no gap in which somebody else takes it; QEMU tells which."""
        tables: list[str] = []

        def probe() -> State:
            try:
                command = {"command-line": "info usernet"}
                tables.append(qmp.execute(self._qmp_socket(), "human-monitor-command", command))
            except HallmarkError as error:
                # A process that has crashed hangs up a moment before it is gone.
                state = self.machine.state(identifier)
                return state if state.status == FAILED else State(PENDING, str(error))
            return State(READY)

        waiter.wait(f"machine {self.name}", probe)
        match = FORWARD.search(tables[0])
        if not match:
            raise HallmarkError(f"machine {self.name}: QEMU forwards no port to the guest")
        return int(match[1])

    def _system_disk(self, folder: Path, check_mode: bool) -> Disk:
        given = self.params["disk_size"]
        path = folder / f"{self.name}.qcow2"
        if not self.params["source"]:
            if check_mode:
                return Disk(self.name, path, parse_size(given, "disk_size") if given else 0)
            raise HallmarkError("source: missing", "the path of the image to start from")
        source = os.path.abspath(self.params["source"])
        info = image_info(source, self.params["source_format"])
        size = disk_size(given, "disk_size", source, info["virtual-size"])
        return Disk(self.name, path, size, (source, info["format"]))

    def _data_disks(self, folder: Path) -> list[Disk]:
        disks: list[Disk] = []
        for number, item in enumerate(self.params["data_disks"]):
            serial = item["name"] or f"data{number + 1}"
            if not SERIAL.match(serial):
                raise HallmarkError(f"data_disks: name {serial!r}", "letters, digits, _ and -, at most 20")
            if serial == SYSTEM:
                raise HallmarkError(
                    f"data_disks: name {serial!r}", "another name: the disk with the system has this one"
                )
            name = f"{self.name}.{serial}"
            if any(disk.name == name for disk in disks):
                raise HallmarkError(
                    f"data_disks: the name {serial!r} is there twice", "a name of its own for each disk"
                )
            key, path = f"data_disks: {serial}: size", folder / f"{name}.qcow2"
            if item["source"]:
                source, info = os.path.abspath(item["source"]), image_info(item["source"])
                size = disk_size(item["size"], key, source, info["virtual-size"])
                disks.append(Disk(name, path, size, (source, info["format"])))
            elif item["size"]:
                disks.append(Disk(name, path, parse_size(item["size"], key)))
            else:
                raise HallmarkError(f"{key}: missing", "for example 10G")
        return disks

    def _user_data(self) -> str:
        text = own_user_data(self.params)
        check_cloud_init(text)
        return text

    def _firmware(self, folder: Path) -> Firmware | None:
        self.firmware_code = ""
        if self.params["firmware"] != "uefi":
            return None
        for code, variables in UEFI:
            if os.path.exists(code) and os.path.exists(variables):
                self.firmware_code = code
                return Firmware(self.name, folder / f"{self.name}.vars.fd", variables)
        raise HallmarkError("firmware: uefi: no UEFI firmware found", "install the package ovmf")

    def _processors(self) -> int:
        """Emulated processors beyond those of this computer make all machines slower: two machines of two on two
        took 125 to 145 s to boot, and 96 to 107 s with one each."""
        wanted, at_once = self.params["cpus"], self.params["machines_at_once"]
        if self.accel == "kvm" or at_once == 1:
            return wanted
        return min(wanted, max(1, len(os.sched_getaffinity(0)) // at_once))

    def _command(self) -> list[str]:
        params = self.params
        command = [
            "-name",
            f"guest=hallmark:{self.ledger.build_id}:{self.name}",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-machine",
            f"{params['machine_type']},accel={self.accel}",
            "-cpu",
            processor(self.accel),
            "-smp",
            str(self._processors()),
            "-m",
            str(params["memory"]),
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-qmp",
            f"unix:{_escape(self._qmp_socket())},server=on,wait=off",
            "-serial",
            f"file:{_escape(str(self.console))}",
            "-device",
            "virtio-rng-pci",
            # An empty romfile leaves out the network boot ROM, which only costs time at power-on.
            "-device",
            "virtio-net-pci,netdev=net0,romfile=",
            "-netdev",
            f"user,id=net0,hostfwd=tcp:{ADDRESS}:{params['ssh_port']}-:22",
        ]
        for number, disk in enumerate(self.disks):
            serial = disk.name.partition(".")[2]
            # The disk is thrown away when the host loses power, so nothing is gained by waiting for its platters.
            command += [
                "-drive",
                f"if=none,id=disk{number},file={_escape(disk.paths[0])},format=qcow2,cache=unsafe,"
                "discard=unmap,detect-zeroes=unmap",
                "-device",
                f"virtio-blk-pci,drive=disk{number}" + (f",serial={serial}" if serial else ",bootindex=0"),
            ]
        command += [
            "-drive",
            f"if=none,id=seed,file={_escape(self.seed.paths[0])},format=raw,readonly=on",
            "-device",
            "virtio-blk-pci,drive=seed",
        ]
        if self.firmware:
            command += [
                "-drive",
                f"if=pflash,unit=0,format=raw,readonly=on,file={self.firmware_code}",
                "-drive",
                f"if=pflash,unit=1,format=raw,file={_escape(self.firmware.paths[0])}",
            ]
        return command


def _escape(path: str) -> str:
    """A path inside one of QEMU's comma-separated options."""
    return path.replace(",", ",,")


def _check_range(key: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise HallmarkError(f"{key}: {value}", f"a number from {low} to {high}")


def _check_machine_type(value: str) -> None:
    """Refuse what QEMU would refuse without naming it. The type's own properties, after a comma, are left to QEMU."""
    table = run("qemu-system-x86_64", "-machine", "help").splitlines()[1:]
    names = [line.split()[0] for line in table if line.strip()]
    if value.split(",")[0] not in names:
        raise HallmarkError(f"machine_type: {value!r}", f"one of {', '.join(names)}")


def _check_port(port: int, taken_is_wrong: bool) -> None:
    _check_range("ssh_port", port, 0, 65535)
    if port and taken_is_wrong:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError as error:
                raise HallmarkError(
                    f"ssh_port: {port} on {ADDRESS}: {error.strerror}", "another port, or 0 for a free one"
                ) from None
