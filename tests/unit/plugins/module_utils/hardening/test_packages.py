# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.packages import (
    is_protected,
    old_kernels,
    old_rpm_kernels,
    parse_auto,
    parse_status,
    simulated,
    split_needed,
    unneeded,
    version_key,
)


def stanza(name, depends="", status="install ok installed", **others):
    fields = {"Package": name, "Status": status, "Architecture": "amd64", "Depends": depends, **others}
    return "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items() if value)


def database(*stanzas):
    return parse_status("\n".join(stanzas))


def test_the_status_file_is_read():
    packages = database(
        stanza("a", "b (>= 1), c:any | d", Pre_Depends="e", Provides="mail, f (= 1)", Section="net", Essential="yes")
        + "Conffiles:\n /etc/a 0123\nDescription: one\n Package: no\n",
        stanza("gone", status="deinstall ok config-files"),
        stanza("never", status="unknown ok not-installed"),
        stanza("both", status="deinstall ok config-files", Architecture="i386"),
        stanza("both", "b"),
    )
    assert list(packages) == ["a", "gone", "never", "both"]
    assert packages["a"]["depends"] == [["e"], ["b"], ["c", "d"]]
    assert packages["a"]["provides"] == ["mail", "f"]
    assert packages["a"]["essential"]
    assert [package["state"] for package in packages.values()] == [
        "installed",
        "config-files",
        "not-installed",
        "installed",
    ]
    assert [package["rests"] for package in packages.values()] == [[], ["gone:amd64"], [], ["both:i386"]]


def test_automatic_marks():
    text = "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nAuto-Installed: 0\n"
    assert parse_auto(text) == {"a"}
    assert parse_auto("") == set()


def test_what_others_need_stays_and_says_who():
    packages = database(
        stanza("rpcbind"),
        stanza("nfs-common", "rpcbind"),
        stanza("telnet"),
        stanza("uses-mail", "exim | mail"),
        stanza("postfix", Provides="mail"),
        stanza("sendmail", Provides="mail"),
        stanza("standard", "telnet, rsync", Section="metapackages"),
        stanza("rsync"),
        stanza("ftp", status="deinstall ok config-files"),
    )
    assert split_needed(packages, {"rpcbind", "ftp", "nothing"}) == (set(), {"rpcbind": "nfs-common"})
    assert split_needed(packages, {"rpcbind", "nfs-common"}) == ({"rpcbind", "nfs-common"}, {})
    assert split_needed(packages, {"postfix"}) == ({"postfix"}, {})
    going, kept = split_needed(packages, {"postfix", "sendmail"})
    assert going == set()
    assert set(kept.values()) == {"uses-mail"}
    assert split_needed(packages, {"telnet"}) == ({"telnet", "standard"}, {})


def test_a_chain_of_needs_keeps_its_end():
    packages = database(stanza("a"), stanza("b", "a"), stanza("c", "b"))
    assert split_needed(packages, {"a", "b"}) == (set(), {"a": "b", "b": "c"})


def test_a_list_of_packages_that_somebody_needs_stays_with_what_it_lists():
    packages = database(
        stanza("rsh-server"), stanza("tools", "rsh-server", Section="metapackages"), stanza("application", "tools")
    )
    assert split_needed(packages, {"rsh-server"}) == (set(), {"rsh-server": "tools"})


def test_what_nothing_refers_to_any_more():
    packages = database(
        stanza("asked-for", "lib1 | lib2", Recommends="tool"),
        stanza("lib1"),
        stanza("lib2"),
        stanza("tool", Suggests="docs"),
        stanza("docs"),
        stanza("ring1", "ring2"),
        stanza("ring2", "ring1"),
        stanza("base", Priority="required"),
        stanza("rest", status="deinstall ok config-files"),
    )
    auto = set(packages) - {"asked-for"}
    assert unneeded(packages, auto) == {"ring1", "ring2"}
    assert unneeded(packages, set()) == set()


