# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import pam_stack
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam import parse, problems
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.pam_stack import OPTIONS
from support.image_tree import name_root

FILES = Path(__file__).parent / "files"
SYSTEMS = {"rhel8": "redhat", "rhel9": "redhat", "amazon2023": "amazon", "alinux3": "alinux", "anolis8": "anolis"}
MODULES = "env faildelay faillock unix deny pwquality pwhistory localuser sss permit keyinit limits systemd".split()
# Without authselect.
PLAIN = """\
#%PAM-1.0
auth        required      pam_env.so
auth        sufficient    pam_unix.so try_first_pass nullok
auth        required      pam_deny.so

account     required      pam_unix.so

password    requisite     pam_pwquality.so try_first_pass local_users_only retry=3 authtok_type=
password    sufficient    pam_unix.so try_first_pass use_authtok nullok sha512 shadow
password    required      pam_deny.so

session     required      pam_unix.so
"""
# authselect's template, as its profile minimal has it.
TEMPLATE = """\
auth        required                      pam_env.so
auth        required                      pam_faillock.so preauth silent      {include if "with-faillock"}
auth        sufficient                    pam_unix.so {if not "without-nullok":nullok}
auth        required                      pam_faillock.so authfail            {include if "with-faillock"}
auth        required                      pam_deny.so

account     required                      pam_faillock.so                     {include if "with-faillock"}
account     required                      pam_unix.so

password    requisite                     pam_pwquality.so
password    sufficient                    pam_unix.so sha512 shadow {if not "without-nullok":nullok} use_authtok
password    required                      pam_deny.so
session     optional                      pam_oddjob_mkhomedir.so             {include if "with-mkhomedir"}
"""


def options(**others):
    given = {name: argument.get("default") for name, argument in OPTIONS.items()}
    return {**given, "faillock_settings": {"deny": 3}, "pwquality_settings": {"minlen": 16}, **others}


class Authselect:
    """Stands for the tool: renders the templates roughly, writes them on select."""

    def __init__(self, top):
        self.top, self.calls, self.answer = top, [], (0, "")

    def render(self, profile, features, name):
        text = (self.top / "etc/authselect" / profile / name).read_text()
        lines = []
        for line in text.splitlines():
            head, brace, tail = line.partition("{include if ")
            if not brace or tail.strip('"}') in features:
                lines.append(head.replace('{if not "without-nullok":nullok}', "").rstrip())
        return "\n".join(lines) + "\n"

    def __call__(self, words):
        self.calls.append(words)
        verb, profile, *features = words[1:]
        if verb == "test":
            return 0, self.render(profile, features, features[-1][2:])
        if self.answer[0] == 0:
            for name in ("system-auth", "password-auth"):
                (self.top / "etc/pam.d" / name).write_text(self.render(profile, features, name))
            (self.top / "etc/authselect/authselect.conf").write_text("\n".join([profile, *features, ""]))
        return self.answer


@pytest.fixture
def top(tmp_path):
    for folder in ("etc/pam.d", "etc/security", "usr/lib64/security"):
        (tmp_path / folder).mkdir(parents=True)
    for name in MODULES:
        (tmp_path / f"usr/lib64/security/pam_{name}.so").touch()
    name_root(tmp_path)
    for name in ("system-auth", "password-auth"):
        (tmp_path / "etc/pam.d" / name).write_text(PLAIN)
    shutil.copy(FILES / "rhel9/os-release", tmp_path / "etc/os-release")
    return tmp_path


@pytest.fixture
def tool(top):
    folder = top / "usr/share/authselect/default/minimal"
    folder.mkdir(parents=True)
    for name in ("system-auth", "password-auth"):
        (folder / name).write_text(TEMPLATE)
    (folder / "nsswitch.conf").write_text('sudoers: files sss {include if "with-sudo"}\n')
    (folder / "README").write_text("Minimal\n")
    (top / "etc/authselect").mkdir()
    (top / "etc/authselect/authselect.conf").write_text("minimal\nwith-sudo\n")
    return Authselect(top)


def no_program(words):
    raise AssertionError(words)


def harden(top, run=no_program, check_mode=False, **others):
    tree = Tree(str(top), check_mode=check_mode)
    return pam_stack.set_all(tree, options(**others), run), tree


def lines(top, name="system-auth"):
    return [
        " ".join(line.split()) for line in (top / "etc/pam.d" / name).read_text().splitlines() if line[:1].isalpha()
    ]


@pytest.mark.parametrize("system", SYSTEMS)
def test_stacks_without_authselect(top, system):
    shutil.copy(FILES / system / "os-release", top / "etc/os-release")
    report, _tree = harden(top)
    assert report["family"] == SYSTEMS[system]
    for name in ("system-auth", "password-auth"):
        assert lines(top, name) == [
            "auth required pam_env.so",
            "auth required pam_faillock.so preauth silent",
            "auth sufficient pam_unix.so try_first_pass",
            "auth required pam_faillock.so authfail",
            "auth required pam_deny.so",
            "account required pam_faillock.so",
            "account required pam_unix.so no_pass_expiry",
            "password requisite pam_pwquality.so try_first_pass local_users_only retry=3 authtok_type=",
            "password requisite pam_pwhistory.so use_authtok remember=24 enforce_for_root",
            "password sufficient pam_unix.so rounds=640000 try_first_pass use_authtok sha512 shadow",
            "password required pam_deny.so",
            "session required pam_unix.so",
        ]
        assert problems(parse((top / "etc/pam.d" / name).read_text()), set()) == []
    assert harden(top)[1].changes == []


