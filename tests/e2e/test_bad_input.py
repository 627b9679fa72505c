# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input gets one clear line, before anything is created; nothing is left behind, and no traceback is shown."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.place import Place

RELEASE = "source: {release: bookworm}\n"


def assert_refused(place: Place, message: str, *arguments: str, seconds: float = 120) -> str:
    """Start a build and assert that it ends with the message and leaves nothing; what it printed."""
    run = place.start(*arguments)
    status = run.wait(seconds)
    text = run.text()
    assert status != 0, text
    assert re.search(message, re.sub(r"\s+", " ", text)), text
    assert "Traceback" not in text
    assert place.leftovers() == []
    return text


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (RELEASE + "bilder: {}\n", r"main.yml:2: .*bilder.*builder"),
        (RELEASE + "builder: {cpu: 2}\n", r"main.yml:2: .*cpu.*cpus"),
        (RELEASE + "builder: {cpus: many}\n", r"main.yml:2: .*cpus.*'?many'?"),
        (RELEASE + "builder: {memory: 1}\n", r"main.yml:2: .*memory.*1"),
        (RELEASE + "builder: {disk_size: 8 gigabytes}\n", r"main.yml:2: .*disk_size.*8 gigabytes"),
        (RELEASE + "builder: {firmware: efi}\n", r"main.yml:2: .*firmware.*efi.*uefi"),
        (RELEASE + "builder: {user_data_file: missing.yml}\n", r"main.yml:2: .*user_data_file.*missing.yml"),
        (RELEASE + "builder: {data_disks: [{name: a, size: 1G}, {name: a, size: 1G}]}\n", r"main.yml:2: .*data_disks"),
        (RELEASE + "provision: missing.yml\n", r"main.yml:2: .*provision.*missing.yml"),
        (RELEASE + "builder: {data_disks: [{name: system, size: 1G}]}\n", r"main.yml:2: .*data_disks.*system"),
        (
            RELEASE + "builder: {user_data: 'password: canary'}\n",
            r"main.yml:2: .*user_data: \(not shown\).*#cloud-config",
        ),
        (RELEASE + "hardening: {os_hardening_skip: [limts]}\n", r"main.yml:2: .*limts.*limits"),
        ('source: {release: bookworm}\nbuilder: {disk_size: "8G\\n"}\n', r"main.yml:2: .*disk_size.*8G"),
        ("source: {url: 'ftp://me:canary@host/x', checksum: ''}\n", r"main.yml:1: source.url: ftp://host/x: "),
        (RELEASE + "image: {format: iso}\n", r"main.yml:2: .*format.*iso.*qcow2"),
        (RELEASE + "image: {name: a/b}\n", r"main.yml:2: .*name.*a/b"),
        (RELEASE + "baseline: {profile: strictest}\n", r"main.yml:2: .*profile.*strictest.*strict"),
        (RELEASE + "baseline: {waivers: [{control: sysctl-01}]}\n", r"main.yml:2: .*reason"),
        (RELEASE + "baseline: {tests: [missing.py]}\n", r"main.yml:2: .*missing.py"),
        ("builder: {}\n", r"main.yml.*source"),
        ("source: {release: bookworm, path: /x.qcow2}\n", r"main.yml:1: .*(release|path)"),
        ("source: {path: /x.qcow2}\n", r"main.yml:1: .*checksum"),
        ("source: {path: /x.qcow2, checksum: 'sha256:123'}\n", r"main.yml:1: .*checksum.*sha256:123"),
        ("source: {release: bookworm\n", r"main.yml:"),
        ("- release\n", r"main.yml:1: "),
    ],
)
def test_a_definition_that_is_wrong(place: Place, definition: str, message: str) -> None:
    place.define(text=definition)
    assert "canary" not in assert_refused(place, message)
    assert not (place.folder / "build").exists()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (("build_hardening=false",), r"web: build_hardening: .*false.*-e NAME=VALUE gives a text"),
        (("build_boot_check=maybe",), r"web: build_boot_check: maybe: true, false or a mapping"),
        (("build_provision=missing.yml",), r"web: build_provision: missing.yml: a file that exists"),
        (('{"build_image": {"name": "web\\n"}}',), r"web: build_image.name: .*128"),
        (('{"build_hardening": {"sysctl_overides": {}}}', '{"build_baseline": {"profile": "strictest"}}'),
         r"web: build_baseline.profile: strictest: .*sysctl_overides: .*sysctl_overrides"),
    ],
    ids=["hardening", "boot check", "provision", "image", "many"],
)  # fmt: skip
@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["build", "check"])
def test_a_variable_that_is_wrong(
    place: Place, arguments: tuple[str, ...], variables: tuple[str, ...], message: str
) -> None:
    """What does not come from the definition's file is checked before anything is made, too."""
    place.define()
    given = [word for variable in variables for word in ("-e", variable)]
    assert_refused(place, message, *arguments, *given)
    assert not (place.folder / "build").exists()


