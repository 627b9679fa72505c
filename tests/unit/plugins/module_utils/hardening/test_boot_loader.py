# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import boot_loader
from ansible_collections.hallmark.images.plugins.module_utils.hardening.boot_loader import lacking, set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from support.image_tree import make, put

FILES = Path(__file__).parent / "files"
GRUB = "/etc/default/grub"
DROP_IN = "/etc/default/grub.d/zz-hallmark-boot.cfg"
CONSOLE = "console=tty0 console=ttyS0,115200"
HASH = "grub.pbkdf2.sha512.10000.AB12.CD34"


@pytest.fixture
def top(tmp_path):
    """An image tree of Debian 12, whose files belong to whoever runs the tests."""
    return make(tmp_path, "debian12")


def options(**given):
    """Options as the module's argument specification completes them."""
    return {
        "arguments": ["slab_nomerge", "pti=on"],
        "absent": [],
        "apparmor": False,
        "drop_in": DROP_IN,
        "password_hash": "",
        "superuser": "root",
    } | given


class Debian:
    """Stands for update-grub: makes the menu of the settings, as grub-mkconfig does."""

    def __init__(self, top):
        self.top, self.calls = top, []
        put(top, "/etc/default/grub", f'GRUB_CMDLINE_LINUX="{CONSOLE}"\n')
        (top / "proc/self").mkdir(parents=True)  # something is mounted there
        self.make()
        self.menu.chmod(0o600)

    @property
    def menu(self):
        return self.top / "boot/grub/grub.cfg"

    def make(self):
        script = "set -e; for file in grub grub.d/*.cfg; do if [ -e $file ]; then . ./$file; fi; done"
        command = ["sh", "-c", f'{script}; echo "$GRUB_CMDLINE_LINUX"']
        done = subprocess.run(command, cwd=self.top / "etc/default", capture_output=True, text=True, check=True)
        words = done.stdout.strip()
        entries = [f"\tlinux\t/vmlinuz root=/dev/vda1 ro {end}{words}\n" for end in ("", "single ")]
        put(self.top, "/boot/grub/grub.cfg", "".join(entries) + "\tlinux /boot/memtest86+x64.bin\n").chmod(0o444)

    def __call__(self, command):
        self.calls.append(command[2:] if command[0] == "chroot" else command)
        self.make()
        return 0, "", "Generating grub configuration file ..."


def test_every_kernel_gets_the_arguments_and_keeps_its_consoles(top):
    run = Debian(top)
    tree = Tree(str(top))
    report = set_all(tree, options(), run, "x86_64")
    assert report == {"arguments": ["slab_nomerge", "pti=on"], "warnings": []}
    assert run.calls == [], "what is only added needs no new menu"
    menu = run.menu.read_text()
    assert menu.count(f"{CONSOLE} slab_nomerge pti=on\n") == 2
    assert "\tlinux /boot/memtest86+x64.bin\n" in menu
    assert stat.S_IMODE(run.menu.stat().st_mode) == 0o600
    assert [change["path"] for change in tree.changes] == [GRUB, DROP_IN, boot_loader.GRUB_CFG]
    assert (top / GRUB[1:]).read_text() == f'GRUB_CMDLINE_LINUX="{CONSOLE} slab_nomerge pti=on"\n'
    again = Tree(str(top))
    set_all(again, options(), run, "x86_64")
    assert (again.changes, run.calls) == ([], [])
    run.make()
    assert run.menu.read_text() == menu, "update-grub makes the same"


@pytest.mark.parametrize("held", ["pti=off", "pti", "slab_nomerge"])
def test_a_menu_that_says_something_of_an_argument_already_is_made_anew(top, held):
    run = Debian(top)
    put(top, "/etc/default/grub.d/10-vendor.cfg", f'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {held}"\n')
    run.make()
    run.menu.chmod(0o600)
    report = set_all(Tree(str(top)), options(), run, "x86_64")
    assert (run.calls, report["warnings"]) == ([["update-grub"]], [])
    kept = f" {held}" if held != "slab_nomerge" else ""  # nothing is there twice
    assert run.menu.read_text().count(f"{CONSOLE}{kept} slab_nomerge pti=on\n") == 2
    assert stat.S_IMODE(run.menu.stat().st_mode) == 0o600, "update-grub lets everybody read the menu"