def test_a_settings_file_of_the_history_takes_the_place_of_arguments(top):
    (top / "etc/security/pwhistory.conf").write_text("# remember = 10\n# enforce_for_root\n")
    harden(top)
    assert "password requisite pam_pwhistory.so use_authtok" in lines(top)
    text = (top / "etc/security/pwhistory.conf").read_text()
    assert text == "# remember = 10\nremember = 24\n# enforce_for_root\nenforce_for_root\n"


# Options in stacks as EL 8 came to have them (authconfig, its own examples), and as EL 9 has them.
EL8 = PLAIN.replace(
    "auth        sufficient    pam_unix.so",
    "auth        required      pam_faillock.so preauth silent deny=4 unlock_time=1200\n"
    "auth        sufficient    pam_unix.so",
).replace(
    "auth        required      pam_deny.so",
    "auth        required      pam_faillock.so authfail deny=4 unlock_time=1200\nauth        required      pam_deny.so",
)
EL9 = PLAIN.replace("try_first_pass local_users_only retry=3 authtok_type=", "local_users_only minlen=8 dcredit=0")
SETTINGS = {
    "faillock_settings": {"deny": 3, "unlock_time": 900, "even_deny_root": True},
    "pwquality_settings": {"minlen": 16, "retry": 2, "dcredit": -1, "ucredit": None},
}


@pytest.mark.parametrize(
    ("text", "quality"),
    [
        (EL8, "pam_pwquality.so try_first_pass local_users_only authtok_type="),
        (
            EL8.replace("retry=3", "retry=2 ucredit=0"),
            "pam_pwquality.so try_first_pass local_users_only retry=2 authtok_type=",
        ),
        (EL9, "pam_pwquality.so local_users_only"),
    ],
)
def test_options_that_contradict_the_settings_files_are_taken_out(top, text, quality):
    for name in ("system-auth", "password-auth"):
        (top / "etc/pam.d" / name).write_text(text)
    _report, tree = harden(top, **SETTINGS)
    for name in ("system-auth", "password-auth"):
        now = lines(top, name)
        assert [line for line in now if "faillock" in line] == [
            "auth required pam_faillock.so preauth silent",
            "auth required pam_faillock.so authfail",
            "account required pam_faillock.so",
        ]
        assert [line for line in now if "pwquality" in line] == [f"password requisite {quality}"]
    assert "password pam_pwquality.so" in [change["key"] for change in tree.changes]
    assert harden(top, **SETTINGS)[1].changes == []


def test_options_that_say_the_same_or_something_else_stay(top):
    text = EL8.replace("deny=4 unlock_time=1200", "deny=3 fail_interval=60 audit")
    for name in ("system-auth", "password-auth"):
        (top / "etc/pam.d" / name).write_text(text)
    harden(top, **SETTINGS)
    assert "auth required pam_faillock.so preauth silent deny=3 fail_interval=60 audit" in lines(top)
    # A check that the role leaves alone keeps its options.
    (top / "etc/pam.d/system-auth").write_text(EL9)
    harden(top, **SETTINGS, quality="none")
    assert "password requisite pam_pwquality.so local_users_only minlen=8 dcredit=0" in lines(top)


def test_switching_off_takes_the_lines_out(top):
    harden(top)
    harden(top, faillock=False, remember=0)
    assert not any("faillock" in line or "pwhistory" in line for line in lines(top))


def test_without_a_strength_check_nothing_waits_for_its_password(top):
    (top / "usr/lib64/security/pam_pwquality.so").unlink()
    for name in ("system-auth", "password-auth"):
        path = top / "etc/pam.d" / name
        path.write_text("".join(line for line in PLAIN.splitlines(True) if "pwquality" not in line))
    packages = [{"name": "libpwquality", "module": "pam_pwquality.so", "families": ["redhat"], "state": "present"}]
    report, _tree = harden(top, packages=packages)
    assert report["missing_packages"] == ["libpwquality"]
    assert "password requisite pam_pwhistory.so remember=24 enforce_for_root" in lines(top)
    (top / "usr/lib64/security/pam_pwquality.so").touch()
    harden(top)
    passwords = [line for line in lines(top) if line.startswith("password")]
    assert passwords[0] == "password requisite pam_pwquality.so"
    assert "use_authtok" in passwords[1]


def test_a_stack_with_no_place_for_a_line_is_refused(top):
    (top / "etc/pam.d/system-auth").write_text("auth sufficient pam_unix.so\naccount required pam_unix.so\n")
    before = (top / "etc/pam.d/password-auth").read_text()
    with pytest.raises(HardeningError, match=r"system-auth: has no line auth pam_deny\.so"):
        harden(top)
    assert (top / "etc/pam.d/password-auth").read_text() == before


