# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service Quotas of EC2 and VPC, of which moto knows the defaults of VPC only."""

from __future__ import annotations

import json

from moto.servicequotas.responses import ServiceQuotasResponse

from emulators.aws.world import World


class Quotas(ServiceQuotasResponse):
    """The actions that differ from moto's: a quota that a test has set has that value."""

    world: World

    def get_service_quota(self) -> str:
        wanted = json.loads(self.body)
        value = self.world.quotas.get(wanted["QuotaCode"])
        if value is None:
            return super().get_service_quota()
        return json.dumps({"Quota": {**wanted, "Value": value}})
