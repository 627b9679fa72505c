# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""WinRM over HTTPS, seen from the controller: whether it answers with the certificate that it should have."""

from __future__ import annotations

import http.client
import os
import ssl
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.resources import FAILED, PENDING, READY, State
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

#: WinRM over HTTPS ("Installation and configuration for Windows Remote Management").
PORT = 5986
#: The account of whoever builds.
USER = "Administrator"
#: WS-Management's question who is there (DSP0226, "Identify"), which WinRM answers without a login to those who ask so.
IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
)
HEADERS = {"Content-Type": "application/soap+xml;charset=UTF-8", "WSMANIDENTIFY": "unauthenticated"}
ANSWER_TIMEOUT = 10.0  # s
#: Of all that the user data make in the guest. What the seal removes again (playbooks/guest_windows.yml).
NAME = "hallmark"


def waiting(waiter: Waiter, what: str, reason: str) -> None:
    """Tell the build's events what is waited for."""
    if waiter.events:
        waiter.events.write("waiting", what=what, reason=reason)


def keep_password(folder: Path, password: str) -> str:
    """Write the password to a file that only its owner may read; the path.

    The folder is the machine's runtime, which is removed with the machine.
    """
    path = folder / "password"
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(password)
    return str(path)


def identify(context: ssl.SSLContext, address: str) -> State:
    """Whether WinRM answers at an address with a certificate that the context trusts."""
    connection = http.client.HTTPSConnection(address, PORT, timeout=ANSWER_TIMEOUT, context=context)
    try:
        connection.request("POST", "/wsman", IDENTIFY, HEADERS)
        answer = connection.getresponse()
        text = answer.read(65536)
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message
        return State(FAILED, f"{address} answers with another certificate than it should have: {reason}")
    except (OSError, http.client.HTTPException) as error:
        return State(PENDING, f"WinRM does not answer: {' '.join(str(error).split())}")
    finally:
        connection.close()
    if answer.status == 200 and b"IdentifyResponse" in text:
        return State(READY)
    return State(PENDING, f"WinRM does not answer: HTTP status {answer.status}")
