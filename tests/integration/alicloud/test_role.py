# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role build on Alibaba Cloud as far as it goes without a guest: planning, and failing cleanly."""

from __future__ import annotations

import os
import subprocess

import pytest

from support.alicloud_build import HOME

DEFINITION = """source:
  id: {source}
builder:
  region: {region}
  endpoint_url: {endpoint}
  source_cidrs: [203.0.113.7/32]
  {builder}
communicator:
  user: {user}
  timeout: 10
  {communicator}
provision: false
image:
  name: "web-{{{{ build_id }}}}"
  tags: {{team: platform}}
  {image}
"""


@pytest.fixture
def play(cloud, root, tmp_path):
    """Runs the build of one definition; what it printed and its status."""

    def run(*arguments, **changes):
        folder = tmp_path / "images/alicloud/linux/web"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images/hallmark.yml").write_text("plugin: hallmark.images.definitions\n")
        values = {"source": cloud.image, "region": HOME, "endpoint": cloud.endpoint_url, "user": "root"}
        values |= {"builder": "", "communicator": "", "image": ""} | changes
        (folder / "main.yml").write_text(DEFINITION.format(**values))
        (folder / "key").touch(mode=0o600)
        (folder / "known_hosts").touch()
        clouds = ("AWS_", "ALICLOUD_", "ALIBABA_CLOUD_")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(clouds)},
            "ALIBABA_CLOUD_ACCESS_KEY_ID": cloud.access_key,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloud.secret_key,
            "ALIBABA_CLOUD_CA_BUNDLE": str(cloud.ca_file),
            "ANSIBLE_COLLECTIONS_PATH": str(root / ".collections"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        command = ["ansible-playbook", "-i", "images/hallmark.yml", "hallmark.images.build", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_check_mode_plans_and_changes_nothing(cloud, play):
    before, calls = cloud.snapshot(), len(cloud.calls)
    status, text = play("--check")
    assert status == 0, text
    assert cloud.snapshot() == before
    assert len(cloud.calls) > calls  # it did ask
    assert not [call.action for call in cloud.calls[calls:] if call.mutates]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"source": "m-00000000000000000"}, "m-00000000000000000"),
        ({"user": "No Such"}, "communicator.user"),
        ({"region": "Nowhere"}, "builder.region: Nowhere: a region, as cn-hangzhou"),
        ({"builder": "instance_types: [t3.small]"}, "builder.instance_types[0]: t3.small: an instance type, as ecs.c6"),
        ({"builder": "endpoint: x"}, "builder.endpoint: x: unknown key, did you mean endpoint_url?"),
        ({"image": "family: aliyun"}, "image.family: aliyun: 2 to 128 of letters"),
        (
            {"builder": "encrypted: true", "image": 'launch_users: ["1234567890123456"]'},
            "launch_users: the image in cn-hangzhou is encrypted with the service key",
        ),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_made(cloud, play, changes, wrong):
    before, calls = cloud.snapshot(), len(cloud.calls)
    status, text = play(**changes)
    assert status != 0
    assert wrong in text
    assert "Traceback" not in text
    assert cloud.snapshot() == before
    assert not [call.action for call in cloud.calls[calls:] if call.mutates]


def test_files_of_a_bastion_lie_beside_the_definition(play, tmp_path):
    bastion = "{host: bastion.example.com, user: jump, private_key_file: key, known_hosts_file: known_hosts}"
    status, text = play("--check", communicator=f"bastion: {bastion}")
    assert status != 0
    folder = tmp_path / "images/alicloud/linux/web"
    assert f"bastion: known_hosts_file: {folder}/known_hosts has no key of bastion.example.com" in " ".join(
        text.split()
    )


def test_a_build_that_fails_leaves_nothing(cloud, play, tmp_path):
    before = cloud.snapshot()
    # No machine stands behind the instance, so the launch fails in its last step.
    status, text = play()
    assert status != 0
    assert "Traceback" not in text
    assert cloud.snapshot() == before
    assert "RunInstances" in cloud.calls.actions()
    assert "failed" in next((tmp_path / "build").glob("*/manifest.json")).read_text()
