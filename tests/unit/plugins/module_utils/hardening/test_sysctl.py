# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import sysctl
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sysctl import parse, winner

GLOB = "net/ipv4/conf/*/rp_filter"
ETH0 = "net/ipv4/conf/eth0/rp_filter"


def read(*files):
    """Assignments of `(path, text)` in the order they are read."""
    return [item for path, text in files for item in parse(text, path)]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/5.rp_filter", "net/ipv4/conf/eth0.5/rp_filter"),
        ("net/ipv4/conf/eth0.5/rp_filter", "net/ipv4/conf/eth0.5/rp_filter"),
    ],
)
def test_names_are_paths_in_either_spelling(name, path):
    assert sysctl.key_path(name) == path
    assert sysctl.key_path(sysctl.key_name(path)) == path


def test_parse_takes_what_the_tools_take():
    text = (
        "# kernel.a = 1\n; kernel.b=2\n\n kernel.c =  1\t2 \n-kernel.d=4\n-net.ipv4.conf.all.rp_filter\nnonsense\n=5\n"
    )
    found = [(item.key, item.value, item.line) for item in parse(text, "f")]
    assert found == [
        ("kernel/c", "1 2", 3),
        ("kernel/d", "4", 4),
        ("net/ipv4/conf/all/rp_filter", None, 5),
    ]


def test_boot_order_of_both_tools():
    files = [
        "/etc/sysctl.d/99-zz-own.conf",
        "/etc/sysctl.d/10-a.conf",
        "/usr/lib/sysctl.d/10-a.conf",
        "/usr/lib/sysctl.d/99-protect-links.conf",
        "/lib/sysctl.d/99-protect-links.conf",
        "/etc/sysctl.d/README.sysctl",
        "/etc/sysctl.conf",
    ]
    by_name = ["/etc/sysctl.d/10-a.conf", "/usr/lib/sysctl.d/99-protect-links.conf", "/etc/sysctl.d/99-zz-own.conf"]
    assert sysctl.boot_order(files, legacy_last=False) == by_name
    assert sysctl.boot_order(files, legacy_last=True) == [*by_name, "/etc/sysctl.conf"]


def test_the_vendors_99_file_beats_90_and_loses_to_99_zz():
    vendor = ("/usr/lib/sysctl.d/99-protect-links.conf", "fs.protected_fifos = 1\n")
    ours = "fs.protected_fifos = 2\n"
    for name, value in (("90-own", "1"), ("99-zz-own", "2")):
        texts = dict([vendor, (f"/etc/sysctl.d/{name}.conf", ours)])
        order = sysctl.boot_order(list(texts), legacy_last=False)
        assert winner("fs/protected_fifos", read(*((path, texts[path]) for path in order))).value == value


def test_the_later_pattern_wins_and_a_name_beats_every_pattern():
    vendor = ("50", "net.ipv4.conf.*.rp_filter = 2\n")
    assert winner(ETH0, read(vendor, ("99", "net.ipv4.conf.*.rp_filter = 1\n"))).value == "1"
    named = ("10", "net.ipv4.conf.eth0.rp_filter = 0\n")
    assert winner(ETH0, read(named, vendor)).value == "0"
    assert winner("net/ipv4/conf/lo/rp_filter", read(named, vendor)).value == "2"


def test_a_name_can_be_taken_out_of_patterns():
    text = "-net.ipv4.conf.all.rp_filter\nnet.ipv4.conf.*.rp_filter = 2\n"
    assert winner("net/ipv4/conf/all/rp_filter", read(("f", text))) is None
    assert winner(ETH0, read(("f", text))).value == "2"
    assert winner("kernel/sysrq", read(("f", text))) is None


@pytest.mark.parametrize(
    ("line", "is_rival"),
    [
        ("net.ipv4.ip_forward = 1", True),
        ("net/ipv4/ip_forward=1", True),
        ("-net.ipv4.ip_forward = 1", True),
        ("net.ipv4.ip_forward = 0", False),
        ("net.ipv4.conf.eth0.rp_filter = 2", True),
        ("net.ipv4.conf.*.rp_filter = 2", True),
        ("net.ipv4.conf.*.rp_filter = 1", False),
        ("net.ipv4.conf.all.rp_filter = 0", True),
        ("-net.ipv4.conf.all.rp_filter", False),
        ("kernel.sysrq = 1", False),
    ],
)
def test_rivals(line, is_rival):
    settings = {"net/ipv4/ip_forward": "0", GLOB: "1", "net/ipv4/conf/all/rp_filter": "1"}
    assert bool(sysctl.rivals(settings, parse(line, "f"))) is is_rival


def test_comment_out_keeps_everything_else():
    text = "# mine\nkernel.sysrq = 1\n  kernel.panic=5\nvm.swappiness = 10\n"
    items = sysctl.rivals({"kernel/sysrq": "0", "kernel/panic": "60"}, parse(text, "f"))
    new = sysctl.comment_out(text, items, "set in x")
    assert new == "# mine\n# kernel.sysrq = 1  # set in x\n# kernel.panic=5  # set in x\nvm.swappiness = 10\n"
    assert [item.key for item in parse(new, "f")] == ["vm/swappiness"]


def test_render_is_read_back():
    settings = {"net/ipv4/ip_forward": "0", GLOB: "1", "net/ipv4/conf/eth0.5/rp_filter": "2"}
    text = sysctl.render(settings, "header")
    assert text.startswith("# header\n")
    assert {item.key: item.value for item in parse(text, "f")} == settings
