# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import cache as module
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.cache import Cache, default_cache, in_use

DIGEST = "b" * 64


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "hallmark")


def put(cache, key="debian-x", content=b"image", digest=DIGEST):
    with cache.lock(key), cache.work_folder() as folder:
        made = folder / "base.qcow2"
        made.write_bytes(content)
        return cache.put(key, made, digest, {"format": "qcow2", "virtual_size": 5})


def test_the_cache_is_where_xdg_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "hallmark"
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(default_cache()) == "/home/somebody/.cache/hallmark"


def test_what_was_put_is_found(cache):
    made = put(cache)
    entry, problem = cache.find("debian-x")
    assert problem == ""
    assert entry.path == made.path
    assert entry.path.read_bytes() == b"image"
    assert entry.record["sha256"] == DIGEST
    assert entry.age < 0.01
    assert list((cache.folder / ".work").iterdir()) == []


def test_nothing_is_found_where_nothing_was_put(cache):
    assert cache.find("debian-x") == (None, "")


def test_a_file_of_another_size_is_refused(cache):
    path = put(cache).path
    path.write_bytes(b"imag")
    entry, problem = cache.find("debian-x")
    assert entry is None
    assert problem == f"{path} is not what was put there"


def test_a_file_of_another_time_is_read_and_judged_by_its_content(cache):
    import hashlib

    path = put(cache, digest=hashlib.sha256(b"image").hexdigest()).path
    os.utime(path, (1, 1))
    assert cache.find("debian-x")[0].path == path
    path.write_bytes(b"IMAGE")
    assert cache.find("debian-x")[1] == f"{path} is not what was put there"


def test_a_lost_file_is_named(cache):
    path = put(cache).path
    path.unlink()
    assert cache.find("debian-x") == (None, f"{path} is missing")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"file": 3}', '{"file": "x.qcow2"}'])
def test_a_damaged_record_is_no_traceback(cache, text):
    (cache.folder / "x.qcow2").parent.mkdir(parents=True)
    (cache.folder / "x.qcow2").write_bytes(b"x")
    (cache.folder / "debian-x.json").write_text(text)
    entry, problem = cache.find("debian-x")
    assert entry is None
    assert problem


def test_a_newer_image_never_takes_the_name_of_an_older_one(cache):
    old = put(cache)
    new = put(cache, content=b"newer", digest="c" * 64)
    assert old.path.read_bytes() == b"image"
    assert cache.find("debian-x")[0].path == new.path


def test_the_sweep_keeps_what_is_current_or_was_so_a_day_ago(cache):
    old, new = put(cache), put(cache, content=b"newer", digest="c" * 64)
    cache.sweep()
    assert old.path.exists()
    os.utime(old.path, (time.time() - 90000,) * 2)
    os.utime(new.path, (time.time() - 90000,) * 2)
    cache.sweep()
    assert not old.path.exists()
    assert new.path.exists()


def test_the_sweep_removes_what_nobody_asked_for_in_a_season(cache, tmp_path):
    unused, used = put(cache, key="debian-old"), put(cache, key="debian-new")
    for key, entry in (("debian-old", unused), ("debian-new", used)):
        os.utime(cache.folder / f"{key}.json", (time.time() - 91 * 86400,) * 2)
        os.utime(entry.path, (time.time() - 91 * 86400,) * 2)
    cache.used("debian-new")
    cache.sweep()
    assert cache.find("debian-old") == (None, "")
    assert not unused.path.exists()
    assert used.path.exists()


def test_the_sweep_forgets_files_elsewhere_that_are_gone(cache, tmp_path):
    image = tmp_path / "cloud.qcow2"
    image.write_bytes(b"cloud")
    with cache.lock("path-x"):
        cache.note("path-x", image, DIGEST, {"format": "qcow2"})
    cache.sweep()
    assert cache.find("path-x")[0]
    image.unlink()
    cache.sweep()
    assert cache.find("path-x") == (None, "")


def test_the_sweep_leaves_what_a_machine_uses(cache):
    old = put(cache)
    put(cache, content=b"newer", digest="c" * 64)
    os.utime(old.path, (time.time() - 90000,) * 2)
    with machine(old.path):
        cache.sweep()
        assert old.path.exists()
    cache.sweep()
    assert not old.path.exists()


