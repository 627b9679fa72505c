# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule as a developer of roles types it: the machine is booted, put back for the scenario, and removed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from support.checks import AREAS

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("molecule")]
SCENARIOS = {"default", "os_hardening", "strict", *AREAS}


def test_every_area_has_a_scenario(root: Path) -> None:
    assert {path.parent.name for path in root.glob("molecule/*/molecule.yml")} == SCENARIOS


def test_a_scenario_passes_and_leaves_no_machine(root: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        # By default it is one folder for all checkouts of one name.
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
        "HALLMARK_PACKAGES": "",  # so that it is the base image of other tests
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["molecule", "test", "--scenario-name", "limits"],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20000:]
    for action in ("cleanup", "converge", "idempotence", "verify"):
        assert f"limits > {action}: Executed: Successful" in done.stdout, done.stdout[-5000:]
    (ledger,) = Ledger.all(tmp_path / "state/hallmark")
    assert ledger.read().closed
