# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever ends a build's controller, and whenever: within 60 s nothing temporary is left, and the ledger says so.

Whole builds are struck early and late. The processes of a stage are the same however the machine looks inside: so both
signals strike every stage of the controller side with machines that have no system, and every stage of the guest side
with a guest that its cases share (tests/integration/test_interrupt.py).
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import new_build_id
from ansible_collections.hallmark.images.plugins.module_utils.qemu import process
from support.place import FEW_AREAS, Place, Run, strike

pytestmark = pytest.mark.machine

BOTH = pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["sigkill", "sigint"])
MARK = """- name: Leave a mark
  ansible.builtin.raw: sleep 2
"""
#: For what comes after hardening and does not depend on it.
UNHARDENED = ("-e", json.dumps({"build_hardening": False, "build_baseline": {"areas": ["limits"], "gate": False}}))

# Stage, event and further fields of the event to strike at.
MOMENTS = {
    "harden": ("harden", "start", {}),
    "boot-check-verify": ("boot check", "start", {"play": "verify"}),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_sigkill_of_a_whole_build(place: Place, quick: str, moment: str) -> None:
    stage, event, fields = MOMENTS[moment]
    place.define(text=quick)
    run = place.start(*(FEW_AREAS if moment == "harden" else UNHARDENED))
    run.wait_for(stage, event, **fields)
    strike(place, run, signal.SIGKILL)


def test_sigint_of_a_whole_build(place: Place, quick: str) -> None:
    place.define(text=quick, provision__yml=MARK)
    run = place.start(*UNHARDENED)
    run.wait_for("provision")
    strike(place, run, signal.SIGINT)


DISK = 256 << 20  # bytes that cannot be compressed
# The modules of the controller side in the order of role build. The machines start from disks without a system.
CONTROLLER_SIDE = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    hallmark.images.qemu_builder: &common
      {build_id: "{{ id }}", events_file: "{{ evidence }}/events.jsonl", cpus: 1, memory: 128}
  tasks:
    - hallmark.images.qemu_builder: {name: builder, source: "{{ disk }}", wait: "{{ boots | default(false) }}"}
    - hallmark.images.qemu_image:
        build_id: "{{ id }}"
        name: web
        dest: "{{ evidence }}"
        events_file: "{{ evidence }}/events.jsonl"
        publish: false
        shutdown_timeout: 600
      register: captured
    - hallmark.images.qemu_builder:
        name: "{{ item }}"
        stage: boot check
        source: "{{ captured.images[0].path }}"
        wait: "{{ item == 'check-2' }}"
      loop: [check-1, check-2]
"""


@pytest.fixture
def controller_side(place: Place) -> Iterator[Callable[..., Run]]:
    """Starts these modules, with a disk that takes a while to convert."""
    disk = place.folder / "disk.raw"
    disk.write_bytes(os.urandom(DISK))

    def start(**variables: bool) -> Run:
        build = new_build_id()
        given = {"id": build, "disk": str(disk), "evidence": str(place.folder / "build" / build), **variables}
        return place.start_play(CONTROLLER_SIDE, "-e", json.dumps(given))

    yield start
    place.close()
    disk.unlink()


def power_off(place: Place) -> None:
    """End the builder as a guest does that shuts down."""
    process.end(place.ledger().read().entries["machine/builder"].token)


@BOTH
def test_in_the_launch(place: Place, controller_side: Callable[..., Run], number: signal.Signals) -> None:
    run = controller_side(boots=True)
    run.wait_for("launch", "created", resource="machine/builder")
    strike(place, run, number)


@BOTH
def test_in_the_shutdown(place: Place, controller_side: Callable[..., Run], number: signal.Signals) -> None:
    run = controller_side()
    run.wait_for("capture")
    strike(place, run, number)


@BOTH
def test_in_the_conversion(place: Place, controller_side: Callable[..., Run], number: signal.Signals) -> None:
    run = controller_side()
    run.wait_for("capture")
    power_off(place)
    run.wait_for("capture", "powered off")
    strike(place, run, number, has_machine=False)
    assert not any(event["stage"] == "capture" and event.get("ok") for event in run.events()), "it came too late"


@BOTH
def test_in_the_boot_check(place: Place, controller_side: Callable[..., Run], number: signal.Signals) -> None:
    run = controller_side()
    run.wait_for("capture")
    power_off(place)
    run.wait_for("boot check", "created", resource="machine/check-2")
    assert len(place.ports()) == 2
    strike(place, run, number)
