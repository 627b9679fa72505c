# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""moto's server with the few answers of EC2 that it lacks and a build needs. Run as a program: moto_more.py PORT.

Added: tags on snapshots of created and copied images, images registered of given snapshots, versions of all launch
templates at once, deprecation and deregistration protection of images kept as tags of the test's own, public addresses
on the loopback device, and a console that shows the file that MOTO_CONSOLE names.
"""

from __future__ import annotations

import os
import sys

from moto.core.responses import ActionResult
from moto.ec2.models import elastic_network_interfaces
from moto.ec2.models.amis import AmiBackend
from moto.ec2.responses import EC2Response
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import Base64EncodedString
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

ORIGINAL_CREATE, ORIGINAL_COPY = AmiBackend.create_image, AmisResponse.copy_image
ORIGINAL_REGISTER, ORIGINAL_TEMPLATES = AmisResponse.register_image, EC2Response.describe_launch_template_versions


def _tag_all(backend, image, specifications):
    for specification in specifications:
        thing = image.ebs_snapshot if specification["ResourceType"] == "snapshot" else image
        for tag in specification["Tags"]:
            thing.add_tag(tag["Key"], tag["Value"])


def create_image(self, instance_id, name, description, tag_specifications):
    """Tags image and snapshots."""
    image = ORIGINAL_CREATE(self, instance_id, name, description, [])
    _tag_all(self, image, tag_specifications)
    return image


def copy_image(self):
    """Tags the copy and its snapshots."""
    answer = ORIGINAL_COPY(self)
    image = self.ec2_backend.amis[answer.result["ImageId"]]
    _tag_all(self.ec2_backend, image, self._get_param("TagSpecifications", []))
    return answer


def register_image(self):
    """Uses the given snapshots, and tags the image."""
    answer = ORIGINAL_REGISTER(self)
    image = self.ec2_backend.amis[answer.result["ImageId"]]
    for mapping in self._get_param("BlockDeviceMappings", []):
        own, image.ebs_snapshot = image.ebs_snapshot, self.ec2_backend.get_snapshot(mapping["Ebs"]["SnapshotId"])
        image.ebs_snapshot.from_ami = image.id
        self.ec2_backend.snapshots.pop(own.id)
    image.architecture = self._get_param("Architecture")
    for specification in self._get_param("TagSpecifications", []):
        for tag in specification["Tags"]:
            image.add_tag(tag["Key"], tag["Value"])
    return answer


def templates(self):
    """Versions of all templates, when none is named."""
    if self._get_param("LaunchTemplateName") or self._get_param("LaunchTemplateId"):
        return ORIGINAL_TEMPLATES(self)
    found = [
        {"LaunchTemplateName": template.name, "LaunchTemplateData": template.latest_version().data}
        for template in self.ec2_backend.launch_templates.values()
    ]
    return ActionResult({"LaunchTemplateVersions": found})


def _keep(name, *parameters):
    def action(self):
        self.error_on_dryrun()
        image = self.ec2_backend.describe_images(ami_ids=[self._get_param("ImageId")])[0]
        image.add_tag(f"moto:{name}", ",".join(str(self._get_param(parameter, "")) for parameter in parameters))
        return ActionResult({"Return": True})

    return action


def console(self):
    """What the file shows."""
    instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    with open(os.environ["MOTO_CONSOLE"], encoding="utf-8") as stream:
        output = Base64EncodedString.from_raw_string(stream.read())
    return ActionResult({"InstanceId": instance.id, "Output": output})


def main() -> None:
    """Serve until the process is ended."""
    AmiBackend.create_image = create_image
    AmisResponse.copy_image = EC2Response.copy_image = copy_image
    EC2Response.register_image = register_image
    EC2Response.describe_launch_template_versions = templates
    EC2Response.enable_image_deprecation = _keep("deprecation", "DeprecateAt")
    EC2Response.enable_image_deregistration_protection = _keep("protection", "WithCooldown")
    EC2Response.disable_image_deregistration_protection = _keep("protection")
    EC2Response.get_console_output = console
    elastic_network_interfaces.random_public_ip = lambda: "127.0.0.1"
    application = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True)


if __name__ == "__main__":
    main()
