# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of a `WinrmMachine`: ``winrm_server.py FOLDER PORT PASSWORD_FILE ADDRESS…``.

What is real: TLS with a certificate of its own, made as the user data ask Windows for one; who may ask what without a
login; NTLM, with the password and the channel bound to it. What is not there: shells. Who has logged in gets a fault.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

IDENTITY = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body><wsmid:IdentifyResponse \
xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><wsmid:ProtocolVersion>\
http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion><wsmid:ProductVendor>emulated</wsmid:ProductVendor>\
</wsmid:IdentifyResponse></s:Body></s:Envelope>"""
FAULT = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" \
xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">\
<s:Header><a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/fault</a:Action></s:Header><s:Body><s:Fault><s:Code>\
<s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:InternalError</s:Value></s:Subcode></s:Code><s:Reason>\
<s:Text xml:lang="en-US">An emulated machine has no shells.</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"""


def make_certificate(folder: Path, addresses: list[str]) -> str:
    """Write a key and a certificate like those that New-SelfSignedCertificate makes; the certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hallmark")])
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        "content_commitment data_encipherment key_agreement key_cert_sign crl_sign encipher_only decipher_only".split(),
        False,
    )
    names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=10))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.KeyUsage(digital_signature=True, key_encipherment=True, **usage), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    text = made.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + text.encode())
    return text


class Handler(BaseHTTPRequestHandler):
    """One connection; NTLM logs in a connection, not a request."""

    protocol_version = "HTTP/1.1"
    server: Any

    def setup(self) -> None:
        super().setup()
        self.login: Any = None

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("WSMANIDENTIFY") == "unauthenticated":
            return self._answer(200, IDENTITY)
        scheme, dummy, token = self.headers.get("Authorization", "").partition(" ")
        if self.login is not None and self.login.complete and not token:
            return self._answer(500, FAULT)
        if not token:
            return self._answer(401, "", {"WWW-Authenticate": "Negotiate"})
        if self.login is None or self.login.complete:
            self.login = spnego.server(protocol="ntlm", channel_bindings=self.server.bindings)
        try:
            reply = self.login.step(base64.b64decode(token))
        except spnego.exceptions.SpnegoError as error:
            self.server.note(f"refused: {type(error).__name__}")
            self.login = None
            return self._answer(401, "", {"WWW-Authenticate": "Negotiate"})
        if not self.login.complete:
            return self._answer(401, "", {"WWW-Authenticate": f"{scheme} {base64.b64encode(reply).decode()}"})
        self.server.note(f"logged in: {self.login.client_principal}")
        return self._answer(500, FAULT)

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/soap+xml;charset=UTF-8"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """The server on one address."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], folder: Path, pem: str) -> None:
        super().__init__(address, Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.folder = folder
        # RFC 5929, 4.1: the hash of the certificate, by the hash function of its signature.
        digest = x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256())
        bindings = spnego.channel_bindings.GssChannelBindings(application_data=b"tls-server-end-point:" + digest)
        self.bindings = bindings

    def note(self, line: str) -> None:
        """Add a line to the log."""
        with (self.folder / "log").open("a") as log:
            log.write(line + "\n")


def main() -> None:
    """Serve until the process is ended."""
    folder, port, password, addresses = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    users = folder / "users"
    users.write_text(f":Administrator:{Path(password).read_text()}\n")
    os.environ["NTLM_USER_FILE"] = str(users)
    pem = make_certificate(folder, addresses)
    servers = [Server((address, port), folder, pem) for address in addresses]
    (folder / "log").touch()
    lines = "\r\n".join(pem.splitlines())
    (folder / "console").write_text(f"EC2Launch: Windows is starting\r\n\r\n{lines}\r\nWindows is Ready to use\r\n")
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
