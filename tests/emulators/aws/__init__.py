# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An AWS endpoint on this computer, for boto3's endpoint_url: moto, with what moto lacks and a build of images needs.

Used as a context manager, one at a time in a process (moto keeps one world per process):

    with AwsEmulator(delays=Delays(image=2), machines=SshdMachines(folder)) as aws:
        aws.fault("throttle", action="RunInstances", times=2)
        before = aws.snapshot()
        …                                # boto3 with endpoint_url=aws.endpoint_url
        assert aws.calls.actions(mutating=True) == […]
        assert difference(before, aws.snapshot()) == {}

or on its own, for other programs: ``python -m emulators.aws --help``.

What is real: the HTTP protocol, with one endpoint for all services and regions; what moto implements of EC2, STS, IAM,
SSM and KMS; IAM policies by action, when switched on. What is added to moto is said in the modules `instances`,
`disks`, `images`, `image_settings`, `registrations`, `networks` and `quotas`; faults in `faults`, time in
`world.Delays`, machines in `emulators.machines`.
Error codes that are written down from memory and not from AWS's documentation are marked so where they are raised.

What is simulated: everything else. Plain HTTP instead of TLS. Quotas can be read but hold nobody back; prices, capacity
and spot interruptions are there only as declared faults. An instance's metadata service does not exist. Resources and
conditions of IAM policies are not looked at by moto. A machine's disk is one disk, whatever the block device mapping
says.
"""

from emulators.aws.emulator import AwsEmulator
from emulators.aws.faults import Fault
from emulators.aws.world import Delays
from emulators.common.calls import Call
from emulators.common.snapshots import difference

__all__ = ["AwsEmulator", "Call", "Delays", "Fault", "difference"]
