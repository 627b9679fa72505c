# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam import Wish
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam_stack import (
    clean,
    clear_other_stacks,
    packages,
    set_conf,
    set_libuser,
    write_settings,
)
from support.image_tree import name_root
from support.role_vars import role_value

FAILLOCK = """\
# The default is 3.
# deny = 3
# Enabled if option is present.
# audit
unlock_time = 600
unlock_time=1
"""


@pytest.fixture
def top(tmp_path):
    for folder in ("etc/pam.d", "etc/security"):
        (tmp_path / folder).mkdir(parents=True)
    name_root(tmp_path)
    return tmp_path


def test_settings_are_set_in_place_once():
    wanted = clean("x", {"deny": 3, "audit": True, "unlock_time": 900, "no_log_info": False, "dir": None, "new": "a"})
    text, changes = set_conf(FAILLOCK, wanted)
    assert text == (
        "# The default is 3.\n# deny = 3\ndeny = 3\n# Enabled if option is present.\n# audit\naudit\n"
        "# unlock_time = 600\nunlock_time = 900\nnew = a\n"
    )
    assert changes == [("deny", None, "3"), ("audit", None, ""), ("unlock_time", "1", "900"), ("new", None, "a")]
    assert set_conf(text, wanted) == (text, [])
    assert set_conf("audit\n", {"audit": None}) == ("# audit\n", [("audit", "", None)])


@pytest.mark.parametrize("settings", [{"deny": [3]}, {"deny": "3\nx"}, {"a b": 1}])
def test_bad_settings_are_one_clear_line(settings):
    with pytest.raises(HardeningError, match=r"faillock_settings: .* is no value; give one word"):
        clean("faillock_settings", settings)


def _is_comment(line):
    return line.startswith("#")


def options(**others):
    settings = role_value("pam", "pam_pwquality")
    given = {"faillock": True, "faillock_settings": {}, "remember": 24, "quality": "pwquality"}
    path = "/etc/security/pwquality.conf.d/zz-hallmark.conf"
    return {**given, "pwquality_settings": settings, "pwquality_file": path, **others}


def test_strength_stands_in_the_drop_in_and_in_the_main_file(top):
    main = top / "etc/security/pwquality.conf"
    main.write_text("# minlen = 8\nminlen = 9\ndifok = 2\nother = 1\n# Also for root.\n# enforce_for_root\n")
    previous = os.umask(0o077)
    try:
        write_settings(Tree(str(top)), options())
    finally:
        os.umask(previous)
    drop_in = top / "etc/security/pwquality.conf.d/zz-hallmark.conf"
    assert {"minlen = 16", "dcredit = -1", "enforce_for_root"} < set(drop_in.read_text().splitlines())
    assert [stat.S_IMODE(path.stat().st_mode) for path in (drop_in, drop_in.parent)] == [0o644, 0o755]
    said = main.read_text().splitlines()
    assert said[:5] == ["# minlen = 8", "minlen = 16", "difok = 2", "other = 1", "# Also for root."]
    assert said[5:7] == ["# enforce_for_root", "enforce_for_root"]
    assert set(drop_in.read_text().splitlines()[1:]) == set(said) - {"other = 1"} - set(filter(_is_comment, said))
    again = Tree(str(top))
    write_settings(again, options())
    assert again.changes == []
    fewer = {key: value for key, value in options()["pwquality_settings"].items() if key != "minlen"}
    write_settings(Tree(str(top)), options(pwquality_settings={**fewer, "enforce_for_root": False}))
    assert {"# minlen = 16", "# enforce_for_root", "maxrepeat = 3"} <= set(main.read_text().splitlines())
    assert "enforce_for_root" not in drop_in.read_text()
    main.write_text(main.read_text().replace("maxrepeat = 3", "maxrepeat = 2"))
    write_settings(Tree(str(top)), options(quality="passwdqc"))
    assert not drop_in.exists()
    kept = [line for line in main.read_text().splitlines() if not _is_comment(line)]
    assert kept == ["other = 1", "maxrepeat = 2"]


def test_other_services_lose_blank_passwords_and_dead_modules(top):
    folder = top / "etc/pam.d"
    (folder / "vsftpd").write_text("# nullok\nauth required pam_tally2.so deny=5\nauth required pam_unix.so nullok\n")
    (folder / "su").write_text("auth required pam_unix.so nullok\n")
    (folder / "cron").write_text("# pam_tally is gone\nauth required pam_unix.so\n")
    wishes = [Wish("auth", "pam_unix.so", remove=["nullok"]), Wish("account", "pam_unix.so", ["no_pass_expiry"])]
    tree = Tree(str(top))
    clear_other_stacks(tree, wishes, ())
    assert (folder / "vsftpd").read_text() == "# nullok\nauth required pam_unix.so\n"
    assert (folder / "su").read_text() == "auth required pam_unix.so nullok\n"
    assert {change["path"] for change in tree.changes} == {"/etc/pam.d/vsftpd"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[defaults]\ncrypt_style = md5\n", "[defaults]\ncrypt_style = sha512\n"),
        ("[defaults]\nmodules = files\n", "[defaults]\ncrypt_style = sha512\nmodules = files\n"),
        ("[userdefaults]\n", "[defaults]\ncrypt_style = sha512\n[userdefaults]\n"),
    ],
)
def test_libuser(top, text, expected):
    path = top / "etc/libuser.conf"
    path.write_text(text)
    set_libuser(Tree(str(top)), "sha512")
    assert path.read_text() == expected
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    again = Tree(str(top))
    set_libuser(again, "sha512")
    assert again.changes == []


def test_a_system_without_libuser_gets_none(top):
    tree = Tree(str(top))
    set_libuser(tree, "sha512")
    assert tree.changes == []


@pytest.mark.parametrize(
    ("family", "modules", "variables", "expected"),
    [
        ("debian", set(), {}, (["libpam-pwquality"], [])),
        ("ubuntu", {"pam_pwquality.so", "pam_ccreds.so"}, {}, ([], ["libpam-ccreds"])),
        ("redhat", {"pam_ccreds.so"}, {}, (["libpwquality"], ["pam_ccreds"])),
        ("debian", set(), {"pam_quality_module": "passwdqc"}, ([], [])),
        ("debian", {"pam_ccreds.so"}, {"pam_remove_ccreds": False}, (["libpam-pwquality"], [])),
        (
            "debian",
            {"pam_pwquality.so"},
            {"pam_tmpdir": True, "pam_apparmor": True},
            (["libpam-tmpdir", "libpam-apparmor"], []),
        ),
    ],
)
def test_packages_of_the_role(family, modules, variables, expected):
    assert packages(family, role_value("pam", "__pam_packages", **variables), modules) == expected
