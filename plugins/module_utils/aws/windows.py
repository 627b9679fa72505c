# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a Windows guest on AWS is ready: it has shown its certificate on the console, EC2 has its password, and WinRM
answers over HTTPS with that very certificate.

The certificate comes from the console for the same reason as the host keys of Linux do: it must not come from the
network that it is to secure. The password is encrypted with the public half of a key whose private half has never left
this computer.
"""

from __future__ import annotations

import base64
import re
import ssl
import traceback
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws.readiness import Guest
from ansible_collections.hallmark.images.plugins.module_utils.build import readiness, winrm
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import PENDING, READY, State
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

try:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    CRYPTOGRAPHY_ERROR = None
except ImportError:  # ansible-core needs it, so it is missing only where modules run in another Python
    CRYPTOGRAPHY_ERROR = traceback.format_exc()

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
NO_PASSWORD = "EC2 does not have its password yet; it never gets one when the source image was not sealed by EC2Launch"


class WindowsGuest(Guest):
    """The inside of a Windows instance."""

    def wait(self, params: dict[str, Any], key: str, known_hosts: Path, waiter: Waiter) -> dict[str, Any]:
        """Wait until it can be used; how to reach it.

        :param params: connect_by; runtime_dir, the folder that the password is written to.
        :param key: path of the private key, RSA.
        :param known_hosts: where a Linux guest's host keys would be; the certificate is written beside it.
        :raises HallmarkError: when it will not become ready, with the end of its console.
        """
        what = f"machine {self.machine.name}"
        self.output()
        watched = readiness.Watched(what, lambda: self.machine.state(self.identifier), self.lines, str(self.console))
        address = self._address(what, params["connect_by"], waiter)
        try:
            pem, context = self._certificate(watched, waiter)
            trusted = known_hosts.with_suffix(".pem")
            trusted.write_text(pem, encoding="ascii")
            password = decrypt(what, self._password_data(watched, waiter), key)
            winrm.waiting(waiter, what, "waits for WinRM to answer")
            waiter.wait(what, lambda: self._while_running(watched, lambda: winrm.identify(context, address)))
        except HallmarkError as error:
            raise readiness.with_console(error, watched) from None
        return {
            "guest": {
                "name": self.machine.name,
                "connection": "psrp",
                "host": address,
                "port": winrm.PORT,
                "user": winrm.USER,
                "password_file": winrm.keep_password(Path(params["runtime_dir"]), password),
                "certificate_file": str(trusted),
            },
            "host_keys": [],
        }

    def _certificate(self, watched: readiness.Watched, waiter: Waiter) -> tuple[str, ssl.SSLContext]:
        found: list[tuple[str, ssl.SSLContext]] = []

        def probe() -> State:
            try:
                shown = certificates("\n".join(self.lines()))
                found[:] = [(pem, ssl.create_default_context(cadata=pem)) for pem in shown]
            except (ssl.SSLError, ValueError):  # something else has written to the console in between
                return State(PENDING, "what the console shows is no certificate")
            return State(READY) if found else State(PENDING, "it has not shown its certificate on the console")

        winrm.waiting(waiter, watched.what, "waits for its certificate on the console")
        waiter.wait(watched.what, lambda: self._while_running(watched, probe))
        return found[-1]  # a machine that was started again has made a new one

    def _password_data(self, watched: readiness.Watched, waiter: Waiter) -> str:
        found: list[str] = []

        def probe() -> State:
            what = f"password of {watched.what}"
            answer = self.machine.connection.call(what, "get_password_data", InstanceId=self.identifier)
            found[:] = [(answer.get("PasswordData") or "").strip()]
            return State(READY) if found[0] else State(PENDING, NO_PASSWORD)

        winrm.waiting(waiter, watched.what, "waits for its password, which takes EC2 up to 15 minutes")
        waiter.wait(watched.what, lambda: self._while_running(watched, probe))
        return found[0]

    @staticmethod
    def _while_running(watched: readiness.Watched, probe: Any) -> State:
        state = watched.state()
        return state if state.status != READY else probe()


def certificates(console: str) -> list[str]:
    """The certificates that a console shows, as PEM."""
    found = []
    for body in CERTIFICATE.findall(console):
        text = "".join(body.split())
        lines = [text[place : place + 64] for place in range(0, len(text), 64)]
        found.append("\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]))
    return found


def decrypt(what: str, data: str, key_file: str) -> str:
    """The password in what GetPasswordData tells: encrypted with the key pair (RSA, PKCS #1 v1.5), then base64.

    :raises HallmarkError: when it cannot be decrypted. The message has nothing of the password.
    """
    if CRYPTOGRAPHY_ERROR:
        raise HallmarkError("the Python package cryptography is missing", "pip install cryptography")
    try:
        key = load_ssh_private_key(Path(key_file).read_bytes(), None)
        password = key.decrypt(base64.b64decode(data, validate=True), PKCS1v15()).decode("ascii")
        # OpenSSL 3.2 and later hide a wrong key behind random bytes of any length. Windows wants 8 characters at least
        # by default, and EC2Launch makes more.
        if len(password) < 8 or not password.isprintable():
            raise ValueError
    except (OSError, ValueError, AttributeError):
        raise HallmarkError(f"{what}: its password cannot be decrypted with {key_file}") from None
    return password
