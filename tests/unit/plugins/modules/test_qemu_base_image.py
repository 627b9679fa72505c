# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import os
import subprocess

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import debian, programs, sources
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.recipe import Recipe
from ansible_collections.hallmark.images.plugins.modules import qemu_base_image


class Ended(Exception):
    """The module's result, in place of its exit."""


@pytest.fixture
def run(monkeypatch, tmp_path):
    def leave(self, **result):
        raise Ended(result)

    monkeypatch.setattr(basic.AnsibleModule, "exit_json", leave)
    monkeypatch.setattr(basic.AnsibleModule, "fail_json", lambda self, **result: leave(self, failed=True, **result))

    def call(check=False, **options):
        with (
            patch_module_args({"cache_dir": str(tmp_path / "cache"), "_ansible_check_mode": check, **options}),
            pytest.raises(Ended) as caught,
        ):
            qemu_base_image.main()
        return caught.value.args[0]

    return call


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "cloud.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "64M"], check=True)
    return path


def sha(path, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, path.read_bytes()).hexdigest()}"


ZEROS = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of the following is required: release, path, url"),
        ({"release": "bookworm", "url": "http://x/y"}, "parameters are mutually exclusive: release|path|url"),
        ({"path": "/x"}, "missing parameter(s) required by 'path': checksum"),
        ({"url": "http://x/y"}, "missing parameter(s) required by 'url': checksum"),
        ({"release": "bookwurm"}, "release: 'bookwurm' is not supported: one of bookworm, trixie"),
        ({"release": "bookworm", "mirror": "debian.org"}, "mirror: 'debian.org' is no Debian mirror"),
        ({"release": "bookworm", "components": []}, "components: is empty"),
        ({"release": "bookworm", "packages": ["-o"]}, "packages: '-o' is no name of Debian's packages"),
        ({"release": "bookworm", "checksum": ZEROS}, "checksum: does not go with release"),
        ({"path": "/x", "checksum": "0" * 64}, "has no known algorithm: sha256:<64 hexadecimal digits>"),
        ({"path": "/x", "checksum": "sha256:00"}, "has 2 digits"),
        ({"path": "/x", "checksum": ZEROS}, "path: /x does not exist"),
        ({"path": "/", "checksum": ZEROS}, "path: / is no file"),
        ({"path": "/x", "checksum": ZEROS, "mirror": "http://x/debian"}, "mirror: goes only with release"),
        ({"url": "http://x/y", "checksum": ZEROS, "packages": ["less"]}, "packages: goes only with release"),
        ({"url": "ftp://x/y", "checksum": ZEROS}, "url: 'ftp://x/y' is no address of a file"),
        ({"url": "file:///nowhere/x", "checksum": ZEROS}, "file:///nowhere/x: cannot be downloaded: "),
        ({"release": "bookworm", "cache_dir": "/dev/null/x"}, "cache_dir: "),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(run, tmp_path, monkeypatch, options, message):
    monkeypatch.setattr(debian, "build", None)
    result = run(**options)
    assert result["failed"]
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    left = [path.name for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size != 0]
    assert left == []


@pytest.mark.parametrize("program", debian.PROGRAMS)
def test_a_missing_program_is_told_before_anything_is_begun(run, tmp_path, monkeypatch, program):
    real = programs.shutil.which
    monkeypatch.setattr(programs.shutil, "which", lambda name, path: None if name == program else real(name, path=path))
    result = run(release="bookworm")
    assert result["msg"] == f"{program} is missing: install the package {programs.PACKAGES.get(program, program)}"
    assert list(tmp_path.iterdir()) == []


def test_too_little_space_is_told_before_anything_is_begun(run, tmp_path, monkeypatch):
    monkeypatch.setattr(debian, "SPACE", 1 << 60)
    result = run(release="bookworm")
    assert "MiB free, building a base image needs" in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_check_mode_says_what_would_be_done_and_does_nothing(run, tmp_path):
    result = run(check=True, release="bookworm", packages=["nginx"])
    assert result["changed"]
    assert result["msg"] == "would build bookworm from http://deb.debian.org/debian"
    assert "nginx" in result["source"]["requested"]
    result = run(check=True, url="http://127.0.0.1:9/x.qcow2", checksum=ZEROS)
    assert result["msg"] == "would download http://127.0.0.1:9/x.qcow2"
    assert list(tmp_path.iterdir()) == []


def test_check_mode_verifies_a_file_that_is_there(run, image, tmp_path):
    result = run(check=True, path=str(image), checksum=sha(image))
    assert (result["path"], result["virtual_size"], result["changed"]) == (str(image), 64 << 20, True)
    assert "has the wrong checksum" in run(check=True, path=str(image), checksum=ZEROS)["msg"]
    assert list(tmp_path.iterdir()) == [image]


