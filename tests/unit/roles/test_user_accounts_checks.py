# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area user_accounts on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

FILES = Path(__file__).parents[1] / "plugins/module_utils/hardening/files"
CLOUD = "==> /etc/cloud/cloud.cfg.d/zz-hallmark-accounts.cfg <==\nssh_pwauth: false\ndisable_root: true\n"
CLOUD += "system_info:\n  default_user:\n    lock_passwd: true\n"
BOB = "bob:x:1500:100:Bob:/home/bob:/bin/bash\n"
AGED = "bob:HASH:20000:7:60:7:::\n"


def facts(areas, replace=(), family="debian12"):
    """A hardened machine with a user bob beside the vendor's, whose answer has parts replaced (old must be there)."""
    texts = {kind: (FILES / family / kind).read_text() for kind in ("passwd", "shadow", "group")}
    if family == "debian12":
        texts["passwd"] = texts["passwd"].replace("games:x:5:60", "gamer:x:5:60")
        texts["shadow"] = texts["shadow"].replace("games:", "gamer:")
    answer = f"{texts['passwd']}{BOB}=shadow\n{texts['shadow']}{AGED}=group\n{texts['group']}"
    answer += "=shells\n# nologin\n/bin/sh\n=homes\nroot 0 700 directory\nbob 1500 700 directory\nnobody missing\n"
    answer += "=keys\nroot told\nbob told\n=today\n20800\n=sysusers\n=cloud\n"
    answer += (
        f"==> /etc/cloud/cloud.cfg <==\nsystem_info:\n  default_user:\n    name: debian\nssh_pwauth: true\n\n{CLOUD}"
    )
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new, 1)
    return areas["user_accounts"].module.Accounts(answer)


def failing(areas, replace=(), family="debian12", system="debian"):
    return areas["user_accounts"].failing(facts(areas, replace, family), system)


@pytest.mark.parametrize(
    ("family", "system", "controls"),
    [
        ("debian12", "debian", set()),
        ("ubuntu2404", "ubuntu", {"ds-user-06"}),  # some have /bin/false
        ("rhel9", "rhel", set()),
        ("amazon2023", "amzn", set()),
        ("alinux3", "alinux", set()),
    ],
)
def test_recorded_systems(areas, family, system, controls):
    vendor = [("=homes\n", f"=homes\n{name} 1000 700 directory\n") for name in ("ubuntu", "cloud-user", "ec2-user")]
    assert failing(areas, vendor, family, system) == controls


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("daemon:x:1:", "daemon:HASH:1:", {"os-03b"}),
        ("daemon:x:1:", "daemon::1:", {"os-03b"}),
        ("daemon:x:1:", "daemon:*:1:", set()),
        ("man:x:6:", "man:x:5:", {"os-07"}),
        ("audio:x:29:", "audio:x:30:", {"os-07"}),
        ("HASH:20000:7:60:7", "HASH:20000:0:60:7", {"ds-user-01"}),
        ("HASH:20000:7:60:7", "HASH:20000:7:99999:7", {"ds-user-01"}),
        ("HASH:20000:7:60:7", "HASH:20000:7:60:", {"ds-user-01"}),
        ("HASH:20000:7:60:7", "!:20000:0:99999:7", set()),
        ("root 0 700", "root 0 750", {"ds-user-03"}),
        ("root 0 700", "root 1 700", {"ds-user-03"}),
        ("root 0 700 directory", "root missing", {"ds-user-03"}),
        ("bob 1500 700", "bob 1500 755", {"ds-user-04"}),
        ("bob 1500 700", "bob 0 700", {"ds-user-04"}),
        ("bob 1500 700 directory", "bob 1500 700 regular file", {"ds-user-04"}),
        ("/home/bob:/bin/bash", "/usr:/bin/bash", set()),
        ("bin:/bin:/usr/sbin/nologin", "bin:/bin:/bin/false", {"ds-user-06"}),
        ("bin:/bin:/usr/sbin/nologin", "bin:/bin:", {"ds-user-06"}),
        ("bin:/bin:/usr/sbin/nologin", "bin:/bin:/sbin/nologin", set()),
        ("\nbin:*:", "\nbin:HASH:", {"ds-user-07"}),
        ("\nsync:*:", "\nsync:HASH:", set()),
        (":/bin/sync", ":/usr/sbin/nologin", {"ds-user-08"}),
        ("root:/root:/bin/bash", "root:/root:/usr/sbin/nologin", {"ds-user-08"}),
        (AGED, "bob::20000:7:60:7:::\n", {"x-user-01"}),
        ("bin:x:2:2:", "bin:x:2:0:", {"x-user-02"}),
        ("shadow:x:42:", "shadow:x:42:bob", {"x-user-02"}),
        ("bin:x:2:2:", "bin:x:2:42:", {"x-user-02"}),
        ("bin:x:2:2:", "bin:x:2:4242:", {"x-user-03"}),
        ("\nsrc:x:", "\nstaff:x:", {"x-user-03"}),
        ("bob:HASH:20000", "bob:HASH:20801", {"x-user-04"}),
        ("bob:HASH:20000", "bob:HASH:20800", set()),
        ("=shells\n", "=shells\n/sbin/nologin\n", {"x-user-05"}),
        ("bob 1500 700 directory", "bob missing", {"x-user-05"}),
        ("ssh_pwauth: false", "ssh_pwauth: true", {"x-user-07"}),
        ("disable_root: true", "disable_root: false", {"x-user-07"}),
        ("lock_passwd: true", "lock_passwd: false", {"x-user-07"}),
        ("name: debian", "name: bob", {"x-user-07"}),  # he has a password
        ("root told", "root unknown", {"x-user-07"}),
        ("bob told", "bob unknown", set()),  # not the cloud's user
    ],
)
def test_a_broken_account_fails_its_control_alone(areas, old, new, controls):
    assert failing(areas, [(old, new)]) == controls


