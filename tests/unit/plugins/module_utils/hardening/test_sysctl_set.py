# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import sysctl_set
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from support.image_tree import name_root

OWN = "/etc/sysctl.d/zz-hallmark.conf"


def options(settings, **others):
    return {
        "settings": settings,
        "path": OWN,
        "mode": "0440",
        "live": "auto",
        "disable_rivals": True,
        "ufw": True,
        "lock_modules": False,
        "ignore_missing": True,
        **others,
    }


@pytest.fixture
def top(tmp_path):
    for folder in ("etc/sysctl.d", "usr/lib/sysctl.d", "boot"):
        (tmp_path / folder).mkdir(parents=True)
    name_root(tmp_path)
    (tmp_path / "etc/sysctl.conf").write_text("#kernel.sysrq=438\nnet.ipv4.ip_forward=1\nvm.swappiness=5\n")
    (tmp_path / "etc/sysctl.d/99-sysctl.conf").symlink_to("../sysctl.conf")
    (tmp_path / "usr/lib/sysctl.d/99-protect-links.conf").write_text("fs.protected_fifos = 1\n")
    return tmp_path


def run(top, settings, check_mode=False, **others):
    tree = Tree(str(top), check_mode)
    return tree, sysctl_set.set_all(tree, options(settings, **others))


def test_writes_the_file_and_comments_rivals_once(top):
    tree, report = run(top, {"net.ipv4.ip_forward": 0, "fs.protected_fifos": 2})
    assert (top / OWN[1:]).read_text().splitlines()[1:] == ["net.ipv4.ip_forward = 0", "fs.protected_fifos = 2"]
    text = (top / "etc/sysctl.conf").read_text()
    assert text == f"#kernel.sysrq=438\n# net.ipv4.ip_forward=1  # set in {OWN}\nvm.swappiness=5\n"
    assert (top / "etc/sysctl.d/99-sysctl.conf").is_symlink()
    assert (top / "usr/lib/sysctl.d/99-protect-links.conf").read_text() == "fs.protected_fifos = 1\n"
    assert report["live"] is False
    assert {"path": "/etc/sysctl.conf", "key": "net.ipv4.ip_forward", "before": "1", "after": "commented out"} in (
        tree.changes
    )
    assert len(tree.changes) == 3


def test_second_run_changes_nothing(top):
    run(top, {"net.ipv4.ip_forward": 0})
    assert run(top, {"net.ipv4.ip_forward": 0})[0].result()["changed"] is False


def test_check_mode_says_the_same(top):
    dry, _report = run(top, {"net.ipv4.ip_forward": 0}, check_mode=True)
    assert not (top / OWN[1:]).exists()
    assert dry.result() == run(top, {"net.ipv4.ip_forward": 0})[0].result()


def test_a_setting_taken_away_leaves_the_file_and_is_reported(top):
    run(top, {"kernel.sysrq": 0, "kernel.panic": 60})
    tree, _report = run(top, {"kernel.sysrq": 0, "kernel.panic": None})
    assert tree.changes == [{"path": OWN, "key": "kernel.panic", "before": "60", "after": None}]
    assert "panic" not in (top / OWN[1:]).read_text()


def test_rivals_may_be_kept(top):
    run(top, {"net.ipv4.ip_forward": 0}, disable_rivals=False)
    assert "\nnet.ipv4.ip_forward=1\n" in (top / "etc/sysctl.conf").read_text()


def test_ufws_own_file_is_a_rival_unless_told_otherwise(top):
    (top / "etc/ufw").mkdir()
    ufw = top / "etc/ufw/sysctl.conf"
    ufw.write_text("net/ipv4/conf/all/log_martians=0\n")
    run(top, {"net.ipv4.conf.all.log_martians": 1}, ufw=False)
    assert ufw.read_text() == "net/ipv4/conf/all/log_martians=0\n"
    run(top, {"net.ipv4.conf.all.log_martians": 1})
    assert ufw.read_text() == f"# net/ipv4/conf/all/log_martians=0  # set in {OWN}\n"


def test_truth_values_are_numbers(top):
    assert sysctl_set.wanted({"kernel.sysrq": False, "kernel.panic_on_oops": True}) == {
        "kernel/sysrq": "0",
        "kernel/panic_on_oops": "1",
    }


