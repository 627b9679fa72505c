# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NoCloud seeds (cloud-init's datasource NoCloud: a volume labelled cidata with meta-data, user-data, vendor-data)."""

from __future__ import annotations

import io
import json
import os
import traceback

try:
    import pycdlib

    PYCDLIB_ERROR = None
except ImportError:
    PYCDLIB_ERROR = traceback.format_exc()

#: Ours goes into vendor-data, so that user-data is the user's alone, whatever its format, and wins where both speak.
#: The host's public keys on the console are how the controller learns whom it talks to. No RSA host key is made:
#: it takes an emulated processor longer than the whole boot, and the temporary machine does not need it.
VENDOR_DATA = {"ssh": {"emit_keys_to_console": True}, "ssh_genkeytypes": ["ed25519", "ecdsa"]}


def documents(instance: str, hostname: str, public_key: str, user_data: str = "") -> dict[str, str]:
    """The files of a seed by name.

    :param instance: the instance id; a new one makes cloud-init treat the boot as a first boot.
    :param hostname: the guest's host name.
    :param public_key: one line of authorized_keys for the image's default user; handed over as metadata, as clouds do.
    :param user_data: as the user wrote it; empty for none.
    """
    meta = {"instance-id": instance, "local-hostname": hostname, "public-keys": [public_key]}
    return {
        "meta-data": json.dumps(meta) + "\n",  # JSON is YAML
        "user-data": user_data or "#cloud-config\n{}\n",
        "vendor-data": "#cloud-config\n" + json.dumps(VENDOR_DATA) + "\n",
    }


def write(path: str, files: dict[str, str]) -> None:
    """Write the seed as an ISO 9660 image with Rock Ridge and Joliet names, readable by its owner only."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    for number, (name, text) in enumerate(files.items()):
        data = text.encode()
        iso.add_fp(io.BytesIO(data), len(data), f"/FILE{number}.;1", rr_name=name, joliet_path=f"/{name}")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as target:
        iso.write_fp(target)
    iso.close()
