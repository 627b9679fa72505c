# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module is killed at every single call that it makes; then reap alone: the account is what it was.

Each call is a case: it takes effect and its answer is lost. Each that changes something is one more: it is never made
(what the call before it did stands in the ledger by then).
"""

from __future__ import annotations

import secrets
import shutil

import pytest

from support.aws_account import HOME, REGIONS

STAGES = ("launch", "capture", "publish")
NEEDED = {"launch": "RunInstances", "capture": "CreateImage", "publish": "CopyImage"}
READS = ("Describe", "Get")
#: By the name of a series: the stage, and further options of the launch.
SERIES = {
    **{stage: (stage, {}) for stage in STAGES},
    "launch-on-spot": ("launch", {"market": "spot", "spot_max_price": "0.05"}),
}


def _steps(launch, build):
    image = {"build_id": build, "region": HOME, "name": f"web-{build}"}
    copies = [{"region": region} for region in REGIONS if region != HOME]
    return {
        "launch": ("aws_builder", launch),
        "capture": ("aws_image", {**image, "publish": False}),
        "publish": ("aws_image", {**image, "copies": copies, "launch_users": ["123456789012"], "deprecate_at": "+90d"}),
    }


def _with_build(launch, guest, state):
    build = f"20261124t180000-{secrets.token_hex(3)}"
    guest.admit(state / "hallmark" / build / "builder.key.pub")
    return _steps({**launch, "build_id": build}, build), build


def _published(state, build):
    text = state / "hallmark" / build / "ledger.jsonl"
    return text.exists() and text.read_text().count('"released"') == len(REGIONS)


def after_publication(account, before):
    """Whether there is one image more in each region, and of nothing else more than before but its snapshot."""
    new = {name: len(ids) - len(before[name]) for name, ids in account.everything().items()}
    return new == {name: int(name.endswith(("images", "snapshots"))) for name in new}


def _up_to(modules, steps, stage):
    """Run the stages before one; module and options of that."""
    for earlier in STAGES[: STAGES.index(stage)]:
        module, options = steps[earlier]
        modules.succeed(module, **options)
    return steps[stage]


def _calls(launch, guest, state, modules, stage):
    """The calls of a stage that nobody kills; its build is removed as a whole."""
    steps, build = _with_build(launch, guest, state)
    module, options = _up_to(modules, steps, stage)
    outcome = modules.run(module, **options)
    assert outcome.result, outcome.output
    assert not outcome.result.get("failed"), outcome.result["msg"]
    modules.succeed("aws_image", state="absent", **steps["publish"][1])
    modules.succeed("aws_builder", state="absent", build_id=build)
    return outcome.calls


@pytest.mark.parametrize("lost", [True, False], ids=["answer-lost", "never-made"])
@pytest.mark.parametrize("series", SERIES)
def test_reap_after_a_kill_at_any_call(account, modules, guest, state, launch, series, lost):
    before = account.everything()
    stage, more = SERIES[series]
    launch |= more
    calls = _calls(launch, guest, state, modules, stage)
    assert any(call.startswith(NEEDED[stage]) for call in calls)
    for kill, call in enumerate(calls, 1):
        if not lost and call.startswith(READS):
            continue  # to die before a look leaves what to die before the change after it leaves
        steps, build = _with_build(launch, guest, state)
        module, options = _up_to(modules, steps, stage)
        outcome = modules.run(module, kill=kill, lost=lost, **options)
        where = f"left after a kill at call {kill}, {outcome.calls[-1]}"
        assert outcome.result is None, where
        if (state / "hallmark" / build / "ledger.jsonl").exists():  # else it was still planning
            report = modules.succeed("reap", build=build)
            assert {item["action"] for item in report["builds"]} <= {"removed"}
        if _published(state, build):
            # Killed when it only had to say so: what is published is nobody's to reap, and goes when it is asked for.
            assert after_publication(account, before)
            modules.succeed("aws_image", state="absent", **steps["publish"][1])
        assert account.everything() == before, where


def test_tags_alone_are_enough(account, modules, launch, build, state):
    before = account.everything()
    modules.open_expired("aws", build)
    modules.succeed("aws_builder", **launch)
    steps = _steps(launch, build)
    module, options = steps["capture"]
    modules.succeed(module, **{**options, "timeout": 0})  # an image has the time of its stages
    shutil.rmtree(state / "hallmark" / build)
    assert list(modules.runtime.glob(f"*{build}*"))
    planned = modules.succeed("reap", aws_regions=[HOME], check_mode=True)
    assert account.everything() != before
    done = modules.succeed("reap", aws_regions=[HOME])
    assert [item["build"] for item in planned["builds"]] == [item["build"] for item in done["builds"]] == [build]
    assert account.everything() == before
    assert list(modules.runtime.glob(f"*{build}*")) == [], "what this computer had of it is gone, too"


def test_tags_of_what_lives_are_left_alone(account, modules, launch, build):
    modules.succeed("aws_builder", **launch)
    there = account.everything()
    assert modules.succeed("reap", aws_regions=[HOME])["builds"] == []
    assert account.everything() == there
    modules.succeed("aws_builder", state="absent", build_id=build)
