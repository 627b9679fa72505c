# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area ssh on made-up machines: each fails when, and only when, its own control is broken."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import role_value

SSH = Area("ssh")
MAIN = "/etc/ssh/sshd_config"
FIRST = "/etc/ssh/sshd_config.d/00-a.conf"
DROP_IN = "/etc/ssh/sshd_config.d/00-hallmark.conf"
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"
POLICY = "Include /etc/crypto-policies/back-ends/opensshserver.config\n"
OFF = {"x-ssh-08"}


def own():
    """The role's settings as sshd_config writes them."""
    settings = role_value("ssh", "__ssh_settings") | {
        key: ",".join(names) for key, names in role_value("ssh", "ssh_algorithms").items()
    }
    return "".join(f"{key} {value}\n" for key, value in settings.items())


def block(lines=None):
    """The same, or other lines, as they stand in sshd_config."""
    return f"# BEGIN hallmark.images 00-hallmark.conf\n{lines or own()}# END hallmark.images 00-hallmark.conf\n"


MAIN_TEXT = INCLUDE + block()


def facts(main=MAIN_TEXT, files=None, loaded=None, program="/usr/sbin/sshd", policies="", known="debianbanner\n"):
    """A hardened Debian with another configuration, or another word of sshd's own."""
    texts = {} if main is None else {MAIN: main, DROP_IN: f"# module hallmark.images\n{own()}"} | (files or {})
    answer = "\n".join(f"==> {path} <==\n{text}" for path, text in texts.items() if text is not None)
    if loaded is None:
        skipped = ("DebianBanner", "Challenge")  # sshd -T does not print them
        loaded = "".join(line.lower() for line in own().splitlines(keepends=True) if not line.startswith(skipped))
    answer += f"\n=program\n{program}\n=policies\n{policies}=own\n{known}=loaded\n{loaded}"
    return SSH.module.Sshd(answer)


def test_a_hardened_machine_meets_every_control():
    outcomes = SSH.outcomes(facts())
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == OFF
    assert outcomes["x-ssh-08"] == "failed"


@pytest.mark.parametrize(
    ("first", "controls"),
    [
        ("PermitRootLogin prohibit-password", {"x-ssh-01"}),
        ("PermitEmptyPasswords yes", {"x-ssh-01"}),
        ("PasswordAuthentication yes", {"x-ssh-02"}),
        ("KbdInteractiveAuthentication=yes", {"x-ssh-02"}),
        ("Match User x\nPasswordAuthentication yes", {"x-ssh-02"}),
        ("Match User x\nPasswordAuthentication no", set()),
        ("X11Forwarding yes", {"x-ssh-03"}),
        ("AllowTcpForwarding local", {"x-ssh-03"}),
        ("allowagentforwarding yes", {"x-ssh-03"}),
        ("PermitTunnel point-to-point", {"x-ssh-03"}),
        ("GatewayPorts clientspecified", {"x-ssh-03"}),
        ("MaxAuthTries 6", {"x-ssh-04"}),
        ("MaxAuthTries 2", set()),
        ("MaxSessions 10", {"x-ssh-04"}),
        ("MaxSessions 1", set()),
        ("MaxStartups 10:30:100", {"x-ssh-04"}),
        ("MaxStartups 10", {"x-ssh-04"}),
        ("MaxStartups 5:50:20", set()),
        ("LoginGraceTime 0", {"x-ssh-04"}),
        ("LoginGraceTime 1m", {"x-ssh-04"}),
        ("LoginGraceTime 20s", set()),
        ("ClientAliveInterval 0", {"x-ssh-05"}),
        ("ClientAliveInterval 5m", set()),
        ("ClientAliveInterval 301", {"x-ssh-05"}),
        ("ClientAliveCountMax 0", {"x-ssh-05"}),
        ("ClientAliveCountMax 2", set()),
        ("Ciphers aes256-ctr,3des-cbc", {"x-ssh-06"}),
        ("Ciphers aes256-ctr", set()),
        ("MACs +hmac-sha1", {"x-ssh-06"}),
        ("KexAlgorithms ^curve25519-sha256", {"x-ssh-06"}),
        ("LogLevel INFO", {"x-ssh-07"}),
        ("Banner none", {"x-ssh-07"}),
        ("PermitUserEnvironment LANG", {"x-ssh-07"}),
        ("TCPKeepAlive yes", {"x-ssh-07"}),
        ("Compression delayed", {"x-ssh-07"}),
        ("UseDNS yes", {"x-ssh-07"}),
        ("DebianBanner yes", {"x-ssh-07"}),
        ("# PermitRootLogin yes", set()),
        ("PermitTTY yes", set()),
    ],
)
def test_what_is_read_first_fails_its_control_alone(first, controls):
    assert SSH.failing(facts(files={FIRST: f"{first}\n"})) == controls


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("permitrootlogin no", "permitrootlogin yes", {"x-ssh-01"}),
        ("passwordauthentication no", "passwordauthentication yes", {"x-ssh-02"}),
        ("maxsessions 2", "maxsessions 10", {"x-ssh-04"}),
        ("loglevel verbose", "loglevel VERBOSE", set()),
        ("banner /etc/issue.net", "challengeresponseauthentication yes\nbanner /etc/issue.net", {"x-ssh-02"}),
    ],
)
def test_sshds_own_word_counts_too(old, new, controls):
    loaded = "\n".join(f"{key} {value}" for key, value in facts().loaded.items()) + "\n"
    assert old in loaded
    assert SSH.failing(facts(loaded=loaded.replace(old, new))) == controls