def test_an_image_at_a_path_is_used_where_it_is_and_read_only_once(run, image, tmp_path, monkeypatch):
    first = run(path=str(image), checksum=sha(image, "sha512"))
    assert first["changed"]
    assert first["path"] == str(image)
    assert first["format"] == "qcow2"
    assert first["virtual_size"] == 64 << 20
    assert first["sha256"] == sha(image).partition(":")[2]
    assert first["source"] == {"path": str(image), "checksum": sha(image, "sha512")}
    monkeypatch.setattr(sources, "digests", None)
    second = run(path=str(image), checksum=sha(image, "sha512"))
    assert (second["changed"], second["cached"], second["sha256"]) == (False, True, first["sha256"])


def test_an_image_at_a_path_that_changed_is_read_again(run, image):
    checksum = sha(image)
    run(path=str(image), checksum=checksum)
    with open(image, "ab") as handle:
        handle.write(b"more")
    result = run(path=str(image), checksum=checksum)
    assert result["msg"].startswith(f"path: {image} has the wrong checksum: {sha(image)} where {checksum} was demanded")


def test_absent_forgets_the_image_at_a_path_and_leaves_it(run, image):
    order = {"path": str(image), "checksum": sha(image)}
    run(**order)
    assert run(check=True, state="absent", **order)["msg"] == "would be removed"
    assert run(state="absent", **order)["changed"]
    assert not run(state="absent", **order)["changed"]
    assert image.exists()
    assert run(**order)["changed"]


def test_a_download_is_kept(run, image, tmp_path):
    order = {"url": f"file://{image}", "checksum": sha(image), "events_file": str(tmp_path / "events.jsonl")}
    first = run(**order)
    assert first["changed"]
    assert os.path.dirname(first["path"]) == str(tmp_path / "cache/base")
    assert first["path"].endswith(".qcow2")
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["start", "progress", "end"]
    assert events[1]["percent"] == 99
    image.unlink()
    second = run(**order)
    assert (second["changed"], second["path"]) == (False, first["path"])
    assert run(state="absent", **order)["changed"]
    assert not os.path.exists(first["path"])


def test_a_damaged_download_is_fetched_again_with_a_warning(run, image, monkeypatch):
    order = {"url": f"file://{image}", "checksum": sha(image)}
    path = run(**order)["path"]
    with open(path, "wb") as handle:
        handle.write(b"short")
    warnings = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda self, text: warnings.append(text))
    result = run(**order)
    assert result["changed"]
    assert sha(image) == f"sha256:{result['sha256']}"
    assert warnings == [f"base image: {path} is not what was put there; it is made anew"]


def test_a_download_that_is_no_image_is_removed(run, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html></html>")
    result = run(url=f"file://{page}", checksum=sha(page))
    assert result["msg"].startswith(f"file://{page}: is an HTML or XML page, not a disk image")
    assert not list((tmp_path / "cache/base").glob("url-*"))


def test_an_image_that_is_too_old_is_made_again(run, image, tmp_path):
    order = {"url": f"file://{image}", "checksum": sha(image)}
    run(**order)
    (record,) = (tmp_path / "cache/base").glob("*.json")
    data = json.loads(record.read_text())
    data["made"] -= 3 * 86400
    record.write_text(json.dumps(data))
    assert not run(**order, max_age=4)["changed"]
    assert "is 3.0 days old, max_age is 2.5" in run(check=True, **order, max_age=2.5)["msg"]
    assert run(**order, max_age=2.5)["changed"]
    assert not run(**order, max_age=2.5)["changed"]


def test_a_mirror_that_nobody_answers_at_is_one_line(run, tmp_path):
    result = run(release="bookworm", mirror="http://127.0.0.1:9/debian", security_mirror="")
    assert result["failed"]
    assert result["msg"].startswith("release bookworm from http://127.0.0.1:9/debian: ")
    assert "127.0.0.1" in result["msg"].partition(": ")[2]
    assert "Connection refused" in result["msg"]
    assert "\n" not in result["msg"]
    assert list((tmp_path / "cache/base/.work").iterdir()) == []


def test_a_built_image_is_found_by_its_recipe(run, tmp_path, monkeypatch):
    """The builder itself is proved by the integration tests; here it is only told from everything around it."""
    built = []

    def build(recipe, folder, accel, progress):
        built.append(recipe.key)
        progress(50, "half")
        (folder / "base.qcow2").write_bytes(b"disk")
        return {"path": folder / "base.qcow2", "virtual_size": 2 << 30, "packages": {"less": "590", "sudo": "1.9"}}

    monkeypatch.setattr(debian, "build", build)
    first = run(release="bookworm", packages=["less"])
    second = run(release="bookworm")
    assert (first["changed"], first["cached"], first["source"]["packages"]) == (True, False, 2)
    assert (second["changed"], second["cached"], second["path"]) == (False, True, first["path"])
    assert built == [Recipe("bookworm").key]
    record = json.loads((tmp_path / f"cache/base/{built[0]}.json").read_text())
    assert record["packages"] == {"less": "590", "sudo": "1.9"}
    assert record["suites"] == Recipe("bookworm").sources
    assert run(release="bookworm", packages=["nginx"])["changed"]
