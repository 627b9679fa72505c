# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One build in the emulated account of Alibaba Cloud, by the modules alone: launch, capture, publish, and its end."""

from __future__ import annotations

import secrets
from typing import Any

from emulators.alicloud import AlicloudEmulator, difference
from support.module_host import ModuleHost

HOME = "cn-hangzhou"


class Build:
    """The build.

    :ivar id: its build id.
    :ivar before: what the account held before it.
    """

    def __init__(self, cloud: AlicloudEmulator, host: ModuleHost) -> None:
        self.cloud, self.host = cloud, host
        self.id = f"20261124t180000-{secrets.token_hex(3)}"
        self.before = cloud.snapshot()

    def options(self, **options: Any) -> dict[str, Any]:
        """Options of a launch that does not wait for its guest."""
        wanted = {"region": HOME, "endpoint_url": self.cloud.endpoint_url, "build_id": self.id, "lifetime": "deadline"}
        wanted |= {"wait": False, "timeout": 60, "source": {"id": self.cloud.image}, "definition": "web"}
        wanted |= {"source_cidrs": ["203.0.113.7/32"], "instance_types": ["ecs.c6.large"]}
        return {**wanted, **options}

    def launch(self, run: str = "succeed", **options: Any) -> Any:
        """Start a machine.

        :param run: the method of ModuleHost to do it with.
        """
        return getattr(self.host, run)("alicloud_builder", **self.options(**options))

    def refused(self, **options: Any) -> str:
        """The one line with which it is refused to start a machine, before anything is made."""
        first = len(self.cloud.calls)
        told = self.launch("fail", **options)
        assert "\n" not in told
        assert [call.action for call in list(self.cloud.calls)[first:] if call.mutates] == []
        assert self.left() == []
        return told

    def image(self, run: str = "succeed", **options: Any) -> Any:
        """Make its image."""
        wanted = {"region": HOME, "endpoint_url": self.cloud.endpoint_url, "build_id": self.id}
        wanted |= {"name": f"web-{self.id}", "timeout": 60}
        return getattr(self.host, run)("alicloud_image", **{**wanted, **options})

    def left(self) -> list[str]:
        """What is there and was not before, by kind."""
        return sorted(name.split("/")[1] for name in difference(self.before, self.cloud.snapshot()))

    def tear_down(self) -> list[str]:
        """Remove what is temporary; what is then left."""
        self.host.succeed("alicloud_builder", state="absent", build_id=self.id)
        return self.left()