def test_files_and_waivers_that_would_fail_on_the_machine(place: Place) -> None:
    waivers = """
      - {control: nosuch-01, reason: why, owner: me, expires: 2999-01-01}
      - {control: ds-limits-01, reason: why, owner: me, expires: 2020-01-01}
    """
    place.define(
        text=RELEASE + "baseline:\n  tests: [test_app.py]\n  waivers:" + waivers.rstrip() + "\n",
        provision__yml="- hosts: all\n",
        test_app__py="def test_app(:\n",
    )
    expected = (
        r"provision.yml:1: hosts: .*test_app.py:1:\d+: no Python.*main.yml:5: .*nosuch-01.*main.yml:6: .*2020-01-01"
    )
    assert_refused(place, expected)
    assert not (place.folder / "build").exists()


@pytest.mark.parametrize("source", ["{release: bookworm}", "{url: 'http://me:canary@127.0.0.1:9/x', checksum: %s}"])
def test_check_mode_needs_no_source_image(place: Place, source: str) -> None:
    """What a new user tries first: nothing is in the cache."""
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "cache")
    place.define(text=f"source: {source}\n".replace("%s", "sha256:" + "0" * 64))
    run = place.start("--check", "-vvv")
    assert run.wait(120) == 0, run.text()
    assert "canary" not in run.text()
    assert place.leftovers() == []
    assert not (place.folder / "build").exists()


def test_check_mode_names_no_evidence_where_there_is_none(place: Place, image: Path) -> None:
    place.define(text=from_image(image, "{disk_size: 32M}"))
    text = assert_refused(place, r"disk_size: 32M is smaller than the source", "--check")
    assert "what there is of it" not in text


@pytest.fixture
def image(place: Place) -> Path:
    """A small valid image without an operating system."""
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "cache")
    path = place.folder / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "64M"], check=True)
    return path


def from_image(path: Path, builder: str = "{}", checksum: str = "") -> str:
    """A definition that starts from a file."""
    known = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "0" * 64
    return f"source: {{path: {path}, checksum: 'sha256:{checksum or known}'}}\nbuilder: {builder}\n"


def test_a_wrong_checksum(place: Place, image: Path) -> None:
    place.define(text=from_image(image, checksum="0" * 64))
    assert_refused(place, r"base.qcow2.*(checksum|sha256).*0{64}")
    assert image.exists(), "a file of the user's own is never removed"


def test_a_source_that_is_missing(place: Place) -> None:
    place.define(text=from_image(place.folder / "missing.qcow2"))
    assert_refused(place, r"main.yml:1: source.path: .*there is no file .*missing.qcow2")


def test_a_source_that_cannot_be_read(place: Place) -> None:
    (place.folder / "base.qcow2").mkdir()
    place.define(text=from_image(place.folder / "base.qcow2"))
    assert_refused(place, r"main.yml:1: source.path: .*base.qcow2 is a folder")


def test_a_corrupt_image(place: Place, image: Path) -> None:
    data = bytearray(image.read_bytes())
    data[40:48] = b"\xff" * 8  # the offset of the L1 table (QEMU's docs/interop/qcow2.txt)
    image.write_bytes(data)
    place.define(text=from_image(image))
    assert_refused(place, r"base.qcow2")


def test_an_image_over_a_file_of_the_host(place: Place, image: Path) -> None:
    """A backing file could be any file that the user can read."""
    above = place.folder / "above.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", above], check=True)
    place.define(text=from_image(above))
    assert_refused(place, r"above.qcow2.*backing file")


def test_a_disk_smaller_than_the_source(place: Place, image: Path) -> None:
    place.define(text=from_image(image, "{disk_size: 32M}"))
    # The evidence goes to the user's home when the user says so.
    place.environment["HOME"] = str(place.folder)
    message = r"disk_size: 32M is smaller than the source .*at least 64M"
    assert_refused(place, message, "-e", "build_output=~/evidence")
    assert list((place.folder / "evidence").iterdir()) != []
    assert not (place.folder / "~").exists()


