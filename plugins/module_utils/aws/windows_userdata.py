# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""User data for Windows: a timer that ends the machine at its deadline, and a door for WinRM; then the user's own.

For Windows Server 2016 and later, whose ``New-SelfSignedCertificate`` takes extensions and whose WinRM service runs.
"""

from __future__ import annotations

import re
from datetime import datetime

from ansible_collections.hallmark.images.plugins.module_utils.aws.userdata import MOST_BYTES
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.winrm import NAME, PORT

# - The task's trigger lies in the past for whoever boots the image later, and a missed trigger is not made up for.
#   Shutting down means terminating: that is how the machine is launched.
# - requests and Python's ssl look for an address among a certificate's iPAddress names only (RFC 6125, 1.7.2).
# - EC2Launch writes to the same serial port, and only one program may have it open.
SCRIPT = r"""& {{
  $ErrorActionPreference = 'Stop'
  $at = [DateTimeOffset]::FromUnixTimeSeconds({deadline}).LocalDateTime
  if ($at -le (Get-Date)) {{ Stop-Computer -Force }}
  Register-ScheduledTask {name} -Force -User SYSTEM -Trigger (New-ScheduledTaskTrigger -Once -At $at) `
    -Action (New-ScheduledTaskAction shutdown.exe '/s /f /t 0') | Out-Null
  $imds = 'http://169.254.169.254/latest'
  $life = @{{'X-aws-ec2-metadata-token-ttl-seconds' = '60'}}
  $pass = @{{'X-aws-ec2-metadata-token' = Invoke-RestMethod "$imds/api/token" -Method Put -Headers $life}}
  $names = foreach ($kind in 'public-ipv4', 'local-ipv4') {{
    try {{ 'IPAddress=' + (Invoke-RestMethod "$imds/meta-data/$kind" -Headers $pass) }} catch {{ }}
  }}
  $cert = New-SelfSignedCertificate -Subject 'CN={name}' -CertStoreLocation Cert:\LocalMachine\My `
    -KeyExportPolicy NonExportable -NotAfter $at.AddDays(1) `
    -TextExtension "2.5.29.17={{text}}$($names -join '&')", '2.5.29.37={{text}}1.3.6.1.5.5.7.3.1'
  Get-ChildItem WSMan:\localhost\Listener | Where-Object Keys -Contains 'Transport=HTTPS' | Remove-Item -Recurse
  New-Item WSMan:\localhost\Listener -Transport HTTPS -Address * -Port {port} -Force `
    -CertificateThumbPrint $cert.Thumbprint | Out-Null
  New-NetFirewallRule -Name {name} -DisplayName {name} -Direction Inbound -Protocol TCP -LocalPort {port} `
    -Action Allow | Out-Null
  $pem = "`r`n-----BEGIN CERTIFICATE-----`r`n" + [Convert]::ToBase64String($cert.RawData, 'InsertLineBreaks') +
    "`r`n-----END CERTIFICATE-----"
  for ($try = 0; $try -lt 120; $try++) {{
    try {{
      $serial = New-Object IO.Ports.SerialPort COM1
      $serial.Open(); $serial.WriteLine($pem); $serial.Close(); break
    }} catch {{ Start-Sleep 1 }}
  }}
}}
"""
POWERSHELL = re.compile(r"<powershell>(.*?)</powershell>", re.DOTALL | re.IGNORECASE)
BATCH = re.compile(r"<script>.*?</script>", re.DOTALL | re.IGNORECASE)
PERSIST = re.compile(r"<persist>\s*true\s*</persist>", re.IGNORECASE)


def compose_windows(own: str, expires: str) -> bytes:
    """What a Windows machine gets as user data.

    :param own: the user's own, scripts in the tags that EC2Launch knows; empty for none.
    :param expires: when the machine ends itself, ISO 8601.
    :raises HallmarkError: when it is no such script, or too large.
    """
    scripts = POWERSHELL.findall(own)
    if own.strip() and not scripts and not BATCH.search(own):
        raise HallmarkError(
            f"user_data: begins with {own.strip()[:20]!r}", "<powershell>…</powershell> or <script>…</script>"
        )
    if len(scripts) > 1:
        raise HallmarkError("user_data: several <powershell> blocks", "one: EC2Launch runs no more")
    if PERSIST.search(own):
        raise HallmarkError("user_data: <persist>true</persist>", "without it: it would open WinRM at each boot")
    deadline = int(datetime.fromisoformat(expires).timestamp())
    script = SCRIPT.format(deadline=deadline, name=NAME, port=PORT) + "".join(scripts).strip()
    others = POWERSHELL.sub("", own).strip()
    data = f"<powershell>\n{script.strip()}\n</powershell>\n{others}".strip().encode()
    if len(data) > MOST_BYTES:  # EC2Launch v1 does not unpack what is compressed
        raise HallmarkError(f"user_data: {len(data)} bytes", f"at most {MOST_BYTES}")
    return data
