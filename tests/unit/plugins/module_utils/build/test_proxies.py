# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shlex
import subprocess

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build import proxies, readiness
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.plugin_utils.guest import connection

BASTION = {
    "host": "bastion.example.com",
    "port": 2222,
    "user": "jump",
    "private_key_file": "/keys/100% mine",
    "known_hosts_file": "/keys/known hosts",
}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDxIzx4J1vUzQHTB8kQ1lXzqtJmKZ9dQ3JmJc0gKQ5xV"


def test_a_bastion_is_asked_for_nothing_but_what_was_given():
    words = shlex.split(proxies.bastion_command(BASTION))
    options = dict(word.split("=", 1) for word in words if "=" in word)
    assert words[:3] == ["ssh", "-F", "/dev/null"]
    assert options["StrictHostKeyChecking"] == "yes"
    assert options["UserKnownHostsFile"] == '"/keys/known hosts"'
    assert options["IdentityAgent"] == "none"
    assert options["IdentityFile"] == '"/keys/100%%%% mine"'  # expanded by the outer ssh, then by the inner
    assert words[-3:] == ["-W", "[%h]:%p", "bastion.example.com"]


def test_ssh_itself_reads_it_as_it_was_meant(tmp_path):
    """``ssh -G`` prints what ssh understood of a command line."""
    proxy = proxies.bastion_command(BASTION)
    command = readiness.ssh_command("admin", "10.0.0.7", 22, "/s/key", "/s/known", proxy)
    seen = subprocess.run([command[0], "-G", *command[1:]], capture_output=True, text=True, check=True).stdout
    assert f"proxycommand {proxy}\n" in seen


def test_the_guest_side_has_the_same_way():
    guest = connection.Guest("web", "10.0.0.7", "admin", "/s/key", "/s/known", proxy_command="nc 'a b' %h %p")
    assert "ProxyCommand=nc 'a b' %h %p" in shlex.split(connection.ssh_arguments(guest, 60))
    direct = connection.Guest("web", "10.0.0.7", "admin", "/s/key", "/s/known")
    assert "ProxyCommand" not in connection.ssh_arguments(direct, 60)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "known").write_text(f"[bastion.example.com]:2222 {KEY}\n")
    return {**BASTION, "private_key_file": str(tmp_path / "key"), "known_hosts_file": str(tmp_path / "known")}


def test_a_known_bastion_is_accepted(files):
    proxies.check_bastion(files)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"port": 22}, "has no key of bastion.example.com:"),
        ({"port": 0}, "bastion: port: 0: a number from 1 to 65535"),
        ({"host": "-oProxyCommand=x"}, "bastion: host: '-oProxyCommand=x'"),
        ({"user": ""}, "bastion: user: ''"),
        ({"known_hosts_file": "/nowhere"}, "bastion: known_hosts_file: /nowhere: a file that can be read"),
    ],
)
def test_another_is_refused(files, changes, wrong):
    with pytest.raises(HallmarkError) as caught:
        proxies.check_bastion({**files, **changes})
    assert wrong in str(caught.value)


def test_a_key_that_others_may_read_is_refused(files, tmp_path):
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(HallmarkError, match="others may read"):
        proxies.check_bastion(files)