def test_another_file_of_ours_that_comes_later_is_no_obstacle(top):
    run = Debian(top)
    set_all(Tree(str(top)), options(), run, "x86_64")
    early = options(drop_in="/etc/default/grub.d/50-audit.cfg", arguments=["audit=1"])
    set_all(Tree(str(top)), early, run, "x86_64")
    assert run.calls == []
    assert run.menu.read_text().count(" slab_nomerge pti=on audit=1\n") == 2
    run.make()
    assert run.menu.read_text().count(f"{CONSOLE} audit=1 slab_nomerge pti=on\n") == 2, "once each, the later file last"


def test_a_cloud_images_own_file_that_puts_others_in_place_is_no_obstacle(top):
    run = Debian(top)
    put(top, "/etc/default/grub.d/50-cloud.cfg", 'GRUB_CMDLINE_LINUX="console=ttyS0"\n')
    run.make()
    assert set_all(Tree(str(top)), options(), run, "x86_64")["warnings"] == []
    run.make()
    assert run.menu.read_text().count("ro console=ttyS0 slab_nomerge pti=on\n") == 1
    assert "slab_nomerge" in (top / GRUB[1:]).read_text()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('GRUB_CMDLINE_LINUX=""\n', 'GRUB_CMDLINE_LINUX="slab_nomerge pti=on"\n'),
        ("GRUB_CMDLINE_LINUX=quiet\n", 'GRUB_CMDLINE_LINUX="quiet slab_nomerge pti=on"\n'),
        ("GRUB_CMDLINE_LINUX=\n", 'GRUB_CMDLINE_LINUX="slab_nomerge pti=on"\n'),
        ("GRUB_CMDLINE_LINUX='a b'  \n", "GRUB_CMDLINE_LINUX='a b slab_nomerge pti=on'\n"),
        ('GRUB_CMDLINE_LINUX="pti=off a"\n', 'GRUB_CMDLINE_LINUX="a slab_nomerge pti=on"\n'),
        ('GRUB_CMDLINE_LINUX="pti=on slab_nomerge"\n', 'GRUB_CMDLINE_LINUX="pti=on slab_nomerge"\n'),
        ('GRUB_CMDLINE_LINUX="$(cat x)"\n', 'GRUB_CMDLINE_LINUX="$(cat x)"\n'),  # the drop-in is enough there
        ('GRUB_CMDLINE_LINUX="a" # b\n', 'GRUB_CMDLINE_LINUX="a" # b\n'),
        ("GRUB_TIMEOUT=1\n", 'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX="slab_nomerge pti=on"\n'),
        ("GRUB_CMDLINE_LINUX_X=a\n", 'GRUB_CMDLINE_LINUX_X=a\nGRUB_CMDLINE_LINUX="slab_nomerge pti=on"\n'),
    ],
)
def test_the_file_that_scanners_read(top, before, after):
    put(top, GRUB, before)
    set_all(Tree(str(top)), options(), None, "x86_64")
    assert (top / GRUB[1:]).read_text() == after
    again = Tree(str(top))
    set_all(again, options(), None, "x86_64")
    assert again.changes == []


def test_check_mode_foretells_and_makes_no_menu(top):
    run = Debian(top)
    tree = Tree(str(top), check_mode=True)
    set_all(tree, options(), run, "x86_64")
    assert [change["path"] for change in tree.changes] == [GRUB, DROP_IN, boot_loader.GRUB_CFG]
    assert run.calls == []
    assert "pti=on" not in run.menu.read_text()
    assert not (top / DROP_IN[1:]).exists()