def test_a_second_root_is_seen_by_two_controls(areas):
    text = [(BOB, BOB + "toor:x:0:100::/home/toor:/bin/sh\n")]
    assert failing(areas, text) == {"os-07"}
    outcomes = areas["user_accounts"].outcomes(facts(areas, text))
    assert outcomes["ds-user-05"] == "failed"


def test_well_known_users_are_not_exempt(areas):
    more = [(BOB, BOB + "vagrant:x:1001:100::/home/vagrant:/bin/sh\n"), (AGED, AGED + "vagrant:HASH:1:7:60:7:::\n")]
    more += [("nobody missing", "vagrant 1001 700 directory")]
    assert failing(areas, more) == {"ds-user-08"}


def test_groups_that_rpm_systems_have(areas):
    assert "x-user-02" in failing(areas, (), "alinux3", "debian")
    assert "x-user-02" not in failing(areas, (), "alinux3", "anolis")


def test_ec2_user_is_exempt_on_amazon_alone(areas):
    text = [("bob:x:1500:100", "ec2-user:x:500:100"), ("bob:HASH", "ec2-user:HASH"), ("name: debian", "name: other")]
    text += [("bob 1500", "ec2-user 500")]
    assert failing(areas, text, "alinux3", "amzn") == set()
    assert failing(areas, text, "alinux3", "alinux") == {"ds-user-06", "ds-user-07"}


def test_controls_that_are_off_by_default(areas):
    outcomes = areas["user_accounts"].outcomes(facts(areas, [("\nirc:x:", "\nirk:x:")]))
    assert outcomes["x-user-06"] == "failed"
    assert outcomes["ds-user-02"] == "not applicable"
    rooted = [("\nroot:*:20781:0:99999:7", "\nroot:HASH:20781:7:60:7")]
    assert areas["user_accounts"].outcomes(facts(areas, rooted))["ds-user-02"] == "passed"
    rooted = [("\nroot:*:", "\nroot:HASH:")]
    assert areas["user_accounts"].outcomes(facts(areas, rooted))["ds-user-02"] == "failed"


GONE = [("\nirc:x:", "\nirk:x:"), ("\nlist:x:", "\nlost:x:"), ("\nnews:x:", "\nnew:x:"), ("\nuucp:x:", "\nuu:x:")]


@pytest.mark.parametrize(
    ("sysusers", "outcome"),
    [
        ("", "passed"),
        ("==> /usr/lib/sysusers.d/basic.conf <==\nu man 6:12 - /var/cache/man\n#u games 5\n", "passed"),
        ("==> /usr/lib/sysusers.d/basic.conf <==\nu! irc 39 - /run/ircd\n", "failed"),
        ("==> /usr/lib/sysusers.d/basic.conf <==\nm news mail\n", "failed"),
        ("==> /usr/lib/sysusers.d/basic.conf <==\ng games 60\n", "passed"),  # a group alone
        # What stands in for the vendor's file, a link to /dev/null among it; and what does not.
        (
            "==> /etc/sysusers.d/basic.conf <==\n# ours\n\n==> /usr/lib/sysusers.d/basic.conf <==\nu games 5\n",
            "passed",
        ),
        ("==> /etc/sysusers.d/basic.conf <==\n\n==> /usr/lib/sysusers.d/basic.conf <==\nu games 5\n", "passed"),
        ("==> /etc/sysusers.d/other.conf <==\n# ours\n\n==> /usr/lib/sysusers.d/basic.conf <==\nu games 5\n", "failed"),
        ('==> /run/sysusers.d/site.conf <==\nu "uucp" -\n', "failed"),
    ],
)
def test_removed_accounts_must_not_come_back_at_the_next_boot(areas, sysusers, outcome):
    replace = [*GONE, ("=sysusers\n", f"=sysusers\n{sysusers}\n")]
    assert areas["user_accounts"].outcomes(facts(areas, replace))["x-user-06"] == outcome


def test_where_root_is_the_clouds_user_it_may_log_in(areas):
    alibaba = [("name: debian", "name: root"), ("disable_root: true\n", "")]
    assert failing(areas, alibaba) == set()


@pytest.mark.parametrize("replace", [[("=today\n20800\n", "=today\n20800\n/etc/cloud/cloud-init.disabled\n")]])
def test_no_cloud_init_is_not_applicable(areas, replace):
    assert areas["user_accounts"].outcomes(facts(areas, replace))["x-user-07"] == "not applicable"
    found = facts(areas)
    found.cloud = {}
    assert areas["user_accounts"].outcomes(found)["x-user-07"] == "not applicable"
