# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import json
import stat

import pycdlib

from ansible_collections.hallmark.images.plugins.module_utils.qemu import seed


def test_user_data_is_the_users_alone():
    files = seed.documents("i-1", "web", "ssh-ed25519 AAAA", "#!/bin/sh\ntrue\n")
    assert files["user-data"] == "#!/bin/sh\ntrue\n"
    assert json.loads(files["meta-data"])["public-keys"] == ["ssh-ed25519 AAAA"]
    assert files["vendor-data"].startswith("#cloud-config\n")


def test_the_seed_is_a_volume_that_cloud_init_looks_for(tmp_path):
    path = tmp_path / "seed.iso"
    files = seed.documents("i-1", "web", "ssh-ed25519 AAAA", "text with ümläut\n" * 1000)
    seed.write(str(path), files)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    iso = pycdlib.PyCdlib()
    iso.open(str(path))
    assert iso.pvd.volume_identifier.decode().strip() == "cidata"
    for name, text in files.items():
        for kind in ("rr_path", "joliet_path"):
            found = io.BytesIO()
            iso.get_file_from_iso_fp(found, **{kind: f"/{name}"})
            assert found.getvalue().decode() == text
    iso.close()
