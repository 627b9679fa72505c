# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import download as module
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.checksum import Checksum
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.download import download

CONTENT = os.urandom(3 << 20)
SHA256 = Checksum("sha256", hashlib.sha256(CONTENT).hexdigest())


@dataclass
class Behaviour:
    """How the server answers, and what it was asked."""

    content: bytes = CONTENT
    cut_after: list[int] = field(default_factory=list)  # one per answer: close the connection after so many bytes
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)  # answer these first
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server():
    behaviour = Behaviour()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            wanted = self.headers.get("Range")
            behaviour.asked.append(wanted)
            if behaviour.statuses:
                self.send_error(behaviour.statuses.pop(0))
                return
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and behaviour.ranges else 0
            if start >= len(behaviour.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(behaviour.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = behaviour.content[start:]
            self.send_response(206 if behaviour.ranges else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: behaviour.cut_after.pop(0)] if behaviour.cut_after else body)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """A client that hangs up is no news."""

    httpd = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    behaviour.url = f"http://127.0.0.1:{httpd.server_port}/image.qcow2"
    yield behaviour
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_file_is_fetched_and_checked(server, tmp_path):
    told = []
    found = download(server.url, tmp_path / "x.part", SHA256, lambda done, total: told.append((done, total)))
    assert (tmp_path / "x.part").read_bytes() == CONTENT
    assert found == {"sha256": SHA256.digest}
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert server.asked == ["bytes=0-"]


def test_both_digests_are_told_when_sha512_is_demanded(server, tmp_path):
    demanded = Checksum("sha512", hashlib.sha512(CONTENT).hexdigest())
    found = download(server.url, tmp_path / "x.part", demanded)
    assert found == {"sha256": SHA256.digest, "sha512": demanded.digest}


def test_a_cut_line_is_taken_up_where_it_was_cut(server, tmp_path):
    server.cut_after = [1 << 20, 12345]
    download(server.url, tmp_path / "x.part", SHA256, pause=0.01)
    assert (tmp_path / "x.part").read_bytes() == CONTENT
    assert server.asked == ["bytes=0-", f"bytes={1 << 20}-", f"bytes={(1 << 20) + 12345}-"]


def test_what_an_earlier_process_left_is_gone_on_with(server, tmp_path):
    (tmp_path / "x.part").write_bytes(CONTENT[:777])
    download(server.url, tmp_path / "x.part", SHA256)
    assert server.asked == ["bytes=777-"]
    assert (tmp_path / "x.part").read_bytes() == CONTENT


def test_a_complete_part_is_only_checked(server, tmp_path):
    (tmp_path / "x.part").write_bytes(CONTENT)
    assert download(server.url, tmp_path / "x.part", SHA256) == {"sha256": SHA256.digest}


def test_a_part_longer_than_the_file_is_begun_anew(server, tmp_path):
    (tmp_path / "x.part").write_bytes(CONTENT + b"more")
    download(server.url, tmp_path / "x.part", SHA256, pause=0.01)
    assert (tmp_path / "x.part").read_bytes() == CONTENT


def test_a_server_that_knows_no_ranges_sends_all_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "x.part").write_bytes(b"y" * (len(CONTENT) + 5))
    download(server.url, tmp_path / "x.part", SHA256)
    assert (tmp_path / "x.part").read_bytes() == CONTENT


def test_a_wrong_checksum_is_an_error_and_the_file_is_gone(server, tmp_path):
    with pytest.raises(HallmarkError) as caught:
        download(server.url, tmp_path / "x.part", Checksum("sha256", "0" * 64))
    message = str(caught.value)
    assert f"{server.url}: has the wrong checksum: {SHA256} where sha256:{'0' * 64} was demanded" in message
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_is_always_cut_is_given_up_and_what_came_is_kept(server, tmp_path):
    server.cut_after = [1000, 0, 0, 0, 0, 0]
    with pytest.raises(HallmarkError, match=f"the connection was cut after 1000 of {len(CONTENT)} bytes"):
        download(server.url, tmp_path / "x.part", SHA256, attempts=3, pause=0.01)
    assert (tmp_path / "x.part").read_bytes() == CONTENT[:1000]
    assert len(server.asked) == 4


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.statuses = [503, 429]
    download(server.url, tmp_path / "x.part", SHA256, pause=0.01)
    assert (tmp_path / "x.part").read_bytes() == CONTENT


def test_a_missing_file_is_told_at_once(server, tmp_path):
    server.statuses = [404]
    with pytest.raises(HallmarkError, match=r"image.qcow2: cannot be downloaded: the server answers 404 Not Found"):
        download(server.url, tmp_path / "x.part", SHA256)
    assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_nobody_listening_is_one_line(tmp_path):
    with pytest.raises(
        HallmarkError, match=r"http://127.0.0.1:9/x: cannot be downloaded: Connection refused"
    ) as caught:
        download("http://127.0.0.1:9/x", tmp_path / "x.part", SHA256, attempts=2, pause=0.01)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_told_before_anything_is_fetched(server, tmp_path, monkeypatch):
    usage = module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=10 << 20))
    with pytest.raises(HallmarkError, match=r"has 10 MiB free, the download needs 67 MiB: free some space"):
        download(server.url, tmp_path / "x.part", SHA256)
    assert not (tmp_path / "x.part").exists()


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "x.part").mkdir()
    with pytest.raises(HallmarkError, match=r"x.part: cannot be written: Is a directory"):
        download(server.url, tmp_path / "x.part", SHA256)


def test_a_file_address_works_as_well(tmp_path):
    (tmp_path / "source").write_bytes(CONTENT)
    download(f"file://{tmp_path}/source", tmp_path / "x.part", SHA256)
    assert (tmp_path / "x.part").read_bytes() == CONTENT


@pytest.mark.parametrize("url", ["", "image.qcow2", "ftp://x/y", "https://", "file://", "http:/x/y"])
def test_what_is_no_address_is_named(url):
    with pytest.raises(HallmarkError, match=r"url: .* is no address of a file: one that begins with https://"):
        module.check_url(url)
