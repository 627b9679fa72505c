# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.guest import identity


def test_os_release_is_shell() -> None:
    text = '# comment\nID=debian\nVERSION_ID="12"\nPRETTY_NAME=\'A "B"\'\nBROKEN="x\n\n'
    assert identity.parse_os_release(text) == {"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": 'A "B"'}


def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    keys = tmp_path / "etc/ssh"
    keys.mkdir(parents=True)
    expected = {}
    for kind, name in (("ed25519", "ssh-ed25519"), ("ecdsa", "ecdsa-sha2-nistp256")):
        path = keys / f"ssh_host_{kind}_key"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
        shown = subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, text=True, check=True).stdout
        expected[name] = shown.split()[1]
    (keys / "ssh_host_bad_key.pub").write_text("nonsense\n")
    assert identity.host_keys(str(tmp_path)) == expected


@pytest.mark.parametrize("text", ["", "one", "ssh-ed25519 not-base64!"])
def test_no_key_is_no_fingerprint(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        identity.key_fingerprint(text)


def test_packages_are_sorted_and_whole() -> None:
    text = "zlib\t1.2\tamd64\nbash\t5.2\tamd64\ngpg-pubkey\t1-2\t(none)\nbroken\t\n"
    assert [package["name"] for package in identity.parse_packages(text)] == ["bash", "zlib"]