def kernels(*releases, **others):
    packages = [stanza(f"{start}{release}") for release in releases for start in ("linux-image-", "linux-headers-")]
    return database(*packages, *[stanza(name.replace("_", "-"), depends) for name, depends in others.items()])


@pytest.mark.parametrize(
    ("installed", "running", "going", "newest"),
    [
        (["6.1.0-9-amd64"], "6.1.0-9-amd64", set(), "6.1.0-9-amd64"),
        (["6.1.0-9-amd64", "6.1.0-10-amd64"], "6.1.0-10-amd64", {"6.1.0-9-amd64"}, "6.1.0-10-amd64"),
        (["6.1.0-9-amd64", "6.1.0-10-amd64"], "6.1.0-9-amd64", set(), "6.1.0-10-amd64"),
        (["6.1.0-9-amd64", "6.1.0-10-amd64"], "builder's own", {"6.1.0-9-amd64"}, "6.1.0-10-amd64"),
        (["6.1.0-8-a", "6.1.0-9-a", "6.1.0-10-a"], "6.1.0-9-a", {"6.1.0-8-a"}, "6.1.0-10-a"),
        ([], "6.1.0-9-amd64", set(), ""),
    ],
)
def test_the_running_and_the_newest_kernel_stay(installed, running, going, newest):
    found = old_kernels(kernels(*installed), running)
    assert found == ({f"linux-{kind}-{release}" for release in going for kind in ("image", "headers")}, newest)


def test_a_kernel_that_a_metapackage_asks_for_stays():
    packages = kernels(
        "6.1.0-9-cloud-amd64", "6.1.0-10-amd64", linux_image_cloud_amd64="linux-image-6.1.0-9-cloud-amd64"
    )
    assert old_kernels(packages, "other")[0] == set()


def test_a_kernel_that_is_not_quite_installed_is_not_the_newest():
    packages = kernels("6.1.0-9-amd64")
    packages |= database(stanza("linux-image-6.1.0-10-amd64", status="install ok half-configured"))
    assert old_kernels(packages, "other") == (set(), "6.1.0-9-amd64")


def test_kernels_of_rpm_systems():
    installed = {
        "kernel": ["5.14.0-9.el9.x86_64", "5.14.0-10.el9.x86_64"],
        "kernel-core": ["5.14.0-9.el9.x86_64", "5.14.0-10.el9.x86_64"],
        "kernel-headers": ["5.14.0-9.el9.x86_64"],
        "bash": ["5.1-1.x86_64"],
    }
    going, newest = old_rpm_kernels(installed, "other")
    assert going == {"kernel-5.14.0-9.el9.x86_64", "kernel-core-5.14.0-9.el9.x86_64"}
    assert newest == "5.14.0-10.el9.x86_64"
    assert old_rpm_kernels(installed, "5.14.0-9.el9.x86_64")[0] == set()
    assert old_rpm_kernels({"bash": ["5"]}, "x") == (set(), "")


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("6.1.0-9-amd64", "6.1.0-56-amd64"),
        ("5.14.0-427.el9", "5.14.0-427.13.1.el9_4"),
        ("6.1.90-99.173.amzn2023", "6.12.1-1.amzn2023"),
        ("6.8~rc1", "6.8"),
        ("5.10.134-16.1.al8", "5.10.134-16.3.al8"),
        ("6.1", "6.1.1"),
    ],
)
def test_releases_are_ordered(older, newer):
    assert version_key(older) < version_key(newer)


def test_what_a_machine_cannot_do_without():
    names = ("openssh-server", "cloud-init", "sudo", "grub-efi-amd64-signed", "linux-image-cloud-amd64", "python3")
    assert all(map(is_protected, names))
    assert not any(map(is_protected, ("linux-image-6.1.0-9-amd64", "python3-yaml", "telnet", "libc-l10n")))


def test_a_simulation_is_read():
    text = "Reading...\nRemv telnet [1]\nPurg ftp:amd64 [1]\nInst nftp (1 Debian)\nConf nftp\n"
    assert simulated(text) == ({"telnet", "ftp"}, {"nftp"})
