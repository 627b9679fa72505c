# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from ansible_collections.hallmark.images.plugins.module_utils.aws import windows, windows_userdata
from ansible_collections.hallmark.images.plugins.module_utils.build import winrm
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.files import KeyPair

EXPIRES = "2026-11-24T21:00:00+00:00"
BODY = base64.b64encode(bytes(range(256))).decode()


def test_user_data_are_one_script_that_begins_with_the_timer():
    text = windows_userdata.compose_windows("", EXPIRES).decode()
    assert text.startswith("<powershell>\n& {\n")
    assert text.endswith("</powershell>")
    assert "FromUnixTimeSeconds(1795554000)" in text
    assert text.index("FromUnixTimeSeconds") < text.index("New-SelfSignedCertificate")
    assert text.count("{") == text.count("}")
    assert "{{" not in text
    assert "-Port 5986" in text
    assert "-LocalPort 5986" in text


def test_the_users_own_script_comes_after_it_and_other_parts_stay():
    own = "<script>echo a</script>\n<powershell>\nWrite-Host b\n</powershell>\n<detach>true</detach>"
    text = windows_userdata.compose_windows(own, EXPIRES).decode()
    assert text.count("<powershell>") == 1
    ours, dummy, rest = text.partition("</powershell>")
    assert ours.rstrip().endswith("}\nWrite-Host b")
    assert rest.split() == ["<script>echo", "a</script>", "<detach>true</detach>"]


@pytest.mark.parametrize(
    ("own", "wrong"),
    [
        ("#!/bin/sh\n", "<powershell>…</powershell> or <script>…</script>"),
        ("<powershell>a</powershell><powershell>b</powershell>", "several <powershell> blocks"),
        ("<script>a</script>\n<persist> TRUE </persist>", "<persist>true</persist>"),
        (f"<powershell>{'x' * 16384}</powershell>", "at most 16384"),
    ],
)
def test_other_user_data_are_refused(own, wrong):
    with pytest.raises(HallmarkError) as caught:
        windows_userdata.compose_windows(own, EXPIRES)
    assert wrong in str(caught.value)


def test_certificates_are_found_among_other_lines():
    console = f"boot\r\n-----BEGIN CERTIFICATE-----\r\n{BODY[:76]}\r\n{BODY[76:]}\r\n-----END CERTIFICATE-----\r\nready"
    (pem,) = windows.certificates(console)
    lines = pem.splitlines()
    assert "".join(lines[1:-1]) == BODY
    assert max(map(len, lines)) == 64
    assert windows.certificates(console.replace("-----END", "----END")) == []


@pytest.fixture
def key(tmp_path):
    pair = KeyPair("builder", tmp_path, "rsa")
    pair.create("token")
    return pair.private


def encrypted(key: str, password: str) -> str:
    with open(f"{key}.pub", "rb") as public:
        return base64.b64encode(load_ssh_public_key(public.read()).encrypt(password.encode(), PKCS1v15())).decode()


def test_the_password_is_decrypted_with_the_key_of_the_machine(key):
    assert windows.decrypt("machine builder", encrypted(key, "a(B)c; d%E"), key) == "a(B)c; d%E"


@pytest.mark.parametrize("data", ["", "no base64", base64.b64encode(bytes(256)).decode(), "OTHER"])
def test_what_cannot_be_decrypted_is_one_clear_error(key, tmp_path, data):
    if data == "OTHER":
        (tmp_path / "other").mkdir()
        other = KeyPair("builder", tmp_path / "other", "rsa")
        other.create("token")
        data = encrypted(other.private, "Canary-1")
    with pytest.raises(HallmarkError, match="machine builder: its password cannot be decrypted with") as caught:
        windows.decrypt("machine builder", data, key)
    assert "Canary" not in str(caught.value)


def test_the_password_is_kept_where_only_its_owner_reads_it(tmp_path):
    path = winrm.keep_password(tmp_path, "one")
    assert winrm.keep_password(tmp_path, "two") == path
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path) as stream:
        assert stream.read() == "two"
