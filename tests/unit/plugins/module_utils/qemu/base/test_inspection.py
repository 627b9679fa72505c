# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.inspection import image_format, inspect_image


def qemu_img(*arguments):
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def qcow2(tmp_path):
    path = tmp_path / "image.qcow2"
    qemu_img("create", "-f", "qcow2", path, "64M")
    qemu_img("bench", "-w", "-f", "qcow2", "-c", "64", "-d", "1", "--pattern=85", path)
    return path


def test_a_qcow2_image(qcow2):
    assert inspect_image(qcow2) == {"format": "qcow2", "virtual_size": 64 << 20}


def test_a_raw_disk_with_a_partition_table(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(b"\0" * 510 + b"\x55\xaa" + b"\0" * (1 << 20))
    assert inspect_image(path) == {"format": "raw", "virtual_size": (1 << 20) + 512}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no disk image: a qcow2 image, or a raw one with a partition table"),
        (b"x" * 4096, "is no disk image"),
        (b"<!DOCTYPE html><html>404</html>", "is an HTML or XML page, not a disk image"),
        (b"\xfd7zXZ\x00" + b"\0" * 1000, "is compressed with xz, not a disk image: a qcow2 or raw image; unpack"),
        (b"\x1f\x8b" + b"\0" * 1000, "is compressed with gzip"),
        (b"# Disk DescriptorFile\nversion=1\n", "is a VMDK descriptor"),
        (b"KDMV" + b"\0" * 1000, "is a VMDK"),
        (b"QFI\xfb" + b"\0" * 20, "is a damaged qcow2 image: its header is cut off"),
    ],
)
def test_what_is_no_image_is_named(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(HallmarkError) as caught:
        inspect_image(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_backing_file_is_refused_without_asking_qemu(tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_bytes(b"\0" * (1 << 20))
    path = tmp_path / "image.qcow2"
    qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", secret, path, "1M")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HallmarkError, match=r"image.qcow2: needs a backing file: an image that is whole"):
        inspect_image(path)


def test_an_external_data_file_is_refused_without_asking_qemu(tmp_path, monkeypatch):
    path = tmp_path / "image.qcow2"
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path / 'data.raw'}", path, "1M")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HallmarkError, match=r"image.qcow2: keeps its data in another file"):
        inspect_image(path)


def test_a_truncated_qcow2_image_is_refused(qcow2):
    os.truncate(qcow2, 70000)
    with pytest.raises(HallmarkError, match=r"image.qcow2: is a damaged qcow2 image: ") as caught:
        inspect_image(qcow2)
    assert "\n" not in str(caught.value)


def test_a_qcow2_image_with_broken_tables_is_refused(qcow2):
    with open(qcow2, "r+b") as handle:
        handle.seek(40)
        table = int.from_bytes(handle.read(8))
        handle.seek(table)
        handle.write(b"\x80" + b"\0" * 4 + b"\x12\0\0")
    with pytest.raises(HallmarkError, match=r"image.qcow2: is a damaged qcow2 image: ") as caught:
        inspect_image(qcow2)
    assert "\n" not in str(caught.value)


def test_an_image_that_a_machine_has_open_can_be_inspected(qcow2):
    process = subprocess.Popen(
        ["qemu-system-x86_64", "-S", "-machine", "none", "-display", "none", "-nodefaults", "-qmp", "stdio",
         "-blockdev", f"driver=qcow2,node-name=a,file.driver=file,file.filename={qcow2}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert b"QMP" in process.stdout.readline()
        assert inspect_image(qcow2)["format"] == "qcow2"
    finally:
        process.communicate(b'{"execute":"qmp_capabilities"}{"execute":"quit"}', timeout=30)


def test_an_unreadable_file_is_named(tmp_path):
    with pytest.raises(HallmarkError, match=r"missing: cannot be read: No such file or directory"):
        image_format(tmp_path / "missing")
