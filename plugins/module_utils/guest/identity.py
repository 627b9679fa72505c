# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import binascii
import glob
import hashlib
import os
import shlex


def read_text(path: str) -> str:
    """A file's text, empty when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def parse_os_release(text: str) -> dict[str, str]:
    """The assignments of os-release(5): shell syntax, keys in upper case."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            values[name] = "".join(shlex.split(value))
        except ValueError:
            continue
    return values


def key_fingerprint(public_key: str) -> str:
    """The fingerprint of a public key file's line as ssh-keygen prints it: SHA-256, base64 without padding.

    :raises ValueError: the text is no public key.
    """
    fields = public_key.split()
    if len(fields) < 2:
        raise ValueError("no public key")
    try:
        blob = base64.b64decode(fields[1], validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def host_keys(root: str = "/") -> dict[str, str]:
    """Fingerprints of the SSH server's host keys by type, for example ``ssh-ed25519``."""
    found = {}
    for path in sorted(glob.glob(os.path.join(root, "etc/ssh/ssh_host_*_key.pub"))):
        text = read_text(path)
        try:
            found[text.split(None, 1)[0]] = key_fingerprint(text)
        except (ValueError, IndexError):
            continue
    return found


def parse_packages(text: str) -> list[dict[str, str]]:
    """Packages from lines of name, version and architecture between tabs; sorted.

    Of rpm's table the keys of repositories are left out: they have no architecture.
    """
    packages = []
    for line in sorted(set(text.splitlines())):
        fields = line.split("\t")
        if len(fields) == 3 and all(fields) and fields[2] != "(none)":
            packages.append({"name": fields[0], "version": fields[1], "architecture": fields[2]})
    return packages