def test_systems_with_other_stacks_are_refused(top):
    (top / "etc/pam.d/system-auth").unlink()
    (top / "etc/pam.d/password-auth").unlink()
    with pytest.raises(HardeningError, match="system-auth does not exist in the target"):
        harden(top)
    with pytest.raises(HardeningError, match="passwdqc is for Debian and Ubuntu"):
        harden(top, quality="passwdqc")


# --- authselect ------------------------------------------------------------------------------------------------------


def test_a_custom_profile_is_made_and_selected_once(top, tool):
    _report, tree = harden(top, tool)
    features = ["with-faillock", "with-sudo", "without-nullok"]
    assert tool.calls[-1] == ["authselect", "select", "custom/hallmark", *features]
    assert [words[1] for words in tool.calls] == ["test", "test", "select"]
    assert lines(top) == [
        "auth required pam_env.so",
        "auth required pam_faillock.so preauth silent",
        "auth sufficient pam_unix.so",
        "auth required pam_faillock.so authfail",
        "auth required pam_deny.so",
        "account required pam_faillock.so",
        "account required pam_unix.so no_pass_expiry",
        "password requisite pam_pwquality.so",
        "password requisite pam_pwhistory.so use_authtok remember=24 enforce_for_root",
        "password sufficient pam_unix.so rounds=640000 sha512 shadow use_authtok",
        "password required pam_deny.so",
    ]
    assert (top / "etc/authselect/custom/hallmark/nsswitch.conf").exists()
    shipped = top / "usr/share/authselect/default/minimal/system-auth"
    assert shipped.read_text() == TEMPLATE
    assert "profile" in [change["key"] for change in tree.changes]
    tool.calls.clear()
    assert harden(top, tool)[1].changes == []
    assert tool.calls == []


def test_contradicting_options_of_a_template_do_not_get_into_the_profile(top, tool):
    shipped = top / "usr/share/authselect/default/minimal/system-auth"
    shipped.write_text(
        TEMPLATE.replace("preauth silent", "preauth silent deny=4 unlock_time=1200")
        .replace("authfail  ", "authfail deny=4 unlock_time=1200  ")
        .replace("pam_pwquality.so", "pam_pwquality.so local_users_only retry=3")
    )
    harden(top, tool, **SETTINGS)
    assert [line for line in lines(top) if "faillock" in line or "pwquality" in line] == [
        "auth required pam_faillock.so preauth silent",
        "auth required pam_faillock.so authfail",
        "account required pam_faillock.so",
        "password requisite pam_pwquality.so local_users_only",
    ]
    profile = (top / "etc/authselect/custom/hallmark/system-auth").read_text()
    assert profile.count('{include if "with-faillock"}') == 3
    tool.calls.clear()
    assert harden(top, tool, **SETTINGS)[1].changes == []


def test_features_come_and_go(top, tool):
    (top / "usr/lib64/security/pam_oddjob_mkhomedir.so").touch()
    harden(top, tool, extra_features=["with-mkhomedir"])
    assert "with-mkhomedir" in tool.calls[-1]
    harden(top, tool, faillock=False, remember=0, extra_features=["with-mkhomedir"])
    assert "with-faillock" not in tool.calls[-1]
    assert not any("faillock" in line or "pwhistory" in line for line in lines(top))
    with pytest.raises(HardeningError, match="extra_features: authselect's profile custom/hallmark has no feature x"):
        harden(top, tool, extra_features=["x"])


def test_a_given_profile_is_selected_as_it_is(top, tool):
    custom = top / "etc/authselect/custom"
    shutil.copytree(top / "usr/share/authselect/default/minimal", custom / "site")
    harden(top, tool, authselect_profile="custom/site")
    assert tool.calls[-1][2] == "custom/site"
    assert (custom / "site/system-auth").read_text() == TEMPLATE
    assert not (custom / "hallmark").exists()
    with pytest.raises(HardeningError, match="authselect_profile: winbind is not in"):
        harden(top, tool, authselect_profile="winbind")


def test_a_profile_that_would_lock_everybody_out_is_not_selected(top, tool):
    (top / "usr/lib64/security/pam_faillock.so").unlink()
    with pytest.raises(HardeningError, match=r"system-auth is left as it is, because .* pam_faillock\.so is not inst"):
        harden(top, tool)
    assert [words[1] for words in tool.calls] == ["test"]


def test_what_the_tool_says_is_passed_on(top, tool):
    tool.answer = (3, "[error] File was modified\n[error] Unexpected changes\n")
    with pytest.raises(HardeningError, match=r"Unexpected changes; when .* run authselect select minimal --force once"):
        harden(top, tool)


def test_check_mode_runs_no_program_and_writes_nothing(top, tool):
    before = {path: path.read_bytes() for path in top.rglob("*") if path.is_file()}
    _report, dry = harden(top, check_mode=True)
    assert {path: path.read_bytes() for path in top.rglob("*") if path.is_file()} == before
    assert harden(top, tool)[1].result() == dry.result()
