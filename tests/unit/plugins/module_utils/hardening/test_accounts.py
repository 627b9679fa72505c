# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account files of several systems, policy by policy. Debian's are recorded, the others as vendors ship them."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.accounts import apply
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.account_policy import OPTIONS

FILES = Path(__file__).parent / "files"
SYSTEMS = ("debian12", "ubuntu2404", "rhel9", "amazon2023", "alinux3")
TODAY = 20781
HASH = "$6$salt$" + "h" * 86
CLOUD = "/etc/cloud/cloud.cfg.d/zz-hallmark-accounts.cfg"
ME = os.getuid()
MODES = {True: 0o640, False: 0o600 if ME else 0}  # of shadow, on Debian and elsewhere; root reads any


def options(**given):
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    # Homes only where a test is about them: root's is that of whoever runs the tests.
    ageing = {"min": 7, "max": 60, "warn": 7}
    return {**defaults, "ageing": ageing, "root_home_mode": "", "home_mode": "", **given}


class System:
    """A tree with the account files of a system, and ways to look at it."""

    def __init__(self, top, name):
        self.top = top
        for folder in ("etc/cloud", "usr/sbin", "sbin", "home", "etc/sudoers.d", "root"):
            (top / folder).mkdir(parents=True)
        for file in ("os-release", "login.defs", "passwd", "shadow", "group"):
            shutil.copy(FILES / name / file, top / "etc" / file)
        groups = (top / "etc/group").read_text().splitlines()
        text = "".join(f"{line.split(':')[0]}:!::{line.split(':')[3]}\n" for line in groups)
        (top / "etc/gshadow").write_text(text)
        (top / "etc/shadow").chmod(MODES[name in SYSTEMS[:2]])
        for path in ("usr/sbin/nologin", "sbin/nologin"):
            (top / path).write_text("")

    def add(self, name, uid, field="x", password=f"{HASH}:20000:0:99999:7:::", home=None, shell="/bin/bash"):
        with open(self.top / "etc/passwd", "a") as file:
            file.write(f"{name}:{field}:{uid}:100:{name}:{home or f'/home/{name}'}:{shell}\n")
        if password is not None:
            with open(self.top / "etc/shadow", "a") as file:
                file.write(f"{name}:{password}\n")

    def run(self, check=False, worker="", **given):
        tree = Tree(str(self.top), check)
        report = apply(tree, options(**given), TODAY, worker)
        return tree, report

    def row(self, kind, name):
        lines = (self.top / "etc" / kind).read_text().splitlines()
        rows = [line.split(":") for line in lines if line.startswith(f"{name}:")]
        return rows[0] if rows else None


@pytest.fixture
def debian(tmp_path):
    return System(tmp_path, "debian12")


def changed(tree):
    return {(item["key"], item["before"], item["after"]) for item in tree.changes}


# --- recorded systems ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SYSTEMS)
def test_vendor_files_are_nearly_right_and_a_second_run_changes_nothing(tmp_path, name):
    system = System(tmp_path, name)
    tree, report = system.run()
    false = ("dhcpcd", "tss", "pollinate") if name == "ubuntu2404" else ()
    assert changed(tree) == {(f"{user} shell", "/bin/false", "/usr/sbin/nologin") for user in false}
    assert report["findings"] == []
    again, _report = system.run()
    assert again.changes == []


@pytest.mark.parametrize("name", SYSTEMS)
def test_shells_and_passwords_of_system_accounts(tmp_path, name):
    system = System(tmp_path, name)
    system.add("service", 777, home="/srv/service")
    system.add("postgres", 26, home="/var/lib/pgsql")
    tree, _report = system.run(exempt=["postgres"])
    nologin = "/usr/sbin/nologin" if name in ("debian12", "ubuntu2404") else "/sbin/nologin"
    assert system.row("passwd", "service")[6] == nologin
    assert system.row("shadow", "service")[1] == f"!{HASH}"
    assert system.row("passwd", "postgres")[6] == "/bin/bash"
    assert system.row("shadow", "postgres")[1] == HASH
    assert system.row("passwd", "root")[6] == "/bin/bash"
    assert system.row("passwd", "sync")[6] == "/bin/sync"
    assert stat.S_IMODE((tmp_path / "etc/shadow").stat().st_mode) == MODES[name in SYSTEMS[:2]]
    assert HASH not in repr(tree.result())


