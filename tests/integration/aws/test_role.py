# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role build on AWS as far as it goes without a guest that Ansible can work in: planning, and failing cleanly."""

from __future__ import annotations

import getpass
import subprocess

import pytest

from support.aws_account import HOME, environment_of

DEFINITION = """source:
  id: {source}
builder:
  region: {region}
  source_cidrs: [203.0.113.7/32]
  ssh_port: {port}
communicator:
  user: {user}
  timeout: 60
{communicator}
provision: false
image:
  name: "web-{{{{ build_id }}}}"
  tags: {{team: platform}}
  launch_users: ["123456789012"]
"""


@pytest.fixture
def play(account, guest, tmp_path):
    """Runs the build of one definition; what it printed and its status."""

    def run(*arguments, **changes):
        folder = tmp_path / "images/aws/linux/web"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images/hallmark.yml").write_text("plugin: hallmark.images.definitions\n")
        values = {
            "source": account.source,
            "region": HOME,
            "port": guest.port,
            "user": getpass.getuser(),
            "communicator": "",
        }
        values |= changes
        (folder / "main.yml").write_text(DEFINITION.format(**values))
        (folder / "key").touch(mode=0o600)
        (folder / "known_hosts").touch()
        environment = environment_of(account.url, tmp_path / "state")
        command = ["ansible-playbook", "-i", "images/hallmark.yml", "hallmark.images.build", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_check_mode_plans_and_changes_nothing(account, play):
    before, calls = account.everything(), account.log.read_text().count("POST")
    status, text = play("--check")
    assert status == 0, text
    assert account.everything() == before
    assert account.log.read_text().count("POST") > calls  # it did ask


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"source": "ami-00000000000000000"}, "ami-00000000000000000"),
        ({"user": "No Such"}, "communicator.user"),
        ({"region": "nowhere"}, "builder.region: nowhere: a region, as eu-central-1"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_made(account, play, changes, wrong):
    before = account.everything()
    status, text = play(**changes)
    assert status != 0
    assert wrong in text
    assert "Traceback" not in text
    assert account.everything() == before


def test_files_of_a_bastion_lie_beside_the_definition(account, play, tmp_path):
    bastion = "{host: bastion.example.com, user: jump, private_key_file: key, known_hosts_file: known_hosts}"
    status, text = play("--check", communicator=f"  bastion: {bastion}")
    assert status != 0
    folder = tmp_path / "images/aws/linux/web"
    assert f"bastion: known_hosts_file: {folder}/known_hosts has no key of bastion.example.com" in " ".join(
        text.split()
    )


def test_a_build_that_fails_in_the_guest_leaves_nothing(account, play, tmp_path):
    before = account.everything()
    (tmp_path / "images/aws/linux/web").mkdir(parents=True)
    # The stand-in for a guest lets nobody in whose key it does not know, so the launch fails in its last step.
    status, text = play()
    assert status != 0
    assert "the guest does not let user" in text
    assert "Traceback" not in text
    assert account.everything() == before
    assert "failed" in next((tmp_path / "build").glob("*/manifest.json")).read_text()
