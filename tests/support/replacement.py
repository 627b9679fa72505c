# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build whose image is to take the place of an old one, in the emulated account."""

from __future__ import annotations

import functools

import boto3

from ansible_collections.hallmark.images.plugins.module_utils.build import labels
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from emulators.aws import difference
from support.aws_account import KEYS
from support.emulated_build import HOME, Build

THERE = "eu-west-1"
REGIONS = (HOME, THERE)
FRIEND = "210987654321"
#: What the new images are to be like.
WISHES = {
    **{"replace": True, "copies": [{"region": THERE}], "launch_users": [FRIEND], "snapshot_users": [FRIEND]},
    **{"deprecate_at": "+90d", "deregistration_protection": "yes"},
}
ROOT = "/dev/xvda"


@functools.cache
def owner(url, region, service="ec2"):
    """A client of the account's owner."""
    keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client(service, region_name=region, endpoint_url=url, **keys)


class Place(Build):
    """A build whose name is taken by an old image in both regions."""

    def __init__(self, aws, host, regions=REGIONS):
        super().__init__(aws, host)
        self.name = f"web-{self.id}"
        self.regions = regions
        self.wishes = {**WISHES, "copies": [{"region": region} for region in regions[1:]]}
        self.empty = self.before
        self.old = {region: self.take_name(region) for region in regions}
        self.before = aws.snapshot()

    def ec2(self, region=HOME):
        """A client of the account's owner."""
        return owner(self.aws.endpoint_url, region)

    def run_machine(self):
        """A machine as the ledger knows it after a launch, without the rest of one: it is only there to be captured."""
        ledger = Ledger(self.id, self.host.state)
        ledger.open(platform="aws", definition="web", expires=labels.expiry(180))
        ledger.intent("machine", "builder", "a-token", {"connection": {"region": HOME}})
        tags = [{"Key": labels.BUILD, "Value": self.id}]
        found = self.ec2().run_instances(
            **{"ImageId": self.aws.image, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1},
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )["Instances"][0]["InstanceId"]
        ledger.append("created", kind="machine", name="builder", id=found)
        return found

    def take_name(self, region):
        """An image of an earlier build."""
        ec2 = self.ec2(region)
        volume = ec2.create_volume(AvailabilityZone=f"{region}a", Size=1)["VolumeId"]
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        ec2.delete_volume(VolumeId=volume)
        disks = [{"DeviceName": ROOT, "Ebs": {"SnapshotId": snapshot}}]
        return ec2.register_image(Name=self.name, RootDeviceName=ROOT, BlockDeviceMappings=disks)["ImageId"]

    def publish(self, run="succeed", **options):
        """Capture what is not captured, and publish."""
        return self.image(run, **{**self.wishes, **options})

    def ends(self):
        """How it ended, in each region."""
        return [self.outcome(region) for region in self.regions]

    def images(self, region=HOME):
        """The images whose names begin with the build's."""
        filters = [{"Name": "name", "Values": [f"{self.name}*"]}]
        return self.ec2(region).describe_images(Owners=["self"], Filters=filters)["Images"]

    def outcome(self, region=HOME):
        """`old` or `new`: which of them stands alone; a new one has all that was wished."""
        (found,) = self.images(region)
        ec2 = self.ec2(region)
        snapshots = [disk["Ebs"]["SnapshotId"] for disk in found["BlockDeviceMappings"]]
        assert len(ec2.describe_snapshots(SnapshotIds=snapshots)["Snapshots"]) == 1
        launch = ec2.describe_image_attribute(ImageId=found["ImageId"], Attribute="launchPermission")
        if found["ImageId"] == self.old[region]:
            assert launch["LaunchPermissions"] == []
            return "old"
        assert found["Name"] == self.name
        assert launch["LaunchPermissions"] == [{"UserId": FRIEND}]
        volume = ec2.describe_snapshot_attribute(SnapshotId=snapshots[0], Attribute="createVolumePermission")
        assert volume["CreateVolumePermissions"] == [{"UserId": FRIEND}]
        assert found["DeprecationTime"]
        tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
        assert tags[labels.BUILD] == self.id
        assert tags["Name"] == self.name
        assert labels.EXPIRES not in tags
        return "new"

    def protected(self):
        """Whether each new image is."""
        found = [image for region in self.regions for image in self.images(region)]
        new = [image for image in found if image["ImageId"] not in self.old.values()]
        return all(image["DeregistrationProtection"] == "enabled-without-cooldown" for image in new)

    def end(self):
        """Remove what is new, and what is old where it still is; nothing is left of either."""
        self.publish(deregistration_protection="no", state="absent")
        self.host.succeed("aws_builder", state="absent", build_id=self.id)
        for region in self.regions:
            for found in self.images(region):
                assert found["ImageId"] == self.old[region]
                self.ec2(region).deregister_image(ImageId=found["ImageId"], DeleteAssociatedSnapshots=True)
        assert difference(self.empty, self.aws.snapshot()) == {}
