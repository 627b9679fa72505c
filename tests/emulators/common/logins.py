# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in to machines as a build does it: with the host keys that the console shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

MARKS = "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----"
Done = subprocess.CompletedProcess[str]


def host_keys(console: str) -> list[str]:
    """The keys between cloud-init's marks, or none before all are there."""
    begin, end = MARKS
    text = console.partition(begin)[2]
    found = re.findall(r"(?:ssh-ed25519|ecdsa-sha2-nistp256) AAAA\S+", text.partition(end)[0])
    return sorted(set(found)) if end in text else []


def ssh(address: str, port: int, user: str, key: Path, keys: list[str], command: str) -> Done:
    """Run a command on a machine that has one of some host keys."""
    known = key.with_name(f"known-{address}")
    known.write_text("".join(f"[{address}]:{port} {line}\n" for line in keys))
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", "IdentitiesOnly=yes"]
    words = [word for option in options for word in ("-o", option)]
    line = ["ssh", "-F", "/dev/null", *words, "-i", str(key), "-p", str(port), f"{user}@{address}", command]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)
