# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One build in the emulated account, by the modules alone: launch, capture and publish, and its end."""

from __future__ import annotations

import secrets
from typing import Any

from emulators.aws import AwsEmulator, difference
from support.module_host import ModuleHost

HOME = "us-east-1"


class Build:
    """The build.

    :ivar id: its build id.
    :ivar before: what the account held before it.
    """

    def __init__(self, aws: AwsEmulator, host: ModuleHost) -> None:
        self.aws, self.host = aws, host
        self.id = f"20261124t180000-{secrets.token_hex(3)}"
        self.before = aws.snapshot()

    def launch(self, run: str = "succeed", **options: Any) -> Any:
        """Start a machine without waiting for its guest.

        :param run: the method of ModuleHost to do it with.
        """
        wanted = {"region": HOME, "build_id": self.id, "lifetime": "deadline", "wait": False, "timeout": 60}
        wanted |= {"source": {"id": self.aws.image}, "source_cidrs": ["203.0.113.7/32"], "definition": "web"}
        return getattr(self.host, run)("aws_builder", **{**wanted, **options})

    def image(self, run: str = "succeed", **options: Any) -> Any:
        """Make its image."""
        wanted = {"region": HOME, "build_id": self.id, "name": f"web-{self.id}", "timeout": 60, "shutdown_timeout": 60}
        return getattr(self.host, run)("aws_image", **{**wanted, **options})

    def tear_down(self) -> list[str]:
        """Remove what is temporary; what is then left and was not there before, by kind."""
        self.host.succeed("aws_builder", state="absent", build_id=self.id)
        return sorted(name.split("/")[1] for name in difference(self.before, self.aws.snapshot()))