def test_an_argument_that_is_no_longer_wanted_goes(top):
    run = Debian(top)
    set_all(Tree(str(top)), options(), run, "x86_64")
    set_all(Tree(str(top)), options(arguments=["slab_nomerge"]), run, "x86_64")
    assert "pti=on" not in run.menu.read_text()
    set_all(Tree(str(top)), options(arguments=[]), run, "x86_64")
    assert "slab_nomerge" not in run.menu.read_text()
    assert not (top / DROP_IN[1:]).exists()
    assert (top / GRUB[1:]).read_text() == f'GRUB_CMDLINE_LINUX="{CONSOLE}"\n'
    assert len(run.calls) == 2


def test_a_file_that_says_otherwise_later_is_a_warning(top):
    run = Debian(top)
    put(top, "/etc/default/grub.d/zz.cfg", 'GRUB_CMDLINE_LINUX="quiet"\n')
    report = set_all(Tree(str(top)), options(), run, "x86_64")
    assert "pti=on" in report["warnings"][0]
    assert "slab_nomerge" in report["warnings"][0]


def test_without_a_boot_loader_nothing_is_run_or_written(top):
    tree = Tree(str(top))
    assert set_all(tree, options(), None, "x86_64")["warnings"] == []
    assert tree.changes == []


def test_without_a_menu_only_what_makes_one_is_written(top):
    put(top, "/etc/default/grub")
    tree = Tree(str(top))
    set_all(tree, options(), None, "x86_64")
    assert [change["path"] for change in tree.changes] == [GRUB, DROP_IN]
    assert (top / GRUB[1:]).read_text() == 'GRUB_CMDLINE_LINUX="slab_nomerge pti=on"\n'


def test_a_tree_without_proc_is_left_to_the_user(top):
    run = Debian(top)
    (top / "proc/self").rmdir()
    put(top, "/etc/default/grub.d/10-vendor.cfg", 'GRUB_CMDLINE_LINUX="pti=off"\n')
    run.make()
    report = set_all(Tree(str(top)), options(), run, "x86_64")
    assert "update-grub was not run because nothing is mounted" in report["warnings"][0]
    assert run.calls == []


@pytest.mark.parametrize(
    ("system", "machine", "selinux", "expected"),
    [
        ("debian12", "x86_64", "", ["slab_nomerge", "pti=on", "apparmor=1", "security=apparmor"]),
        ("ubuntu2404", "aarch64", "", ["slab_nomerge", "apparmor=1", "security=apparmor"]),
        ("debian12", "x86_64", "SELINUX=permissive\n", ["slab_nomerge", "pti=on"]),
        ("debian12", "x86_64", "SELINUX=disabled\n", ["slab_nomerge", "pti=on", "apparmor=1", "security=apparmor"]),
        ("rhel9", "x86_64", "", ["slab_nomerge", "pti=on"]),
        ("amazon2023", "aarch64", "", ["slab_nomerge"]),
    ],
)
def test_arguments_by_system(tmp_path, system, machine, selinux, expected):
    make(tmp_path, system)
    if selinux:
        put(tmp_path, "/etc/selinux/config", selinux)
    tree = Tree(str(tmp_path), check_mode=True)
    assert set_all(tree, options(apparmor=True), None, machine)["arguments"] == expected


class Grubby:
    """Stands for grubby: changes the entries of the boot loader specification."""

    def __init__(self, top):
        self.top, self.calls = top, []
        (top / "proc/self").mkdir(parents=True)
        put(top, "/boot/loader/entries/a.conf", "title a\noptions root=/dev/vda1 ro console=ttyS0 pti=off old=1\n")
        put(top, "/etc/kernel/cmdline", "root=/dev/vda1 ro console=ttyS0 old=1\n")
        put(top, "/etc/default/grub", 'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX="console=ttyS0 pti=off"\n')

    def __call__(self, command):
        self.calls.append(command[2:] if command[0] == "chroot" else command)
        entry = self.top / "boot/loader/entries/a.conf"
        entry.write_text("title a\noptions root=/dev/vda1 ro console=ttyS0 slab_nomerge pti=on\n")
        return 0, "", ""


