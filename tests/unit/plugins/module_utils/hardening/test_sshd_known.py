# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sshd_known import fitting, follows_policy
from support.role_vars import role_value

# The tables of a program: texts with a zero byte after each.
TABLES = ["permitrootlogin", "banner", "kexalgorithms", "ciphers", "curve25519-sha256", "aes256-ctr"]
KEX = ["sntrup761x25519-sha512@openssh.com", "curve25519-sha256"]


@pytest.fixture
def top(tmp_path):
    for folder in ("etc/ssh/sshd_config.d", "usr/sbin", "usr/lib/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/ssh/sshd_config").write_text("Include /etc/ssh/sshd_config.d/*.conf\n")
    install(tmp_path, TABLES)
    return tmp_path


def install(top, names):
    (top / "usr/sbin/sshd").write_bytes(b"\x7fELF\0" + b"".join(name.encode() + b"\0" for name in names))


def test_what_the_program_knows_is_kept(top):
    settings = {"PermitRootLogin": "no", "Banner": "none"}
    assert fitting(Tree(str(top)), settings, [], {}) == (settings, [])


def test_optional_keywords_and_single_algorithms_are_left_out(top):
    found = fitting(Tree(str(top)), {"DebianBanner": "no", "Banner": "x"}, ["DebianBanner"], {"KexAlgorithms": KEX})
    left = ["DebianBanner", "KexAlgorithms: sntrup761x25519-sha512@openssh.com"]
    assert found == ({"Banner": "x", "KexAlgorithms": "curve25519-sha256"}, left)


def test_a_name_must_be_there_whole(top):
    install(top, [*TABLES, "sntrup761x25519-sha512@openssh.com,curve25519-sha256"])
    assert fitting(Tree(str(top)), {}, [], {"KexAlgorithms": KEX})[0] == {"KexAlgorithms": "curve25519-sha256"}


@pytest.mark.parametrize("program", [None, b"", b"\x7fELF packed"])
def test_nothing_is_left_out_where_the_program_tells_nothing(top, program):
    (top / "usr/sbin/sshd").unlink()
    if program is not None:
        (top / "usr/sbin/sshd").write_bytes(program)
    found = fitting(Tree(str(top)), {"Any": "no"}, [], {"KexAlgorithms": ",".join(KEX)})
    assert found == ({"Any": "no", "KexAlgorithms": ",".join(KEX)}, [])


@pytest.mark.parametrize(
    ("settings", "algorithms", "message"),
    [
        ({"DebianBanner": "no"}, {}, "settings: DebianBanner is no keyword that the installed sshd knows"),
        ({}, {"Ciphers": ["rot13"]}, "algorithms: Ciphers: the installed sshd knows none of rot13"),
        ({}, {"Ciphers": []}, r"algorithms: Ciphers: the installed sshd knows none of \[\]"),
        ({"banner": "a", "Banner": "b"}, {}, "settings: banner is there twice"),
    ],
)
def test_what_would_stop_sshd_is_one_clear_line(top, settings, algorithms, message):
    with pytest.raises(HardeningError, match=message):
        fitting(Tree(str(top)), settings, [], algorithms)


@pytest.mark.parametrize(
    ("path", "text", "follows"),
    [
        ("etc/ssh/sshd_config.d/50-redhat.conf", "Include /etc/crypto-policies/back-ends/opensshserver.config\n", True),
        (
            "etc/ssh/sshd_config.d/50-redhat.conf",
            "#Include /etc/crypto-policies/back-ends/opensshserver.config\n",
            False,
        ),
        (
            "usr/lib/systemd/system/sshd.service",
            "[Service]\nEnvironmentFile=-/etc/crypto-policies/back-ends/opensshserver.config\n",
            True,
        ),
        ("usr/lib/systemd/system/sshd.service", "[Service]\nExecStart=/usr/sbin/sshd -D\n", False),
    ],
)
def test_crypto_policies_choose_the_algorithms_where_sshd_follows_them(top, path, text, follows):
    (top / path).write_text(text)
    tree = Tree(str(top))
    assert follows_policy(tree) is follows
    wanted, left = fitting(tree, {}, [], {"Ciphers": ["aes256-ctr"]})
    assert (wanted, left) == (
        ({}, ["Ciphers: crypto-policies choose them"]) if follows else ({"Ciphers": "aes256-ctr"}, [])
    )


# --- what the role gives -------------------------------------------------------------------------------------------


def test_the_roles_settings():
    settings = role_value("ssh", "__ssh_settings")
    assert settings["PermitRootLogin"] == "no"
    assert "AllowGroups" not in settings
    assert "GSSAPIAuthentication" not in settings
    assert "" not in settings.values()
    assert len(settings) == 23


def test_every_setting_can_be_left_to_the_system():
    off = {
        "ssh_root_login": "",
        "ssh_passwords": True,
        "ssh_forwarding": True,
        "ssh_max_auth_tries": 0,
        "ssh_max_sessions": 0,
        "ssh_max_startups": "",
        "ssh_login_grace_time": 0,
        "ssh_alive_interval": 0,
        "ssh_log_level": "",
        "ssh_banner": "",
        "ssh_quiet": False,
        "ssh_extra_settings": {"PermitEmptyPasswords": ""},
    }
    assert role_value("ssh", "__ssh_settings", **off) == {}


def test_more_settings():
    more = {"ssh_allow_groups": ["sudo", "adm"], "ssh_gssapi": False, "ssh_extra_settings": {"MaxSessions": 10}}
    settings = role_value("ssh", "__ssh_settings", **more)
    assert (settings["AllowGroups"], settings["GSSAPIAuthentication"]) == ("sudo adm", "no")
    assert settings["MaxSessions"] == 10