def test_the_cloud_user_and_whoever_works_here_are_no_system_accounts(tmp_path):
    system = System(tmp_path, "amazon2023")
    (tmp_path / "etc/cloud/cloud.cfg").write_text("system_info:\n  default_user:\n    name: admin\n")
    for number, name in enumerate(("admin", "builder", "other")):
        system.add(name, 300 + number, password="!!:1:0:99999:7:::")
    system.run(worker="builder")
    shells = [system.row("passwd", name)[6] for name in ("admin", "builder", "other")]
    assert shells == ["/bin/bash", "/bin/bash", "/sbin/nologin"]


# --- passwords -----------------------------------------------------------------------------------------------------


def test_hashes_move_to_shadow_where_the_effective_one_counts(debian):
    debian.add("lost", 1001, field=HASH, password=None)
    debian.add("old", 1002, field=HASH, password="*:20000:0:99999:7:::")
    debian.add("open", 1003, field="", password=f"{HASH}:20000:0:99999:7:::")
    tree, _report = debian.run()
    assert [debian.row("passwd", name)[1] for name in ("lost", "old", "open")] == ["x", "x", "x"]
    assert [debian.row("shadow", name)[1] for name in ("lost", "old")] == [HASH, HASH]
    assert debian.row("shadow", "lost")[2:6] == [str(TODAY), "7", "60", "7"]
    assert debian.row("shadow", "open")[1][0] == "!"  # whoever had no password in passwd had none at all
    assert HASH not in repr(tree.result())
    assert debian.run()[0].changes == []


def test_empty_passwords_are_locked_and_can_be_allowed(debian):
    debian.add("guest", 1001, password=":20000:0:60:7:::")
    debian.run(lock_empty=False)
    assert debian.row("shadow", "guest")[1] == ""
    debian.run()
    assert debian.row("shadow", "guest")[1] == "!"


# --- ageing --------------------------------------------------------------------------------------------------------


def test_people_with_a_password_age_and_nobody_without(debian):
    debian.add("key", 1000, password="!:20000:0:60:7:::")
    debian.add("fresh", 1001, password=f"{HASH}:{TODAY - 10}:0:99999:7:::")
    debian.add("old", 1002, password=f"{HASH}:{TODAY - 1000}:0:99999:7:::")
    debian.add("over", 1003, password=f"{HASH}:{TODAY - 1000}:7:90:7:::")
    debian.add("next", 1004, password=f"{HASH}:0:0:99999:7:::")
    debian.add("undated", 1005, password=f"{HASH}::0:99999:7:::")
    debian.add("exempt", 1006, password=f"{HASH}:1000::::::")
    debian.add("service", 300)
    debian.run(ageing_exempt=["exempt"])
    found = {name: debian.row("shadow", name)[2:6] for name in ("fresh", "old", "over", "next", "undated")}
    assert found == {
        "fresh": [str(TODAY - 10), "7", "60", "7"],
        "old": [str(TODAY), "7", "60", "7"],  # not locked out by the run
        "over": [str(TODAY - 1000), "7", "60", "7"],  # it was before
        "next": ["0", "7", "60", "7"],
        "undated": [str(TODAY), "7", "60", "7"],
    }
    assert debian.row("shadow", "key")[2:6] == ["20000", "0", "99999", "7"]
    assert debian.row("shadow", "exempt")[2:] == ["1000", "", "", "", "", "", ""]
    assert debian.row("shadow", "root")[3:6] == ["0", "99999", "7"]
    assert debian.run(ageing_exempt=["exempt"])[0].changes == []


