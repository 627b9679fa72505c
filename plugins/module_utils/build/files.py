# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resources that are files on the controller, whatever the platform."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.programs import run
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import FAILED, READY, Resource, State

#: What ssh-keygen is told for each kind of key. EC2 imports RSA keys of 1024, 2048 and 4096 bits (ImportKeyPair).
KEY_OPTIONS = {"ed25519": ("-t", "ed25519"), "rsa": ("-t", "rsa", "-b", "2048")}


class Files(Resource):
    """Files in the state folder; what the other file resources are when only the ledger is left.

    :param paths: every file or folder that this resource is made of.
    """

    kind = "files"

    def __init__(self, name: str, paths: list[str], kind: str | None = None) -> None:
        super().__init__(name)
        self.paths = paths
        self.kind = kind or self.kind

    def spec(self) -> dict[str, Any]:
        return {"paths": self.paths}

    def create(self, token: str) -> str:
        raise HallmarkError(f"{self.key}: only known from the ledger, so it cannot be made again")

    def state(self, identifier: str) -> State:
        missing = [path for path in self.paths if not os.path.exists(path)]
        return State(FAILED, f"{missing[0]} has been removed") if missing else State(READY)

    def delete(self, identifier: str | None, token: str) -> None:
        for path in self.paths:
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                Path(path).unlink(missing_ok=True)


class Runtime(Files):
    """The folder (0700) of a machine's sockets: QMP, and the ssh masters of the guest side."""

    kind = "runtime"

    def create(self, token: str) -> str:
        os.mkdir(self.paths[0], 0o700)  # fails when somebody else has put something there
        return self.paths[0]


class KeyPair(Files):
    """A key pair made for this one machine, never used again.

    :param algorithm: one of KEY_OPTIONS.
    """

    kind = "key"

    def __init__(self, name: str, folder: Path, algorithm: str = "ed25519") -> None:
        self.algorithm = algorithm
        self.private = str(folder / f"{name}.key")
        super().__init__(name, [self.private, f"{self.private}.pub"])

    def create(self, token: str) -> str:
        options = KEY_OPTIONS[self.algorithm]
        run("ssh-keygen", "-q", *options, "-N", "", "-C", f"hallmark-{self.name}", "-f", self.private)
        return self.private
