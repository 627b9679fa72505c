# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module is killed at every single call that changes something; then the janitor alone, or reap alone: the account is
what it was.

Each call is a case twice: it takes effect and its answer is lost, and it is never made (what the call before it did
stands in the ledger by then). The build has all that can be temporary: VPC, vSwitches, security group, key pair,
elastic IP address, machine, image, snapshots and copies.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time

import pytest

from support.alicloud_build import HOME, Build

OTHER = "eu-central-1"
STAGES = ("launch", "capture", "publish")
READS = ("Describe", "Get", "List", "AssumeRole")


def steps(build, **launch):
    """Module and options of each stage."""
    image = {"region": HOME, "endpoint_url": build.cloud.endpoint_url, "build_id": build.id, "name": f"web-{build.id}"}
    published = {**image, "copies": [{"region": OTHER}], "launch_users": ["1234567890123456"]}
    return {
        "launch": ("alicloud_builder", build.options(**{"eip": True, **launch})),
        "capture": ("alicloud_image", {**image, "publish": False}),
        "publish": ("alicloud_image", published),
    }


def up_to(build, stage, **launch):
    """A build that has come as far as before a stage; module and options of the stage."""
    small = {"eip": False, "availability_zones": [f"{HOME}-h"]}  # its parts are tried in the stage launch
    made = steps(build, **({} if stage == "launch" else small), **launch)
    if stage == "boot check":
        for earlier in STAGES[:2]:
            module, options = made[earlier]
            result = build.host.succeed(module, **options)
        return "alicloud_builder", {**made["launch"][1], "name": "check-1", "source": {"id": result["images"][0]["id"]}}
    for earlier in STAGES[: STAGES.index(stage)]:
        module, options = made[earlier]
        build.host.succeed(module, **options)
    return made[stage]


def changes(cloud, host, stage, **launch):
    """The numbers of those calls of a stage that change something, from one that is let live; it is removed then."""
    build = Build(cloud, host)
    module, options = up_to(build, stage, **launch)
    outcome = host.run(module, **options)
    assert outcome.result, outcome.output
    assert not outcome.result.get("failed"), outcome.result["msg"]
    build.tear_down()
    host.succeed("alicloud_image", state="absent", **steps(build)["publish"][1])
    assert build.left() == []
    return [number for number, call in enumerate(outcome.calls, 1) if not call.startswith(READS)]


def published(state, build):
    """Whether the ledger says that its images are published."""
    path = state / "hallmark" / build.id / "ledger.jsonl"
    return path.exists() and path.read_text().count('"released"') > 0


@contextlib.contextmanager
def controller():
    """A process that stands for ansible-playbook, killed in the end as a whole CI job may be."""
    process = subprocess.Popen(["sleep", "600"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("lost", [True, False], ids=["answer-lost", "never-made"])
@pytest.mark.parametrize("stage", STAGES)
def test_reap_after_a_kill_at_any_change(cloud, host, state, stage, lost):
    numbers = changes(cloud, host, stage)
    killed = []
    for number in numbers:
        build = Build(cloud, host)
        module, options = up_to(build, stage)
        outcome = host.run(module, kill=number, lost=lost, **options)
        assert outcome.result is None, outcome.result
        where = f"killed at call {number}, {outcome.calls[-1]}"
        killed.append(outcome.calls[-1].split()[0])
        if (state / "hallmark" / build.id / "ledger.jsonl").exists():
            report = host.succeed("reap", build=build.id)
            assert {item["action"] for item in report["builds"]} <= {"removed"}, where
        if published(state, build):
            # Killed when it only had to say so: what is published is nobody's to reap, and goes when it is asked for.
            host.succeed("alicloud_image", state="absent", **steps(build)["publish"][1])
        assert build.left() == [], where
    assert {"launch": "RunInstances", "capture": "CreateImage", "publish": "CopyImage"}[stage] in killed


JANITORS = [("launch", True), ("launch", False), *((stage, True) for stage in ("capture", "boot check", "publish"))]


@pytest.mark.parametrize(
    ("stage", "lost"), [pytest.param(*case, id=f"{case[0]}-{'lost' if case[1] else 'never-made'}") for case in JANITORS]
)
def test_the_janitor_alone_after_a_kill_at_any_change(cloud, host, state, stage, lost):
    for number in changes(cloud, host, stage):
        build = Build(cloud, host)
        with controller() as pid:
            module, options = up_to(build, stage, lifetime="controller", controller=pid)
            outcome = host.run(module, kill=number, lost=lost, **options)
            assert outcome.result is None, outcome.result
        deadline = time.monotonic() + 60
        log = state / "hallmark" / build.id / "ledger.jsonl"
        while '"closed"' not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        if published(state, build):  # others may use it by now: it is nobody's to clean up
            host.succeed("alicloud_image", state="absent", **steps(build)["publish"][1])
        assert build.left() == [], f"killed at call {number}, {outcome.calls[-1]}"
        assert '"by": "janitor"' in log.read_text()


@pytest.mark.parametrize("stage", ["launch", "capture"])
def test_tags_alone_are_enough_after_a_kill_at_any_change(cloud, host, state, stage):
    """Ledger and computer are lost; another one finds by their tags what has expired."""
    for number in changes(cloud, host, stage):
        build = Build(cloud, host)
        host.open_expired("alicloud", build.id)
        module, options = up_to(build, stage)
        outcome = host.run(module, kill=number, **options)
        shutil.rmtree(state / "hallmark" / build.id)
        search = {"alicloud_regions": [HOME], "alicloud_endpoint_url": cloud.endpoint_url}
        there = build.left()
        planned = host.succeed("reap", check_mode=True, **search)
        assert build.left() == there
        done = host.succeed("reap", **search)
        where = f"killed at call {number}, {outcome.calls[-1]}"
        assert build.left() == [], where
        assert [item["build"] for item in planned["builds"]] == [item["build"] for item in done["builds"]], where
        assert bool(done["builds"]) == bool(there), where


def test_tags_of_what_lives_are_left_alone(cloud, build):
    build.launch()
    there = build.left()
    search = {"alicloud_regions": [HOME], "alicloud_endpoint_url": cloud.endpoint_url}
    assert build.host.succeed("reap", **search)["builds"] == []
    assert build.left() == there
    assert build.tear_down() == []