def test_a_run_long_after_renews_nothing(debian):
    debian.add("old", 1002, password=f"{HASH}:{TODAY - 1000}:0:99999:7:::")
    debian.run()
    tree = Tree(str(debian.top))
    apply(tree, options(), TODAY + 400)
    assert tree.changes == []


def test_switches_of_ageing(debian):
    debian.add("old", 1002, password=f"{HASH}:{TODAY - 1000}:0:99999:7:::")
    debian.add("key", 1000, password="!:20000:0:60:7:::")
    off = {"min": None, "max": None, "warn": None}
    assert changed(debian.run(ageing=off, inactive_days=30)[0]) == set()
    debian.run(ageing={"min": None, "max": 90, "warn": None}, ageing_overdue="expire", ageing_keyless=False)
    assert debian.row("shadow", "old")[2:6] == [str(TODAY - 1000), "0", "90", "7"]
    assert debian.row("shadow", "key")[4] == "60"
    debian.run(inactive_days=30)
    assert debian.row("shadow", "old")[6] == "30"
    with pytest.raises(HardeningError, match="ageing: max: -1 is no number of days"):
        debian.run(ageing={"max": -1})


def test_root_ages_only_when_asked(debian):
    path = debian.top / "etc/shadow"
    path.write_text(path.read_text().replace("root:*:20781", f"root:{HASH}:20781"))
    assert changed(debian.run()[0]) == set()
    assert ("root maximum age", "99999", "60") in changed(debian.run(ageing_root=True)[0])


def test_changes_in_the_future_come_back_but_not_to_a_clock_that_is_not_set(debian):
    debian.add("early", 300, password="!:20900:0:99999:7:::")
    tree = Tree(str(debian.top), check_mode=True)
    findings = apply(tree, options(), 3)["findings"]
    assert {item["problem"] for item in findings} == {
        "last change is in the future, or this machine's clock is not set"
    }
    assert not [item for item in tree.changes if item["key"].endswith("last change")]
    debian.run()
    assert debian.row("shadow", "early")[2] == str(TODAY)


# --- accounts ------------------------------------------------------------------------------------------------------


def test_extra_accounts_of_root(debian):
    debian.add("toor", 0)
    _tree, report = debian.run()
    assert ("toor", "has uid 0 and is not root") in [(item["key"], item["problem"]) for item in report["findings"]]
    assert debian.row("passwd", "toor")[6] == "/bin/bash"
    assert changed(debian.run(extra_root="delete", exempt=["toor"], check=True)[0]) == set()
    debian.run(extra_root="lock")
    assert (debian.row("passwd", "toor")[6], debian.row("shadow", "toor")[1][0]) == ("/usr/sbin/nologin", "!")
    debian.run(extra_root="delete")
    assert (debian.row("passwd", "toor"), debian.row("shadow", "toor")) == (None, None)
    assert debian.row("passwd", "root")[2] == "0"


def test_vendor_accounts_go_with_their_group_when_asked(debian):
    before = (debian.top / "etc/group").read_text()
    (debian.top / "etc/group").write_text(before.replace("audio:x:29:", "audio:x:29:irc,debian"))
    debian.run(remove=["games", "irc", "gnats", "man"])
    for kind in ("passwd", "shadow", "group", "gshadow"):
        assert [debian.row(kind, name) for name in ("games", "irc", "man")] == [None, None, None]
    assert debian.row("group", "audio")[3] == "debian"
    assert debian.run(remove=["games"])[0].changes == []


