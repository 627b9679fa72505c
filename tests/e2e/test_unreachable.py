# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that goes away in the middle is an ordinary failure: torn down, reported, exit status not 0."""

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.qemu import process
from support.place import Place, manifest

pytestmark = pytest.mark.machine


def test_the_guest_goes_away_while_it_is_provisioned(place: Place, quick: str) -> None:
    place.define(text=quick, provision__yml="- name: Take a while\n  ansible.builtin.raw: sleep 300\n")
    run = place.start()
    run.wait_for("provision")
    machine = place.ledger().read().entries["machine/builder"]
    for pid in process.find(machine.token):
        os.kill(pid, signal.SIGKILL)
    assert run.wait(120) != 0
    assert "the guest went away" in run.text()
    assert "Traceback" not in run.text()
    assert place.leftovers() == []
    record = manifest(place.folder)
    assert record["outcome"] == "failed"
    assert "provision" in record["problem"]
    assert record["images"] == []