@pytest.mark.parametrize("system", ["rhel8", "rhel9", "amazon2023", "alinux3", "anolis8"])
def test_the_rpm_family_is_served_with_grubby(tmp_path, system):
    run = Grubby(make(tmp_path, system))
    wanted = options(absent=["old=1"])
    tree = Tree(str(tmp_path))
    assert set_all(tree, wanted, run, "x86_64")["warnings"] == []
    assert run.calls == [["grubby", "--update-kernel=ALL", "--args=slab_nomerge pti=on", "--remove-args=old=1"]]
    assert (tmp_path / "etc/kernel/cmdline").read_text() == "root=/dev/vda1 ro console=ttyS0 slab_nomerge pti=on\n"
    text = (tmp_path / "etc/default/grub").read_text()
    assert text == 'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX="console=ttyS0 slab_nomerge pti=on"\n'
    assert not (tmp_path / DROP_IN[1:]).exists()
    again = Tree(str(tmp_path))
    set_all(again, wanted, run, "x86_64")
    assert (again.changes, len(run.calls)) == ([], 1)


def test_a_password_for_changes_at_the_menu(top):
    run = Debian(top)
    (top / "etc/grub.d").mkdir()
    tree = Tree(str(top))
    set_all(tree, options(password_hash=HASH), run, "x86_64")
    script = top / "etc/grub.d/01_hallmark-password"
    assert f"password_pbkdf2 root {HASH}" in script.read_text()
    assert stat.S_IMODE(script.stat().st_mode) == 0o700
    assert HASH not in str(tree.diffs)
    set_all(Tree(str(top)), options(), run, "x86_64")
    assert not script.exists()
    assert len(run.calls) == 2


def test_a_password_of_the_rpm_family(tmp_path):
    run = Grubby(make(tmp_path, "rhel9"))
    (tmp_path / "boot/grub2").mkdir()
    set_all(Tree(str(tmp_path)), options(password_hash=HASH), run, "x86_64")
    user = tmp_path / "boot/grub2/user.cfg"
    assert user.read_text().endswith(f"\nGRUB2_PASSWORD={HASH}\n")
    assert stat.S_IMODE(user.stat().st_mode) == 0o600
    set_all(Tree(str(tmp_path)), options(), run, "x86_64")
    assert not user.exists()
    user.write_text("GRUB2_PASSWORD=grub.pbkdf2.sha512.other\n")
    set_all(Tree(str(tmp_path)), options(), run, "x86_64")
    assert user.exists(), "the administrator's own"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"arguments": ["a b"]}, "'a b' is no kernel argument"),
        ({"arguments": ['x="$(id)"']}, "is no kernel argument"),
        ({"absent": [""]}, "'' is no kernel argument"),
        ({"password_hash": "secret"}, "password_hash: is no hash of GRUB's"),
        ({"superuser": "a b"}, "superuser: 'a b' is no name"),
    ],
)
def test_bad_input_is_one_clear_line(top, given, message):
    with pytest.raises(HardeningError, match=message.replace("(", "\\(")):
        set_all(Tree(str(top)), options(**given), None, "x86_64")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ro slab_nomerge pti=on", []),
        ("ro pti=on slab_nomerge pti=off", ["pti=on"]),
        ("ro pti=off slab_nomerge pti=on", []),
        ("ro slab_nomerge=1", ["slab_nomerge", "pti=on"]),
        ("", ["slab_nomerge", "pti=on"]),
    ],
)
def test_of_several_arguments_with_one_name_the_last_counts(line, expected):
    assert lacking(line, ["slab_nomerge", "pti=on"]) == expected


def test_the_script_of_the_password_makes_entries_start_without_it():
    text = boot_loader.password_script("root", HASH)
    assert 'set menuentry_id_option="--unrestricted $menuentry_id_option"' in text