def test_systemd_does_not_make_them_again(debian):
    vendor, own = (debian.top / folder / "sysusers.d" for folder in ("usr/lib", "etc"))
    vendor.mkdir(parents=True)
    other = "u man 6:12 - /var/cache/man\n"
    basic = f"# vendor\ng games 60\nu games 5:60 - /usr/games\nu! irc 39\nm man games\nm man audio\n{other}"
    (vendor / "basic.conf").write_text(basic)
    (vendor / "other.conf").write_text(other)
    debian.run(remove=["games", "irc"])
    text = (own / "basic.conf").read_text()
    assert text.startswith("# Managed by Ansible")
    assert text.endswith(f"# vendor\nm man audio\n{other}")
    assert not (own / "other.conf").exists()
    assert debian.run(remove=["games", "irc"])[0].changes == []
    (own / "basic.conf").write_text("# an administrator's\n")
    assert debian.run(remove=["games", "irc"])[0].changes == []
    (own / "basic.conf").write_text("u irc 39\nu man 6\n")
    tree, report = debian.run(remove=["games", "irc"])
    assert tree.changes == []
    told = {"path": "/etc/sysusers.d/basic.conf", "key": "irc"}
    assert [item for item in report["findings"] if told.items() <= item.items()] == [
        told | {"problem": "is made again by systemd-sysusers, though it is to be removed"}
    ]


@pytest.mark.parametrize(("name", "uid"), [("root", 0), ("person", 1000), ("sync", 4)])
def test_people_and_root_are_never_removed(debian, name, uid):
    debian.add("person", 1000)
    with pytest.raises(HardeningError, match=f"remove: {name} .uid {uid}. is no system account that could go"):
        debian.run(remove=[name])


def test_group_shadow_is_emptied(debian):
    for kind in ("group", "gshadow"):
        path = debian.top / "etc" / kind
        path.write_text("".join(f"{line}games,irc\n" if line[:7] == "shadow:" else f"{line}\n" for line in
                                path.read_text().splitlines()))  # fmt: skip
    assert changed(debian.run()[0]) == {("shadow members", "games,irc", "(empty)")}
    assert (debian.row("group", "shadow")[3], debian.row("gshadow", "shadow")[3]) == ("", "")


def test_mistakes_are_told_and_left(debian):
    debian.add("twin", 33, password="!:1::::::")
    debian.add("twin", 1500, password=None)
    with open(debian.top / "etc/group", "a") as file:
        file.write("second:x:0:\nstaff:x:51:\nbroken\n+::0:\n# a comment\n")
    with open(debian.top / "etc/passwd", "a") as file:
        file.write("zero:x:1600:0:::/bin/sh\nghost:x:1601:4242:::/bin/sh\nreader:x:1602:42:::/bin/sh\n")
    before = (debian.top / "etc/group").read_text()
    _tree, report = debian.run()
    found = {(item["key"], item["problem"]) for item in report["findings"]}
    assert {
        ("www-data, twin", "have the same uid 33"),
        ("twin, twin", "have the same name twin"),
        ("staff, staff", "have the same name staff"),
        ("root, second", "have the same gid 0"),
        ("second", "has gid 0 and is not root"),
        ("broken", "has the wrong number of fields, or an id that is no number"),
        ("zero", "has root's group as its own"),
        ("ghost", "has group 4242, which does not exist"),
        ("reader", "has group shadow as its own and can read every hash"),
        ("reader", "has no line in /etc/shadow"),
    } <= found
    assert (debian.top / "etc/group").read_text() == before


# --- other files ---------------------------------------------------------------------------------------------------


def test_nologin_is_taken_out_of_shells(debian):
    (debian.top / "etc/shells").write_text("# nologin\n/bin/sh\n/sbin/nologin\n/usr/sbin/nologin # why\n/bin/bash\n")
    debian.run()
    assert (debian.top / "etc/shells").read_text() == "# nologin\n/bin/sh\n/bin/bash\n"


def test_nologin_that_does_not_exist_is_one_clear_line(debian):
    debian.add("service", 300)
    with pytest.raises(HardeningError, match="nologin_shell: /bin/none does not exist in"):
        debian.run(nologin_shell="/bin/none")


def test_check_mode_foretells_and_touches_nothing(debian):
    debian.add("service", 300)
    debian.add("person", 1000)
    (debian.top / "etc/shells").write_text("/sbin/nologin\n")
    before = {path.name: (path.read_bytes(), path.stat()) for path in (debian.top / "etc").iterdir() if path.is_file()}
    foretold, _report = debian.run(check=True)
    after = {path.name: (path.read_bytes(), path.stat()) for path in (debian.top / "etc").iterdir() if path.is_file()}
    assert before == after
    real, _report = debian.run()
    assert foretold.changes == real.changes
    assert foretold.diffs == real.diffs
    assert HASH not in repr(foretold.result())