def test_a_port_that_is_taken(place: Place, image: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        place.define(text=from_image(image, f"{{ssh_port: {port}}}"))
        assert_refused(place, rf"ssh_port: {port} on 127.0.0.1: Address already in use: another port, or 0")


def test_kvm_where_there_is_none(place: Place, image: Path) -> None:
    place.define(text=from_image(image, "{accel: kvm}"))
    assert_refused(place, r"accel: kvm cannot be used: (the processor shows neither svm nor vmx|/dev/kvm)")


def test_qemu_is_missing(place: Place, image: Path) -> None:
    tools = place.folder / "bin"
    tools.mkdir()
    for folder in place.environment["PATH"].split(os.pathsep):
        for tool in Path(folder).glob("*") if os.path.isdir(folder) else ():
            if not tool.name.startswith("qemu-system") and not (tools / tool.name).is_symlink():
                (tools / tool.name).symlink_to(tool)
    place.environment["PATH"] = str(tools)
    place.define(text=from_image(image))
    assert_refused(place, r"qemu-system-x86_64 is missing: install the package qemu-system-x86")


def test_a_release_that_does_not_exist(place: Place) -> None:
    place.define(text="source: {release: bokworm}\n")
    assert_refused(place, r"release.*bokworm.*bookworm")


def test_a_mirror_that_cannot_be_reached(place: Place) -> None:
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "cache")
    place.define(text="source: {release: bookworm, mirror: 'http://127.0.0.1:9/debian'}\n")
    assert_refused(place, r"127.0.0.1:9")


def test_the_state_folder_cannot_be_made(place: Place, image: Path) -> None:
    place.state.write_text("")
    place.define(text=from_image(image))
    run = place.start()
    assert run.wait(60) != 0
    assert re.search(r"state folder .*: Not a directory", run.text())
    assert "Traceback" not in run.text()


def test_no_space_left(place: Place, image: Path) -> None:
    """The state folder is on a file system with no room for a disk."""
    place.state.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", place.state], check=True, capture_output=True
        )
    except subprocess.CalledProcessError:
        pytest.fail("this test mounts a file system, so it needs root")
    try:
        place.define(text=from_image(image))
        assert_refused(place, r"[Nn]o space left")
    finally:
        subprocess.run(["umount", "-l", place.state], check=True)


def test_a_machine_that_does_not_come_up(place: Place, image: Path) -> None:
    place.define(text=from_image(image) + "communicator: {timeout: 10}\n")
    text = assert_refused(place, r"machine builder: (not ready within 10 s|No bootable device)")
    assert "console" in text


def test_a_definition_that_is_not_there(place: Place) -> None:
    place.define(text=RELEASE)
    run = place.start("--limit", "wbe")
    assert run.wait(60) != 0
    assert "wbe" in run.text()


class Server(ThreadingHTTPServer):
    """Serves the first half of a file and then nothing more, while the client waits."""

    daemon_threads = True
    asked = threading.Event()


class Half(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/half.qcow2":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 20))
        self.end_headers()
        self.wfile.write(b"x" * (1 << 19))
        self.wfile.flush()
        self.server.asked.set()
        time.sleep(60)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Half)
    found.asked = threading.Event()
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()


def url_definition(server: Server, name: str) -> str:
    port = server.server_address[1]
    return f"source: {{url: 'http://127.0.0.1:{port}/{name}', checksum: 'sha256:{'0' * 64}'}}\n"


def test_a_url_that_is_not_there(place: Place, server: Server) -> None:
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "cache")
    place.define(text=url_definition(server, "missing.qcow2?signature=canary"))
    text = assert_refused(place, r"missing.qcow2: cannot be downloaded: .*404")
    (record,) = (place.folder / "build").glob("*/manifest.json")
    assert "missing.qcow2" in record.read_text()
    assert "canary" not in text + record.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_a_download_that_is_ended(place: Place, server: Server, number: signal.Signals) -> None:
    """Only the part file stays, from which the next run goes on; never a file under the final name."""
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "cache")
    place.define(text=url_definition(server, "half.qcow2"))
    run = place.start()
    assert server.asked.wait(60), run.text()
    run.send(number)
    assert run.wait(60) != 0
    assert "Traceback" not in run.text()
    assert place.leftovers() == []
    images = [
        path for path in (place.folder / "cache").rglob("*") if path.is_file() and path.suffix in (".qcow2", ".img")
    ]
    assert images == []


def test_programs_that_tests_need_are_there() -> None:
    """A missing program would turn the refusals above into refusals for the wrong reason."""
    assert [name for name in ("qemu-img", "qemu-system-x86_64", "mmdebstrap") if not shutil.which(name)] == []
