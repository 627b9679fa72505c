# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Windows on Alibaba Cloud: its password and its certificate are made here, before the machine is there.

GetInstanceConsoleOutput does not answer for Windows (ECS API reference), so nothing that the machine makes itself
could be learned in a way that can be trusted. So the certificate of its WinRM server is made on this computer, for the
elastic IP address that the machine will have, and goes there in its user data; one with another certificate is not
talked to.
"""

from __future__ import annotations

import datetime
import ipaddress
import secrets
import ssl
import string
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.readiness import Guest
from ansible_collections.hallmark.images.plugins.module_utils.build import winrm
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import READY, State
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    CRYPTOGRAPHY_ERROR = None
except ImportError:  # ansible-core needs it, so it is missing only where modules run in another Python
    CRYPTOGRAPHY_ERROR = traceback.format_exc()

#: What ECS wants of a password: 8 to 30 characters of three kinds at least (RunInstances, Password).
KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_+=")
LENGTH = 28


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key.

    :ivar pem: the certificate.
    :ivar pfx: certificate and key, encrypted with the password (PKCS #12).
    """

    pem: str
    pfx: bytes
    password: str


def new_password() -> str:
    """A password that ECS and Windows take. It begins with a letter."""
    some = [secrets.choice(kind) for kind in KINDS]
    rest = [secrets.choice("".join(KINDS)) for dummy in range(LENGTH - len(some))]
    middle = some[1:] + rest
    secrets.SystemRandom().shuffle(middle)
    return some[0] + "".join(middle)


def make_certificate(address: str, ends: datetime.datetime) -> Certificate:
    """A certificate for a server at an address, by itself.

    :raises HallmarkError: when cryptography is missing.
    """
    if CRYPTOGRAPHY_ERROR:
        raise HallmarkError("the Python package cryptography is missing", "pip install cryptography")
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, winrm.NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # the guest's clock may be behind
        .not_valid_after(ends + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    password = new_password()
    # Windows Server 2016 reads no newer encryption of this format. What it protects goes with the machine.
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())
        .build(password.encode("ascii"))
    )
    pfx = pkcs12.serialize_key_and_certificates(winrm.NAME.encode(), key, certificate, None, encryption)
    return Certificate(certificate.public_bytes(Encoding.PEM).decode("ascii"), pfx, password)


class WindowsGuest(Guest):
    """The inside of a Windows instance."""

    def wait(self, params: dict[str, Any], key: str, known_hosts: Path, waiter: Waiter) -> dict[str, Any]:
        """Wait until it can be used; how to reach it.

        :param params: runtime_dir, the folder that has the password.
        :param known_hosts: where a Linux guest's host keys would be; the certificate is beside it.
        :raises HallmarkError: when it does not become ready.
        """
        what = f"machine {self.machine.name}"
        address = self._address(what, "public", waiter)
        trusted, password = certificate_file(known_hosts), Path(params["runtime_dir"]) / "password"
        for path in (trusted, password):
            if not path.exists():
                raise HallmarkError(f"{what}: {path} has been removed", "another build")
        context = ssl.create_default_context(cafile=str(trusted))

        def probe() -> State:
            state = self.machine.state(self.identifier)
            return state if state.status != READY else winrm.identify(context, address)

        winrm.waiting(waiter, what, "waits for WinRM to answer")
        waiter.wait(what, probe)
        guest = {
            "name": self.machine.name,
            "connection": "psrp",
            "host": address,
            "port": winrm.PORT,
            "user": winrm.USER,
            "password_file": str(password),
            "certificate_file": str(trusted),
        }
        return {"guest": guest, "host_keys": []}


def certificate_file(known_hosts: Path) -> Path:
    """Where the certificate is kept."""
    return known_hosts.with_suffix(".pem")