def test_homes_of_people_are_closed_and_what_is_no_home_is_told(debian):
    # Whoever runs the tests owns the folders and so is "people" here.
    (debian.top / "etc/login.defs").write_text(f"UID_MIN {min(ME, 1000)}\nUID_MAX 60000\n")
    (debian.top / "etc/passwd").write_text("root:x:0:0::/root:/bin/bash\n")
    for name in ("bob", "web", "shared", "below/sub"):
        (debian.top / "home" / name).mkdir(parents=True, mode=0o755)
    for name, home in (("bob", None), ("web", None), ("lost", None), ("var", "/var/lib/x"), ("system", "/")):
        debian.add(name, ME, home=home, password="!:1::::::")
    debian.add("quiet", ME, home="/nonexistent", shell="/usr/sbin/nologin", password="!:1::::::")
    debian.add("one", ME, home="/home/shared", password="!:1::::::")
    debian.add("two", 2000, home="/home/shared", password="!:1::::::")
    debian.add("three", ME, home="/home/below", password="!:1::::::")
    debian.add("four", 2001, home="/home/below/sub", password="!:1::::::")
    _tree, report = debian.run(home_mode="0700", home_exempt=["web"])
    modes = {name: stat.S_IMODE((debian.top / "home" / name).stat().st_mode) for name in ("bob", "web", "shared")}
    assert modes == {"bob": 0o700, "web": 0o755, "shared": 0o755}
    found = {item["key"]: item["problem"].split(":")[0] for item in report["findings"] if item["path"][:5] != "/etc/"}
    assert found == {
        "lost": "home does not exist",
        "var": "is a folder of the system, not a home of its own",
        "system": "is a folder of the system, not a home of its own",
        "one": "is not this account's alone",
        "two": "is not this account's alone",
        "three": "is not this account's alone",
        "four": "is not this account's alone",
    }
    assert changed(debian.run(home_mode="0700", home_exempt=["web"])[0]) == set()


# --- cloud-init ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(ME != 0, reason="the drop-in is root's")
@pytest.mark.parametrize(
    ("user", "keys"),
    [
        ("debian", ["ssh_pwauth", "disable_root", "system_info", "  default_user", "    lock_passwd"]),
        ("root", ["ssh_pwauth", "system_info", "  default_user", "    lock_passwd"]),  # Alibaba Cloud: nobody else
        ("", ["ssh_pwauth"]),
    ],
)
def test_cloud_init_is_told(debian, user, keys):
    (debian.top / "etc/cloud/cloud.cfg.d").mkdir()
    (debian.top / "etc/cloud/cloud.cfg").write_text(f"system_info:\n  default_user:\n    name: {user}\n")
    _tree, report = debian.run()
    text = (debian.top / CLOUD[1:]).read_text()
    assert [line.split(":")[0] for line in text.splitlines()[1:]] == keys
    assert report["default_user"] == user
    debian.run(cloud_user=False)
    assert not (debian.top / CLOUD[1:]).exists()


def test_no_cloud_init_no_drop_in(debian):
    assert debian.run()[0].changes == []


def test_the_cloud_user_keeps_a_password_it_needs(debian):
    (debian.top / "etc/cloud/cloud.cfg").write_text("system_info:\n  default_user:\n    name: debian\n")
    debian.add("debian", 1000)
    _tree, report = debian.run()
    assert [item["key"] for item in report["findings"]] == ["debian"]
    assert debian.row("shadow", "debian")[1] == HASH
    (debian.top / "etc/sudoers.d/90-cloud-init-users").write_text("# User\ndebian ALL=(ALL) NOPASSWD:ALL\n")
    assert debian.run()[1]["findings"] == []
    assert debian.row("shadow", "debian")[1] == f"!{HASH}"
