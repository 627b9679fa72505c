# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""User data for Windows: a door for WinRM with the certificate that it is given; then the user's own.

For Windows Server 2016 and later. Nobody has tried it on a machine of Alibaba Cloud's yet.
"""

from __future__ import annotations

import base64
from datetime import datetime

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.userdata import MOST_BYTES
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.windows import Certificate
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.winrm import NAME, PORT

#: How ECS tells a PowerShell script (ECS user guide, "User data of a Windows instance").
BEGINNING = "[powershell]"
# The seal removes the task, the certificate and the rule again (playbooks/guest_windows.yml).
SCRIPT = r"""& {{
  $ErrorActionPreference = 'Stop'
  $at = [DateTimeOffset]::FromUnixTimeSeconds({deadline}).LocalDateTime
  Register-ScheduledTask {name} -Force -User SYSTEM -Trigger (New-ScheduledTaskTrigger -Once -At $at) `
    -Action (New-ScheduledTaskAction shutdown.exe '/s /f /t 0') | Out-Null
  $file = Join-Path $env:SystemRoot 'Temp\{name}.pfx'
  [IO.File]::WriteAllBytes($file, [Convert]::FromBase64String('{pfx}'))
  $secret = ConvertTo-SecureString '{password}' -AsPlainText -Force
  $cert = Import-PfxCertificate -FilePath $file -CertStoreLocation Cert:\LocalMachine\My -Password $secret
  Remove-Item $file
  Get-ChildItem WSMan:\localhost\Listener | Where-Object Keys -Contains 'Transport=HTTPS' | Remove-Item -Recurse
  New-Item WSMan:\localhost\Listener -Transport HTTPS -Address * -Port {port} -Force `
    -CertificateThumbPrint $cert.Thumbprint | Out-Null
  New-NetFirewallRule -Name {name} -DisplayName {name} -Direction Inbound -Protocol TCP -LocalPort {port} `
    -Action Allow | Out-Null
}}
"""


def own_script(own: str) -> str:
    """The user's own script without its beginning; empty for none.

    :raises HallmarkError: when it is none of PowerShell.
    """
    text = own.strip()
    if text and not text.lower().startswith(BEGINNING):
        raise HallmarkError(f"user_data: begins with {text[:20]!r}", f"{BEGINNING}, then a script")
    return text[len(BEGINNING) :].strip()


def compose_windows(own: str, expires: str, certificate: Certificate) -> bytes:
    """What a Windows machine gets as user data.

    :param own: the user's own, a script that begins with ``[powershell]``; empty for none.
    :param expires: when the machine ends, ISO 8601.
    :raises HallmarkError: when it is no such script, or too large.
    """
    script = SCRIPT.format(
        deadline=int(datetime.fromisoformat(expires).timestamp()),
        name=NAME,
        port=PORT,
        pfx=base64.b64encode(certificate.pfx).decode("ascii"),
        password=certificate.password,
    )
    data = f"{BEGINNING}\n{script}{own_script(own)}".strip().encode()
    if len(data) > MOST_BYTES:
        raise HallmarkError(f"user_data: {len(data)} bytes", f"at most {MOST_BYTES}")
    return data
