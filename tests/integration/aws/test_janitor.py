# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module and controller are killed at every single call that changes something; then the janitor alone: the account is
what it was.

Each call takes effect and its answer is lost. The stages are those of a build with all that can be temporary: the
builder with a role of its own, its image, a machine of the boot check, copies and permissions. The account is emulated
over plain HTTP.
"""

from __future__ import annotations

import contextlib
import subprocess
import time

import pytest

from emulators.aws import difference
from support.aws_account import environment_of
from support.emulated_build import HOME, Build
from support.module_host import AT_ONCE, ModuleHost

OTHER = "eu-west-1"
STAGES = ("launch", "capture", "boot check", "publish")
READS = ("Describe", "Get", "List")
POLICY = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
#: What must be among the calls of each stage, so that none is tried without them.
NEEDED = {
    "launch": {"ImportKeyPair", "CreateRole", "AddRoleToInstanceProfile", "CreateSecurityGroup", "RunInstances"},
    "capture": {"StopInstances", "CreateImage", "ModifyImageAttribute"},
    "boot check": {"ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "RunInstances"},
    "publish": {"CopyImage", "EnableImageDeprecation", "ModifyImageAttribute", "DeleteTags"},
}


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """The folder of ledgers."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def host(aws, state):
    """Runs modules that look twice, without long pauses, for what does not show."""
    environment = environment_of(aws.endpoint_url, state)
    found = ModuleHost(environment, looks=AT_ONCE)
    yield found
    found.stop()


@contextlib.contextmanager
def controller():
    """A process that stands for ansible-playbook, killed in the end as a whole CI job may be."""
    process = subprocess.Popen(["sleep", "600"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def run(build, stage, pid, kill=0, image=None):
    """Run the module of one stage."""
    machine = {"region": HOME, "build_id": build.id, "lifetime": "controller", "wait": False, "definition": "web"}
    machine |= {"source_cidrs": ["203.0.113.7/32"], "timeout": 60, "controller": pid}
    made = {"region": HOME, "build_id": build.id, "name": f"web-{build.id}", "timeout": 60}
    module, options = {
        # The parts of the builder are tried in its own stage.
        "launch": ("aws_builder", {**machine, "source": {"id": build.aws.image}, "instance_profile_policy": POLICY}),
        "builder": ("aws_builder", {**machine, "source": {"id": build.aws.image}}),
        "capture": ("aws_image", {**made, "publish": False}),
        "boot check": ("aws_builder", {**machine, "name": "check-1", "source": {"id": image}}),
        "publish": (
            "aws_image",
            {**made, "copies": [{"region": OTHER}], "launch_users": ["123456789012"], "deprecate_at": "+90d"},
        ),
    }[stage]
    return build.host.run(module, kill=kill, **options)


def up_to(build, stage, pid, kill=0):
    """Run a build up to a stage, in which it may be killed; how that ended."""
    if stage == "launch":
        return run(build, "launch", pid, kill)
    earlier = [run(build, "builder", pid)]
    image = None
    if stage != "capture":
        earlier.append(run(build, "capture", pid))
        image = earlier[-1].result["images"][0]["id"]
    assert not any(outcome.result.get("failed") for outcome in earlier), earlier
    return run(build, stage, pid, kill, image)


def left(build):
    """What is there and was not before."""
    return sorted(difference(build.before, build.aws.snapshot()))


def wait_for_the_janitor(state, build):
    """Until it has torn the build down, or is long overdue; its ledger."""
    path = state / "hallmark" / build.id / "ledger.jsonl"
    deadline = time.monotonic() + 120
    while '"closed"' not in path.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    return path.read_text()


def remove_published(build):
    """Remove what others may use by now: that is nobody's to clean up, and goes when it is asked for."""
    options = {"region": HOME, "build_id": build.id, "name": f"web-{build.id}", "copies": [{"region": OTHER}]}
    build.host.succeed("aws_image", state="absent", **options)


def changes(aws, host, state, stage):
    """The numbers of those calls of a stage that change something, and their names, from one that is let live."""
    build = Build(aws, host)
    with controller() as pid:
        outcome = up_to(build, stage, pid)
    assert outcome.result, outcome.output
    assert not outcome.result.get("failed"), outcome.result["msg"]
    wait_for_the_janitor(state, build)
    remove_published(build)
    assert left(build) == []
    found = [(number, call) for number, call in enumerate(outcome.calls, 1) if not call.startswith(READS)]
    assert {call.split()[0] for dummy, call in found} >= NEEDED[stage]
    return [number for number, call in found if " dry" not in call]


@pytest.mark.parametrize("stage", STAGES)
def test_the_janitor_alone_after_a_kill_at_any_change(aws, host, state, stage):
    for number in changes(aws, host, state, stage):
        build = Build(aws, host)
        with controller() as pid:
            outcome = up_to(build, stage, pid, number)
            assert outcome.result is None, outcome.result
        ledger = wait_for_the_janitor(state, build)
        where = f"killed at call {number}, {outcome.calls[-1]}"
        assert '"by": "janitor"' in ledger, where
        if '"released"' in ledger:
            remove_published(build)
        assert left(build) == [], where
