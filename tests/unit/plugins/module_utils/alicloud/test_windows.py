# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows on Alibaba Cloud: what is made of secrets on the controller, and what goes to the machine."""

from __future__ import annotations

import base64
import datetime
import http.server
import re
import ssl
import threading

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import windows, windows_userdata
from ansible_collections.hallmark.images.plugins.module_utils.build import winrm
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

ADDRESS = "127.83.0.7"
EXPIRES = "2099-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def certificate():
    return windows.make_certificate(ADDRESS, datetime.datetime.fromisoformat(EXPIRES))


class Answer(http.server.BaseHTTPRequestHandler):
    """What WinRM says to those who ask who is there."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<IdentifyResponse/>")

    def log_message(self, *dummy):
        """Nothing."""


@pytest.fixture
def server(certificate, tmp_path):
    """A server as the user data make one of the certificate."""
    key, found, dummy = pkcs12.load_key_and_certificates(certificate.pfx, certificate.password.encode())
    file = tmp_path / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(found.public_bytes(Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    running = http.server.ThreadingHTTPServer((ADDRESS, winrm.PORT), Answer)
    running.socket = context.wrap_socket(running.socket, server_side=True)
    threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
    yield
    running.shutdown()
    running.server_close()


def test_the_certificate_is_trusted_by_itself_and_no_other_is(certificate, server):
    assert winrm.identify(ssl.create_default_context(cadata=certificate.pem), ADDRESS).status == "ready"
    other = windows.make_certificate(ADDRESS, datetime.datetime.fromisoformat(EXPIRES))
    assert winrm.identify(ssl.create_default_context(cadata=other.pem), ADDRESS).status == "failed"


def test_passwords_are_such_as_ecs_takes():
    found = {windows.new_password() for dummy in range(200)}
    assert len(found) == 200
    for password in found:
        assert len(password) <= 30
        assert all(re.search(kind, password) for kind in (r"^[a-z]", r"[A-Z]", r"\d", r"[-_+=]"))


def test_the_user_data_have_the_certificate_and_then_the_users_own(certificate):
    text = windows_userdata.compose_windows("[PowerShell]\nWrite-Host mine", EXPIRES, certificate).decode()
    assert text.startswith("[powershell]\n& {\n")
    assert text.endswith("}\nWrite-Host mine")
    encoded = re.search(r"FromBase64String\('([^']+)'\)", text)[1]
    assert base64.b64decode(encoded) == certificate.pfx
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("own", ["#!/bin/sh", "<powershell>x</powershell>", "[bat]\necho hi"])
def test_what_is_no_powershell_is_refused(own, certificate):
    with pytest.raises(HallmarkError, match=r"^user_data: begins with"):
        windows_userdata.compose_windows(own, EXPIRES, certificate)


def test_what_is_too_large_is_refused(certificate):
    with pytest.raises(HallmarkError, match=r"^user_data: \d+ bytes: at most 32768"):
        windows_userdata.compose_windows("[powershell]" + "x" * 40000, EXPIRES, certificate)