def machine(path):
    """A process that locks an image as QEMU does: read locks on single bytes, which the kernel frees with it."""
    code = (
        "import fcntl, struct, sys; handle = open(sys.argv[1], 'rb');"
        "fcntl.fcntl(handle, fcntl.F_OFD_SETLK, struct.pack('hhqqi', fcntl.F_RDLCK, 0, 100, 1, 0));"
        "print('locked', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"locked\n"
    return process


def test_an_image_in_use_is_known_and_not_removed(cache):
    path = put(cache).path
    assert not in_use(path)
    with machine(path):
        assert in_use(path)
        with pytest.raises(HallmarkError, match="is used by a running machine"):
            cache.remove("debian-x")
    assert not in_use(path)
    assert cache.remove("debian-x")
    assert not cache.remove("debian-x")
    assert cache.find("debian-x") == (None, "")


def test_removing_takes_an_unfinished_download_along(cache):
    put(cache)
    cache.part("debian-x").write_bytes(b"half")
    put(cache, key="debian-y")
    cache.remove("debian-x")
    assert {path.name for path in cache.folder.iterdir() if path.name[0] != "."} == {
        "debian-y.json",
        f"debian-y-{DIGEST[:12]}.qcow2",
    }


def test_what_a_dead_process_left_is_swept_and_what_a_living_one_has_is_not(cache):
    code = (
        "import sys, pathlib, os;"
        "from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.cache import Cache;"
        "context = Cache(pathlib.Path(sys.argv[1])).work_folder(); folder = context.__enter__();"
        "(folder / 'disk.raw').write_bytes(b'x' * 1000); print(folder, flush=True); sys.stdin.read(); os._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code, cache.folder.parent],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    folder = cache.folder / ".work" / os.path.basename(process.stdout.readline().strip())
    assert (folder / "disk.raw").exists()
    cache.sweep()
    assert (folder / "disk.raw").exists()
    process.kill()
    process.wait()
    cache.sweep()
    assert not folder.exists()
    process.stdin.close()
    process.stdout.close()


def test_the_second_process_waits_for_the_first(cache):
    told = []
    with cache.lock("debian-x"):
        with open(cache.folder / ".locks" / "debian-x", "ab") as handle, pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        other = subprocess.Popen(
            ["flock", cache.folder / ".locks" / "debian-x", "echo", "mine"], stdout=subprocess.PIPE
        )
        time.sleep(0.2)
        assert other.poll() is None
    assert other.communicate()[0] == b"mine\n"
    with cache.lock("debian-x", lambda: told.append(1)):
        pass
    assert told == []


def test_waiting_is_told_once(cache):
    told = []
    with cache.lock("debian-x"):
        pass
    other = subprocess.Popen(["flock", cache.folder / ".locks" / "debian-x", "sh", "-c", "echo have; sleep 0.5"],
                             stdout=subprocess.PIPE)  # fmt: skip
    assert other.stdout.readline() == b"have\n"
    with cache.lock("debian-x", lambda: told.append(1)):
        assert told == [1]
    other.communicate()


def test_a_verified_file_elsewhere_is_noted_and_never_removed(cache, tmp_path):
    image = tmp_path / "cloud.qcow2"
    image.write_bytes(b"cloud")
    with cache.lock("path-x"):
        cache.note("path-x", image, DIGEST, {"format": "qcow2"})
    assert cache.find("path-x")[0].path == image
    image.write_bytes(b"other")
    assert cache.find("path-x")[0] is None
    assert cache.remove("path-x")
    assert image.exists()


def test_the_record_is_readable(cache):
    put(cache)
    record = json.loads((cache.folder / "debian-x.json").read_text())
    assert record["fingerprint"]["size"] == 5
    assert record["format"] == "qcow2"


def test_too_little_space_is_told_for_a_folder_that_is_not_there_yet(tmp_path, monkeypatch):
    usage = module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=10 << 20))
    with pytest.raises(
        HallmarkError, match=r"has 10 MiB free, a build needs 3072 MiB: free some space, or set cache_dir"
    ):
        module.need_space(tmp_path / "not" / "there", 3 << 30, "a build")


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(HallmarkError, match=r"cache_dir: .*file.*: Not a directory: a folder you may write to"),
        Cache(tmp_path / "file").lock("x"),
    ):
        pass


def test_a_folder_whose_removal_was_cut_is_swept(cache):
    """The lock was removed first, and then the process was killed."""
    put(cache)
    folder = cache.folder / ".work" / "tmpabc"
    (folder / "tree").mkdir(parents=True)
    (folder / "tree" / "file").write_bytes(b"x")
    cache.sweep()
    assert not folder.exists()