def test_most_random_bits_come_from_the_kernels_configuration(top, monkeypatch):
    monkeypatch.setattr(sysctl_set.os, "uname", lambda: SimpleNamespace(machine="aarch64", release="none"))
    settings = {"vm.mmap_rnd_bits": "max", "vm.mmap_rnd_compat_bits": "max"}
    assert run(top, settings)[1]["missing"] == ["vm.mmap_rnd_bits", "vm.mmap_rnd_compat_bits"]
    (top / "boot/config-6.1.0").write_text("CONFIG_ARCH_MMAP_RND_BITS_MAX=33\n")
    run(top, settings)
    assert "vm.mmap_rnd_bits = 33\n" in (top / OWN[1:]).read_text()


def test_modules_are_locked_by_a_unit_that_goes_again(top):
    run(top, {"kernel.sysrq": 0}, lock_modules=True)
    unit, link = top / sysctl_set.LOCK_UNIT[1:], top / "etc/systemd/system/multi-user.target.wants"
    assert "modules_disabled" in unit.read_text()
    assert os.readlink(link / unit.name) == sysctl_set.LOCK_UNIT
    assert run(top, {"kernel.sysrq": 0}, lock_modules=True)[0].changes == []
    # Another role's parameters, such as those of limits, leave it alone.
    run(top, {"kernel.core_pattern": "|/bin/false"}, path="/etc/sysctl.d/zz-hallmark-core.conf", lock_modules=None)
    assert unit.exists()
    run(top, {"kernel.sysrq": 0})
    assert not unit.exists()
    assert not (link / unit.name).is_symlink()


def test_a_live_kernel_gets_the_values_and_missing_ones_are_left_out(top, monkeypatch):
    proc = top / "proc/sys/kernel"
    proc.mkdir(parents=True)
    (proc / "sysrq").write_text("438\n")
    base = str(top / "proc/sys")
    for name in ("expand", "apply"):
        real = getattr(sysctl_set.kernel, name)
        monkeypatch.setattr(sysctl_set.kernel, name, lambda *args, real=real: real(*args, base))
    tree, report = run(top, {"kernel.sysrq": 0, "kernel.unknown": 1}, live="true")
    assert (proc / "sysrq").read_text() == "0"
    assert report == {"live": True, "warnings": [], "missing": ["kernel.unknown"], "next_boot": [], "failures": []}
    assert "unknown" not in (top / OWN[1:]).read_text()
    assert {"path": "/proc/sys", "key": "kernel.sysrq", "before": "438", "after": "0"} in tree.changes
    with pytest.raises(HardeningError, match=r"this kernel has no kernel\.unknown"):
        run(top, {"kernel.unknown": 1}, live="true", ignore_missing=False)


@pytest.mark.parametrize(
    ("settings", "others", "message"),
    [
        ({"kernel.sysrq": ""}, {}, r"kernel\.sysrq: '' is no value"),
        ({"kernel.sysrq": [1]}, {}, r"kernel\.sysrq: \[1\] is no value"),
        ({"kernel.sysrq": "1\nkernel.panic=0"}, {}, "is no value"),
        ({"kernel sysrq": 1}, {}, "'kernel sysrq' is no parameter name"),
        ({"-kernel.sysrq": 1}, {}, "is no parameter name"),
        ({"../../etc/passwd": 1}, {}, "is no parameter name"),
        ({"kernel.sysrq": "max"}, {}, r"kernel\.sysrq: 'max' is for vm\.mmap_rnd_bits"),
        ({"kernel.sysrq": 1}, {"path": "/etc/somewhere.conf"}, "is read by nothing at boot"),
        ({"kernel.sysrq": 1}, {"path": "/etc/sysctl.d/own"}, "is read by nothing at boot"),
        ({"kernel.sysrq": 1}, {"mode": "288"}, "mode: '288' is not a mode"),
    ],
)
def test_bad_input_is_one_clear_line_and_changes_nothing(top, settings, others, message):
    with pytest.raises(HardeningError, match=message) as caught:
        run(top, settings, **others)
    assert "\n" not in str(caught.value)
    assert not (top / OWN[1:]).exists()
