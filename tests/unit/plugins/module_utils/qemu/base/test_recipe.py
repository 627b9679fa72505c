# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import tarfile

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import guest_files, recipe
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.recipe import Recipe


def test_the_key_is_the_same_for_the_same_and_another_for_anything_else():
    plain = Recipe("bookworm")
    others = [
        Recipe("trixie"),
        Recipe("bookworm", mirror="http://ftp.de.debian.org/debian"),
        Recipe("bookworm", security_mirror=""),
        Recipe("bookworm", components=("main", "contrib")),
        Recipe("bookworm", packages=("nginx",)),
    ]
    assert plain.key == Recipe("bookworm").key
    assert plain.key.startswith("debian-bookworm-")
    assert len({plain.key, *(other.key for other in others)}) == 1 + len(others)


def test_the_key_knows_the_code_that_makes_the_image(monkeypatch):
    before = Recipe("bookworm").key
    real = recipe.source_code
    monkeypatch.setattr(recipe, "source_code", lambda name: real(name) + ("#" if name == "layout" else ""))
    assert Recipe("bookworm").key != before


def test_every_maker_has_a_source():
    for name in recipe.MAKERS:
        assert "SPDX-License-Identifier" in recipe.source_code(name)


def test_the_order_and_repetition_of_packages_do_not_matter():
    assert Recipe("bookworm", packages=("a1", "b1")).key == Recipe("bookworm", packages=("b1", "a1", "sudo")).key


def test_suites():
    assert Recipe("bookworm", components=("main", "contrib")).sources == [
        "deb http://deb.debian.org/debian bookworm main contrib",
        "deb http://deb.debian.org/debian bookworm-updates main contrib",
        "deb http://deb.debian.org/debian-security bookworm-security main contrib",
    ]


@pytest.mark.parametrize(
    ("mirror", "given", "security"),
    [
        ("https://ftp.de.debian.org/debian/", None, "https://ftp.de.debian.org/debian-security"),
        ("http://mirror.example.org/d12", None, ""),
        ("http://mirror.example.org/d12", "http://mirror.example.org/sec", "http://mirror.example.org/sec"),
        ("http://deb.debian.org/debian", "", ""),
    ],
)
def test_the_security_archive_stands_beside_the_main_one(mirror, given, security):
    order = Recipe("bookworm", mirror=mirror, security_mirror=given)
    order.check()
    assert order.security == security
    assert any("bookworm-security" in line for line in order.sources) == bool(security)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (Recipe("bookwurm"), "release: 'bookwurm' is not supported: one of bookworm, trixie"),
        (Recipe(""), "release: '' is not supported"),
        (
            Recipe("bookworm", mirror="deb.debian.org"),
            "mirror: 'deb.debian.org' is no Debian mirror: a URL such as http",
        ),
        (Recipe("bookworm", mirror="http://"), "mirror: 'http://' is no Debian mirror"),
        (Recipe("bookworm", mirror="http://x/debian y"), "is no Debian mirror"),
        (Recipe("bookworm", mirror="http://x/debian\ndeb http://y z"), "is no Debian mirror"),
        (Recipe("bookworm", security_mirror="x"), "security_mirror: 'x' is no Debian mirror"),
        (Recipe("bookworm", components=()), "components: is empty"),
        (Recipe("bookworm", components=("Main",)), "components: 'Main' is no name"),
        (Recipe("bookworm", packages=("--reinstall",)), "packages: '--reinstall' is no name"),
        (Recipe("bookworm", packages=("a1,b1",)), "packages: 'a1,b1' is no name"),
    ],
)
def test_what_cannot_be_ordered_is_named(order, message):
    with pytest.raises(HallmarkError) as caught:
        order.check()
    assert message in str(caught.value)


def test_the_identifiers_of_the_disk_are_stable_and_its_own():
    order = Recipe("bookworm")
    assert order.identifier("root") == Recipe("bookworm").identifier("root")
    assert len({order.identifier("root"), order.identifier("disk"), Recipe("trixie").identifier("root")}) == 3


def test_the_files_are_packed_for_root():
    files = guest_files.guest_files("1234-root", "ABCD-1234")
    with tarfile.open(fileobj=io.BytesIO(guest_files.archive(files))) as tar:
        members = {member.name: member for member in tar}
        fstab = tar.extractfile("etc/fstab").read().decode()
    assert set(members) == {*files, "boot/efi"}
    assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}
    assert members["etc/fstab"].mode == 0o644
    assert fstab.splitlines()[0].split()[:3] == ["UUID=1234-root", "/", "ext4"]
    assert fstab.splitlines()[1].split()[:3] == ["UUID=ABCD-1234", "/boot/efi", "vfat"]


def test_cloud_init_reads_what_we_give_it():
    yaml = pytest.importorskip("yaml")
    cloud = yaml.safe_load(guest_files.CLOUD)
    assert cloud["datasource_list"] == ["NoCloud", "ConfigDrive", "None"]
    # ds-identify is a shell script that reads the list from one line only.
    assert "datasource_list: [NoCloud, ConfigDrive, None]\n" in guest_files.CLOUD
    assert {"growpart", "resizefs", "ssh", "users-groups"} <= set(cloud["cloud_init_modules"])