@pytest.mark.parametrize(
    ("given", "met"),
    [
        ({"main": "UsePAM yes\n" + INCLUDE + block()}, False),
        ({"main": INCLUDE + block() + "UsePAM yes\n"}, True),
        ({"main": "# UsePAM yes\nInclude /etc/other\n" + INCLUDE + block()}, True),
        ({"main": "# BEGIN hallmark.images x\nUsePAM yes\n# END hallmark.images x\n" + INCLUDE + block()}, True),
        ({"main": INCLUDE}, False),  # sshd_config itself does not say it
        ({"main": INCLUDE + block(own().replace("LoginGraceTime 30\n", ""))}, False),
        ({"main": INCLUDE + block() + "X11Forwarding yes\n"}, False),
        ({"main": INCLUDE + block() + "x11forwarding=NO\n"}, True),
        ({"main": INCLUDE + own()}, True),
        ({"files": {DROP_IN: f"# hallmark.images\n{own()}Port 2222\n"}}, True),
        ({"files": {DROP_IN: own()}}, False),  # nothing of the collection's
        ({"loaded": "/etc/ssh/sshd_config: line 3: Bad configuration option: Foo\n"}, False),
        ({"loaded": "Missing privilege separation directory: /run/sshd\n"}, True),
    ],
)
def test_drop_in_files_must_be_read_first(given, met):
    assert SSH.failing(facts(**given)) == (set() if met else {"x-ssh-09"})


def test_without_includes_the_settings_stand_at_the_top():
    assert SSH.failing(facts(main=block() + "UsePAM yes\n", files={DROP_IN: None})) == set()
    assert SSH.failing(facts(main="UsePAM yes\n" + block(), files={DROP_IN: None})) == {"x-ssh-09"}


def test_crypto_policies_choose_the_algorithms():
    lines = [line for line in own().splitlines(keepends=True) if not line.startswith(("Ciphers", "MACs", "Kex"))]
    files = {DROP_IN: "# hallmark.images\n" + "".join(lines), "/etc/ssh/sshd_config.d/50-redhat.conf": POLICY}
    main = INCLUDE + block("".join(lines))
    outcomes = SSH.outcomes(facts(main, files, policies=POLICY, known=""))
    assert outcomes["x-ssh-06"] == "not applicable"
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == OFF
    files[FIRST] = "Ciphers 3des-cbc\n"  # somebody chooses one all the same
    assert SSH.failing(facts(main, files, policies=POLICY, known="")) == {"x-ssh-06"}


def test_only_debians_sshd_has_debians_banner():
    lines = own().replace("DebianBanner no\n", "")
    main, files = INCLUDE + block(lines), {DROP_IN: "# hallmark.images\n" + lines}
    assert SSH.failing(facts(main, files, known="")) == set()
    assert SSH.failing(facts(main, files)) == {"x-ssh-07"}


def test_who_may_log_in_can_be_said():
    more = {FIRST: "AllowGroups sudo\nGSSAPIAuthentication no\n"}
    assert SSH.outcomes(facts(files=more))["x-ssh-08"] == "passed"
    assert SSH.outcomes(facts(files={FIRST: "AllowGroups sudo\n"}))["x-ssh-08"] == "failed"


@pytest.mark.parametrize("given", [{"main": None, "program": "", "loaded": ""}, {"program": "", "loaded": ""}])
def test_without_sshd_no_control_applies(given):
    assert set(SSH.outcomes(facts(**given)).values()) == {"not applicable"}
