# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH server on the loopback device that answers as a guest would whose cloud-init is done."""

from __future__ import annotations

from pathlib import Path

from support.loopback_sshd import LoopbackServer


class Guest(LoopbackServer):
    """The server.

    :param folder: a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.keys = folder / "authorized_keys"
        super().__init__(folder, self.keys, """ForceCommand echo '{"v1": {"errors": []}}'""")

    def admit(self, public_key: Path) -> None:
        """Let in who holds the other half of a key; the file need not be there yet."""
        self.keys.unlink(missing_ok=True)
        self.keys.symlink_to(public_key)

    def console(self) -> str:
        """What its console shows after it has booted."""
        key = (self.folder / "host_key.pub").read_text()
        return f"-----BEGIN SSH HOST KEY KEYS-----\n{key}-----END SSH HOST KEY KEYS-----\nweb login: "
