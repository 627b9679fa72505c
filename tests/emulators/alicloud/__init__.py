# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Alibaba Cloud endpoint on this computer: what a build of images needs of ECS, VPC, STS and KMS.

Used as a context manager:

    with AlicloudEmulator(delays=Delays(image=2), machines=SshdMachines(folder)) as cloud:
        cloud.fault("throttle", action="RunInstances", times=2)
        before = cloud.snapshot()
        …    # footmark or an SDK, with cloud.endpoint_url as the endpoint and ALIBABA_CLOUD_CA_BUNDLE=cloud.ca_file
        assert cloud.calls.actions(mutating=True) == […]
        assert difference(before, cloud.snapshot()) == {}

or on its own, for other programs: ``python -m emulators.alicloud --help``.

What is real: the RPC protocol over HTTP and TLS, as a server and as a forward proxy; signatures, nonces, timestamps and
sessions; parameters by name and type, and which are needed; states over time; what holds what; client tokens; pages;
tags; RAM policies with resources and conditions, as far as `policies` says. Codes and messages of errors are those of
the public API pages; where one is written down from memory, the place says so.

What is stricter than Alibaba Cloud: a parameter that the emulator does not know is refused (UnknownParameter), and
CreateImage wants exactly one source.

What is simulated: everything else. Networks have no routes, security groups hold nobody back. There are no classic
networks, no default VPCs, no subscriptions, no prices, no interruptions of spot instances; RunInstances launches one
instance with a call. Zones and instance types are a choice. The metadata service stands beside instances (`metadata`).
A machine behind an instance is made when the instance starts for the first time, with the key pair that it has then; a
key pair that is attached later does not reach it. Its data disks are there in the API only.
"""

from emulators.alicloud.emulator import AlicloudEmulator
from emulators.alicloud.faults import Fault
from emulators.alicloud.world import Delays
from emulators.common.calls import Call
from emulators.common.snapshots import difference

__all__ = ["AlicloudEmulator", "Call", "Delays", "Fault", "difference"]
