# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing images of QEMU machines."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.qemu.image import QemuImage

BUILD = "20261123t171452-k3f9q2"


@pytest.fixture
def images(tmp_path, monkeypatch):
    """The images of a machine with a data disk, both published; with their folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ledger = Ledger(BUILD)
    ledger.open(platform="qemu")
    for name in ("builder", "builder.data"):
        ledger.append("intent", kind="disk", name=name, token="t", spec={"paths": [str(tmp_path / f"{name}.qcow2")]})
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("web.qcow2", "web-data.qcow2", "other.qcow2"):
        (folder / name).write_text(name)
    (folder / "SHA256SUMS").write_text("1  other.qcow2\n2  web-data.qcow2\n3  web.qcow2\n")

    def make(build=BUILD):
        params = {"state": "absent", "dest": str(folder), "name": "web", "machine": "builder", "format": "qcow2"}
        return QemuImage({**params, "compression": None, "timeout": 60}, Ledger(build))

    return make, folder


def test_images_and_their_sums_go(images):
    make, folder = images
    assert make().captured()
    assert make().remove()
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", "other.qcow2"]
    assert (folder / "SHA256SUMS").read_text() == "1  other.qcow2\n"
    assert not make().captured()
    assert make().plan() == []


@pytest.mark.parametrize("name", ["web.qcow2", "web-data.qcow2"])
def test_one_that_is_left_goes_too(images, name):
    make, folder = images
    (folder / name).unlink()
    assert make().captured()
    make().remove()
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", "other.qcow2"]


def test_sums_of_nothing_go(images):
    make, folder = images
    (folder / "other.qcow2").unlink()
    (folder / "SHA256SUMS").write_text("2  web-data.qcow2\n3  web.qcow2\n")
    make().remove()
    assert list(folder.iterdir()) == []


def test_a_build_whose_ledger_is_reaped(images):
    make, folder = images
    reaped = make("20251123t171452-k3f9q2")
    assert reaped.plan() == [str(folder / "web.qcow2")]
    assert reaped.remove()
    assert not make("20251123t171452-k3f9q2").captured()
    assert not Ledger("20251123t171452-k3f9q2").exists()
