# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role yum with the real dnf and rpm: an unsigned package is refused, a signed one accepted, leftovers are gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.package_policy import enforce
from support.checks import Area
from support.machine import playbook

# dnf and rpm want to be root; without it, a user namespace of their own makes them believe so.
AS_ROOT = [] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--"]
SPEC = """\
Name: {name}
Version: {version}
Release: {release}
Summary: Package of a test
License: GPL-3.0-or-later
BuildArch: noarch
{extra}
%description
Nothing.
%files
"""
PLAY = """\
- hosts: localhost
  connection: local
  gather_facts: false
  module_defaults:
    hallmark.images.harden: {root: "{{ top }}"}
  tasks:
    - ansible.builtin.include_role:
        name: hallmark.images.yum
"""


def run(*words, check=True, **environment):
    """Run a program."""
    done = subprocess.run(
        [str(word) for word in words],
        env={**os.environ, "LC_ALL": "C", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


class Site:
    """A site's repository, with one signed and one unsigned package, and the key."""

    def __init__(self, folder, keys):
        self.folder, self.repository, self.key = folder, folder / "repository", folder / "key.asc"
        run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "hallmark-test", "rsa2048", "sign", "never",
            GNUPGHOME=keys)  # fmt: skip
        self.key.write_text(run("gpg", "--armor", "--export", GNUPGHOME=keys).stdout)
        signed = self.build("signed-tool")
        self.unsigned = self.build("unsigned-tool")
        program = f"__gpg {shutil.which('gpg')}"  # Debian's rpm looks for it nowhere
        run("rpmsign", "-D", program, "-D", "_gpg_name hallmark-test", "--addsign", signed, GNUPGHOME=keys)
        run("createrepo_c", "--quiet", self.repository)

    def build(self, name, version="1", release="1", extra=""):
        """Build a package; its file."""
        spec = self.folder / f"{name}.spec"
        spec.write_text(SPEC.format(name=name, version=version, release=release, extra=extra))
        run("rpmbuild", "--quiet", "-bb", "--define", f"_topdir {self.folder}/build", "--define",
            f"_rpmdir {self.repository}", "--define", "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.rpm", spec,
            HOME=self.folder)  # fmt: skip
        return self.repository / f"{name}-{version}-{release}.rpm"

    def tree(self, top):
        """A stock system whose files say nothing of signatures, with leftovers of its release."""
        repositories = top / "etc/yum.repos.d"
        repositories.mkdir(parents=True)
        (top / "etc/dnf").mkdir()
        (top / "etc/passwd").write_text(f"root:x:{os.getuid()}:{os.getgid()}::/root:/bin/sh\n")
        (top / "etc/group").write_text(f"root:x:{os.getgid()}:\n")
        (top / "etc/os-release").write_text('ID="rocky"\nVERSION_ID="9.4"\nPLATFORM_ID="platform:el9"\n')
        (top / "etc/dnf/dnf.conf").write_text("[main]\ngpgcheck=0\ninstallonly_limit=3\nbest=False\n")
        (top / "etc/yum.conf").symlink_to("dnf/dnf.conf")
        where = f"baseurl=file://{self.repository}\ngpgkey=file://{self.key}\n"
        (repositories / "site.repo").write_text(f"[site]\nname=site\n{where}\n[site-debuginfo]\nname=debug\n{where}")
        (repositories / "CentOS-Media.repo").write_text(f"[c8-media]\nname=media\n{where}")
        return top


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    keys = tempfile.mkdtemp(prefix="gpg-")  # a socket's path must be short
    try:
        yield Site(tmp_path_factory.mktemp("site"), keys)
    finally:
        run("gpgconf", "--kill", "all", check=False, GNUPGHOME=keys)
        shutil.rmtree(keys, ignore_errors=True)


@pytest.fixture
def top(site, tmp_path):
    return site.tree(tmp_path / "tree")


def dnf(top, *words):
    """Run the real dnf on a tree, with the tree's own configuration; it has no plugins and asks nothing."""
    options = ["-y", "--noplugins", "--installroot", top, "--releasever", "9", "--setopt", f"cachedir={top}/cache"]
    return run(*AS_ROOT, "dnf", *options, *words, check=False)


def harden(top, *arguments, **variables):
    """Run the role on a tree; what Ansible printed."""
    extra = {"top": str(top), "ansible_become": False, "ansible_python_interpreter": sys.executable, **variables}
    done = playbook(PLAY, top.parent, "-e", json.dumps(extra), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def failing(top):
    """Controls of the area that the tree does not meet."""
    area = Area("yum")
    text = run("sh", "-c", area.module._command().replace("/etc/", f"{top}/etc/")).stdout
    return area.failing(area.module.Yum(text.replace(str(top), "")), "rocky")


def test_before_the_role_dnf_takes_anything(top):
    assert failing(top) == {"ds-yum-01", "ds-yum-02", "ds-yum-03", "x-yum-01"}
    assert dnf(top, "install", "unsigned-tool").returncode == 0


def test_after_the_role_dnf_takes_signed_packages_only(top, site):
    foretold = harden(top, "--check", "--diff")
    assert "+gpgcheck=1" in foretold
    assert failing(top) == {"ds-yum-01", "ds-yum-02", "ds-yum-03", "x-yum-01"}
    assert "changed=1 " in foretold
    assert "changed=1 " in harden(top)
    assert "changed=0 " in harden(top)
    assert failing(top) == set()

    refused = dnf(top, "install", "unsigned-tool")
    assert refused.returncode == 1
    assert "Package unsigned-tool-1-1.rpm is not signed" in refused.stdout + refused.stderr
    assert dnf(top, "install", site.unsigned).returncode == 1
    accepted = dnf(top, "install", "signed-tool")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    installed = run(*AS_ROOT, "rpm", "--root", top, "-qa", "--qf", "%{NAME}\n").stdout.split()
    assert "signed-tool" in installed
    assert "unsigned-tool" not in installed

    assert (top / "etc/yum.conf").is_symlink()
    assert not (top / "etc/yum.repos.d/CentOS-Media.repo").exists()
    listed = dnf(top, "repolist", "--all").stdout
    states = {line.split()[0]: line.split()[-1] for line in listed.splitlines()[1:] if line.split()}
    assert states == {"site": "enabled", "site-debuginfo": "disabled"}


def test_an_exempt_repository_keeps_its_word(top):
    path = top / "etc/yum.repos.d/site.repo"
    path.write_text(path.read_text().replace("name=site\n", "name=site\ngpgcheck=0\n"))
    harden(top, yum_exempt_repos=["site"])
    assert dnf(top, "install", "unsigned-tool").returncode == 0
    assert failing(top) == {"ds-yum-02"}


def test_signed_metadata_is_demanded_on_request(top):
    harden(top, yum_repo_gpgcheck=True)
    area = Area("yum")
    text = run("sh", "-c", area.module._command().replace("/etc/", f"{top}/etc/")).stdout
    assert area.outcomes(area.module.Yum(text.replace(str(top), "")), "rocky")["x-yum-02"] == "passed"
    refused = dnf(top, "install", "signed-tool")
    assert refused.returncode == 1
    assert "repomd.xml" in refused.stdout + refused.stderr


def test_packages_go_and_what_is_needed_stays(top, site):
    files = [
        site.build("telnet-server"),
        site.build("rpcbind"),
        site.build("nfs-utils", extra="Requires: rpcbind"),
        site.build("kernel-core", "5.14.0", "9.el9"),
        site.build("kernel-core", "5.14.0", "10.el9"),
    ]
    run(*AS_ROOT, "rpm", "--root", top, "--initdb")
    run(*AS_ROOT, "rpm", "--root", top, "-i", "--nosignature", *files)
    for path in ("usr/bin/rpm", "usr/bin/dnf", "boot/vmlinuz-5.14.0-10.el9.noarch"):
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).touch()

    def called(words):
        # The tree has no programs of its own: this machine's work on it from outside.
        assert words[:2] == ["chroot", str(top)]
        outside = {"rpm": ["rpm", "--root", top], "dnf": ["dnf", "--noplugins", "--installroot", top]}[words[2]]
        done = run(*AS_ROOT, *outside, *words[3:], check=False)
        return done.returncode, done.stdout, done.stderr

    options = {
        "absent": ["telnet-server", "rpcbind", "xinetd"],
        "keep": [],
        "report": [],
        "present": {"redhat": ["dnf-automatic", "nfs-utils"]},
        "old_kernels": True,
        "residual": True,
        "autoremove": True,
    }
    dry = Tree(str(top), check_mode=True)
    enforce(dry, options, called)
    tree = Tree(str(top))
    report = enforce(tree, options, called)
    assert dry.changes == tree.changes
    assert [item["key"] for item in tree.changes] == ["telnet-server", "kernel-core-5.14.0-9.el9.noarch"]
    assert report["kept"] == {"rpcbind": "nfs-utils-1-1.noarch"}
    assert report["missing_packages"] == ["dnf-automatic"]
    installed = run(*AS_ROOT, "rpm", "--root", top, "-qa").stdout.split()
    assert sorted(installed) == ["kernel-core-5.14.0-10.el9.noarch", "nfs-utils-1-1.noarch", "rpcbind-1-1.noarch"]
    again = Tree(str(top))
    enforce(again, options, called)
    assert again.changes == []


def test_a_repository_of_no_value_is_one_clear_error(top):
    extra = {"top": str(top), "ansible_become": False, "yum_disable_repos": ["*"]}
    done = playbook(PLAY, Path(top).parent, "-e", json.dumps(extra))
    assert done.returncode == 2
    assert "disable: '*' would mean every repository" in done.stdout + done.stderr
