# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One whole build of a stock Debian 12, as a user of the installed collection types it.

The collection is built and installed from its tarball, and the definition lies outside the repository. The build is
watched while it runs: two secrets (a canary in user data, the machine's private key) must appear nowhere.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.place import Place, Run

CANARY = "canary-5b7e21f09c"
DEFINITION = f"""source:
  release: bookworm
builder:
  cpus: 1
  memory: 768
  disk_size: 4G
  data_disks:
    - name: data
      size: 64M
  user_data: |
    #cloud-config
    write_files:
      - path: /root/secret
        permissions: "0600"
        content: {CANARY}
image:
  name: web-1.0
  tags:
    team: platform
baseline:
  tests: [tests/test_web.py]
"""
PROVISION = """- name: Install a file from the definition's own folder
  ansible.builtin.copy:
    src: motd
    dest: /etc/motd
    mode: "0644"

- name: See what the stock system complains of
  ansible.builtin.command: journalctl -b -p err -o cat --no-pager
  register: complaints
  changed_when: false

- name: Keep it
  ansible.builtin.copy:
    content: "{{ complaints.stdout }}"
    dest: COMPLAINTS
    mode: "0600"
  delegate_to: localhost
  become: false
"""
OWN_TEST = """import pytest


@pytest.mark.control("web-01", title="The greeting is ours", severity="low")
def test_motd(host):
    assert host.file("/etc/motd").content_string == "hello\\n"
"""


class Watch(threading.Thread):
    """Looks for the secrets in every command line and environment while a build runs, and learns the private keys."""

    def __init__(self, state: Path) -> None:
        super().__init__(daemon=True)
        self.state = state
        self.keys: set[bytes] = set()
        self.seen: set[str] = set()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.2):
            for path in self.state.glob("hallmark/*/*.key"):
                try:
                    self.keys.add(path.read_bytes().split(b"\n")[2])
                except (OSError, IndexError):
                    continue
            for path in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        data = (path / name).read_bytes()
                    except OSError:
                        continue
                    self.seen.update(f"{path}/{name}" for secret in self.secrets() if secret in data)

    def secrets(self) -> list[bytes]:
        return [CANARY.encode(), *self.keys]


class Build:
    """What the one build of this file left."""

    def __init__(self, place: Place, run: Run, status: int, watch: Watch, complaints: Path) -> None:
        self.place = place
        self.complaints = complaints
        self.status = status
        self.text = run.text()
        self.watch = watch
        self.ledger = place.ledger()
        self.evidence = place.folder / "build" / self.ledger.build_id

    @property
    def manifest(self) -> dict:
        return json.loads((self.evidence / "manifest.json").read_text())


def make_tarball(root: Path, base: Path) -> Path:
    """The collection's tarball, from the files that git knows."""
    source = base / "source"
    names = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    for name in names.split("\0"):
        if name and (root / name).is_file() and not name.startswith(".collections"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, source / name)
    subprocess.run(
        ["ansible-galaxy", "collection", "build", "--output-path", base], cwd=source, check=True, capture_output=True
    )
    (tarball,) = base.glob("hallmark-images-*.tar.gz")
    with tarfile.open(tarball) as archive:
        assert not [name for name in archive.getnames() if name.startswith((".", "tests/", "build/"))]
    return tarball


@contextmanager
def whole_build(base: Path, root: Path) -> Iterator[Build]:
    """Build an image in the folder `base` with the collection of the checkout `root`, packed and installed there."""
    tarball = make_tarball(root, base)
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(base / "collections"),
        "XDG_STATE_HOME": str(base / "state"),
    }
    install = ["ansible-galaxy", "collection", "install", "--offline", "-p", base / "collections", tarball]
    subprocess.run(install, check=True, capture_output=True, cwd=base, env=environment)
    place = Place(base, base / "state", environment)
    complaints = base / "complaints"
    folder = place.define(text=DEFINITION, provision__yml=PROVISION.replace("COMPLAINTS", str(complaints)))
    (folder / "files").mkdir()
    (folder / "files" / "motd").write_text("hello\n")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_web.py").write_text(OWN_TEST)
    watch = Watch(place.state)
    watch.start()
    try:
        run = place.start("-vvv", "--diff")
        status = run.wait(2300)
        watch.over.set()
        watch.join()
        yield Build(place, run, status, watch, complaints)
    finally:
        watch.over.set()
        place.close()
