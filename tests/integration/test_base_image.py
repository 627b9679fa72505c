# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Debian base image that is really built, in the cache that all share, and booted both ways."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.console import tail
from ansible_collections.hallmark.images.plugins.module_utils.build.events import read_events
from ansible_collections.hallmark.images.plugins.module_utils.qemu.accel import choose_accel, processor
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.cache import Cache
from support.machine import playbook

pytestmark = pytest.mark.machine

PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - hallmark.images.qemu_base_image: "{{ order }}"
      register: base
    - ansible.builtin.copy:
        content: "{{ base | to_json }}"
        dest: "{{ answer }}"
        mode: "0600"
"""

# What a machine can tell of itself at the end of its first boot, each on a line of its own. cloud-init passes it on to
# the console; a script that wrote to /dev/ttyS0 itself would be hung up on by the login prompt that starts meanwhile.
USER_DATA = """\
#cloud-config
ssh_authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGEqV1VfDkmAk3sYwjNCSO5kVfxYr4u3pXg3IbYFUU8u test"]
write_files:
  - path: /run/tell
    content: |
      tell() { echo "FACT $1 $(eval "$2" 2>&1 | tr '\\n' ' ')"; }
      tell firmware '[ -d /sys/firmware/efi ] && echo uefi || echo bios'
      tell root 'df --output=size -BM / | tail -1'
      tell address 'ip -4 -o address show scope global | wc -l'
      tell failed 'systemctl list-units --failed --plain --no-legend'
      tell passwords 'grep -c -v -E "^[^:]*:[!*]" /etc/shadow'
      tell identity 'cat /etc/machine-id | wc -c'
      tell keys 'ls /etc/ssh/ssh_host_*_key'
      tell sudo 'runuser -u debian -- sudo -n id -u'
      tell python 'python3 -c "import apt; print(42)"'
      tell locale '. /etc/default/locale; echo $LANG'
      tell cmdline 'cat /proc/cmdline'
      tell sources 'cat /etc/apt/sources.list | grep -c ^deb'
      tell leftovers 'ls /hallmark* /etc/apt/apt.conf.d/*mmdebstrap /etc/dpkg/dpkg.cfg.d/*mmdebstrap'
      tell loaders 'find /boot/efi -iname "*.efi" | sort'
      drivers='virtio_blk|virtio_scsi|nvme|xen-blkfront'
      tell drivers 'lsinitramfs /boot/initrd.img-* | grep -o -w -E "$drivers" | sort -u'
      tell network 'find /lib/modules -name "ena.ko*" -o -name "virtio_net.ko*" -o -name "xen-netfront.ko*" | wc -l'
      tell ssh 'systemctl is-active ssh'
runcmd:
  - sh /run/tell
"""


def make(folder: Path, order: dict, *prefix: str) -> dict:
    """The module's result for some options."""
    answer = folder / "answer.json"
    done = playbook(PLAY, folder, "-e", json.dumps({"order": order, "answer": str(answer)}))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(answer.read_text())


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make(tmp_path_factory.mktemp("base"), {"release": "bookworm"})


def boot(base: dict, folder: Path, firmware: str, disk: str, seed: bool = True) -> str:
    """Boot over an overlay, as a user with plain QEMU would, until cloud-init is done; the console's text."""
    overlay, console = folder / "disk.qcow2", folder / "console.log"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", base["format"], "-b", base["path"], overlay, "5G"], check=True
    )
    accel = choose_accel()
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", accel, "-cpu", processor(accel), "-smp", "1"]
    command += ["-m", "1024", "-display", "none", "-nodefaults", "-serial", f"file:{console}", "-no-reboot"]
    command += ["-drive", f"if=none,id=disk,format=qcow2,cache=unsafe,file={overlay}"]
    command += {
        "nvme": ["-device", "nvme,drive=disk,serial=1"],
        "virtio-scsi": ["-device", "virtio-scsi-pci", "-device", "scsi-hd,drive=disk"],
    }[disk]
    command += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"]
    if seed:
        (folder / "user-data").write_text(USER_DATA)
        subprocess.run(["cloud-localds", folder / "seed.img", folder / "user-data"], check=True)
        command += ["-drive", f"if=virtio,format=raw,readonly=on,file={folder / 'seed.img'}"]
    if firmware == "uefi":
        shutil.copy("/usr/share/OVMF/OVMF_VARS.fd", folder / "vars.fd")
        command += ["-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd"]
        command += ["-drive", f"if=pflash,format=raw,file={folder / 'vars.fd'}"]
    begun = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        while time.monotonic() - begun < 900:
            text = console.read_text(errors="replace") if console.exists() else ""
            if re.search(r"Cloud-init v\. \S+ finished at", text):
                print(f"{firmware} {disk}: cloud-init finished after {time.monotonic() - begun:.1f} s")
                return text
            assert process.poll() is None, f"the machine ended early:\n{tail(console, 40)}"
            time.sleep(0.2)
    finally:
        process.kill()
        process.wait()
    raise AssertionError(f"cloud-init did not finish:\n{tail(console, 40)}")


