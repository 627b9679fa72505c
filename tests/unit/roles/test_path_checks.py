# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area path on made-up machines: it fails when, and only when, root's search path is broken."""

from __future__ import annotations

import pytest

GOOD = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def facts(areas, replace=()):
    """A hardened machine whose answer has parts replaced (old must be there)."""
    answer = f"a login shell: {GOOD}\na login of root: {GOOD}\na session: {GOOD}\nan interactive bash: {GOOD}\n"
    answer += f"sudo: {GOOD}\nthis connection: {GOOD}\nservices: {GOOD}\n=texts\n"
    answer += f"""==> /etc/environment <==

==> /etc/login.defs <==
ENV_SUPATH PATH={GOOD}
==> /etc/profile <==
# PATH=.
  PATH="{GOOD}"
==> /etc/sudoers <==
Defaults\tsecure_path="{GOOD}"
==> /etc/crontab <==
#PATH=.
17 * * * * root cd / && run-parts --report /etc/cron.hourly
==> /root/.bashrc <==
PATH=$PATH:~/bin
"""
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return areas["path"].module.Paths(answer)


@pytest.mark.parametrize(
    ("old", "new", "fails"),
    [
        ("", "", False),
        (f"a login shell: {GOOD}", f"a login shell: {GOOD}:", True),
        (f"a login shell: {GOOD}\n", "", True),
        (f"a login of root: {GOOD}", f"a login of root: .:{GOOD}", True),
        (f"a session: {GOOD}", f"a session: {GOOD}:bin", True),
        (f"sudo: {GOOD}", f"sudo: :{GOOD}", True),
        (f"sudo: {GOOD}\n", "", False),
        (f"an interactive bash: {GOOD}", "an interactive bash: /usr/bin::/bin", True),
        (f"this connection: {GOOD}", "this connection: ..", True),
        (f"services: {GOOD}", "services: ", True),
        ("/etc/environment <==\n", "/etc/environment <==\nPATH=/usr/bin:.\n", True),
        (f"ENV_SUPATH PATH={GOOD}", f"ENV_SUPATH PATH={GOOD}:", True),
        (f'secure_path="{GOOD}"', f'secure_path="{GOOD}:."', True),
        ("$PATH:~/bin", "$PATH:bin", True),
        ("$PATH:~/bin", '"$PATH":$HOME/bin', False),
        ("#PATH=.", "PATH=.", True),
    ],
)
def test_a_broken_path_fails(areas, old, new, fails):
    found = areas["path"].failing(facts(areas, [(old, new)] if old else []))
    assert found == ({"os-04"} if fails else set())
