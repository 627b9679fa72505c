# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.place import Place
from support.quick_guest import quick_image
from support.whole_build import Build, whole_build


@pytest.fixture
def place(tmp_path: Path, root: Path) -> Iterator[Place]:
    """A user's folder that uses the checkout's collection; base images come from the user's real cache."""
    state = tmp_path / "state"
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(root / ".collections"),
        "XDG_STATE_HOME": str(state),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    found = Place(tmp_path, state, environment)
    yield found
    found.close()


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A definition whose machine comes up quickly, of an image that the workers of this run share."""
    shared = tmp_path_factory.getbasetemp()
    image = quick_image((shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "quick")
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    source = {"path": str(image), "checksum": f"sha256:{digest}"}
    return json.dumps({"source": source, "builder": {"cpus": 1, "memory": 512}, "image": {"name": "web"}})


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Build]:
    """One whole build. It takes minutes: its tests are in one group, so that there is one in a run."""
    with whole_build(tmp_path_factory.mktemp("user"), root) as found:
        yield found