def test_the_image_boots_and_is_what_it_should_be(base, tmp_path):
    """By UEFI, from NVMe. From a virtio disk by BIOS, every machine of the other tests boots it."""
    text = boot(base, tmp_path, "uefi", "nvme")
    facts = {name: value.strip() for name, value in re.findall(r"FACT (\w+) ?([^\r\n]*)", text)}
    assert facts["firmware"] == "uefi"
    assert int(facts["root"].rstrip("M")) > 4500, "the root file system grew with the disk"
    assert facts["address"] == "1"
    assert facts["failed"] == ""
    assert facts["passwords"] == "0", "every account is locked"
    assert facts["identity"] == "33"
    assert facts["keys"] == "/etc/ssh/ssh_host_ecdsa_key /etc/ssh/ssh_host_ed25519_key"
    assert facts["sudo"] == "0"
    assert facts["python"] == "42"
    assert facts["locale"] == "C.UTF-8"
    assert "console=tty0 console=ttyS0,115200 no_timer_check" in facts["cmdline"]
    assert facts["sources"] == "3"
    assert facts["leftovers"].count("No such file") == 3
    assert {"/boot/efi/EFI/BOOT/BOOTX64.EFI", "/boot/efi/EFI/debian/grubx64.efi"} <= set(facts["loaders"].split())
    assert facts["drivers"].split() == ["nvme", "virtio_blk", "virtio_scsi", "xen-blkfront"]
    assert facts["network"] == "3"
    assert facts["ssh"] == "active"
    assert "DataSourceNoCloud" in text


def test_the_image_boots_without_a_seed(base, tmp_path):
    """It has its network and its host keys then, and nobody who may log in; from a SCSI disk, for the third kind."""
    text = boot(base, tmp_path, "bios", "virtio-scsi", seed=False)
    assert "Datasource DataSourceNone" in text
    assert re.search(r"ci-info: \|\s+en\w+\s+\|\s+True\s+\|\s+10\.0\.2\.15", text)
    assert "-----BEGIN SSH HOST KEY KEYS-----" in text


def test_the_image_has_no_identity(base):
    """Neither a machine id nor host keys are in it: read from the disk, not from a machine that booted."""
    raw = subprocess.run(["qemu-img", "check", "-f", "qcow2", base["path"]], capture_output=True, text=True, check=True)
    assert "No errors were found" in raw.stdout
    assert base["virtual_size"] == 2 << 30
    folder, name = os.path.split(base["path"])
    record = json.loads(Path(folder, name.rpartition("-")[0] + ".json").read_text())
    assert record["sha256"] == base["sha256"]
    assert base["source"]["packages"] == len(record["packages"]) > 150
    assert {"cloud-init", "openssh-server", "linux-image-cloud-amd64", "grub-cloud-amd64"} <= set(record["packages"])


def test_the_second_run_needs_no_network(base, tmp_path):
    (tmp_path / "play.yml").write_text(PLAY)
    order = json.dumps({"order": {"release": "bookworm"}, "answer": str(tmp_path / "answer.json")})
    command = ["unshare", "--map-root-user", "--net", "ansible-playbook", tmp_path / "play.yml", "-e", order]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    again = json.loads((tmp_path / "answer.json").read_text())
    assert (again["changed"], again["cached"], again["path"]) == (False, True, base["path"])
    assert again["seconds"] < 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_a_build_that_is_ended_leaves_only_what_the_next_one_sweeps(tmp_path, number):
    (tmp_path / "play.yml").write_text(PLAY)
    cache, events = tmp_path / "cache", tmp_path / "events.jsonl"
    order = {"release": "bookworm", "cache_dir": str(cache), "events_file": str(events)}
    command = ["ansible-playbook", "play.yml", "-e", json.dumps({"order": order, "answer": "answer.json"})]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not any("unpacking" in event.get("step", "") for event in read_events(events)):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.2)
    assert processes_of(cache)
    process.send_signal(number)
    process.wait()
    deadline = time.monotonic() + 30
    while processes_of(cache) or leftovers(cache):
        assert time.monotonic() < deadline, [*processes_of(cache), *leftovers(cache)]
        time.sleep(0.2)


def leftovers(cache: Path) -> list[str]:
    """What is in a cache after the sweep with which the next run begins, but for the locks."""
    Cache(cache).sweep()
    files = (str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())
    return sorted(name for name in files if not name.startswith(("base/.locks/", "base/.work.lock")))


def processes_of(folder: Path) -> list[str]:
    """Command lines that name a folder, of all processes but Ansible's own."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words and int(path.parent.name) != os.getpid() and "ansible-playbook" not in words:
            found.append(words)
    return found
