# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import email
import gzip
import os
import subprocess
import time

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.aws import userdata
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

EXPIRES = "2026-11-24T21:00:00+00:00"


def parts(data: bytes) -> list[tuple[str, str]]:
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    message = email.message_from_bytes(data)
    return [
        (part.get_content_type(), part.get_payload(decode=True).decode())
        for part in message.walk()
        if not part.is_multipart()
    ]


def test_the_timer_comes_first_and_is_a_program_that_a_shell_takes():
    kind, text = parts(userdata.compose("", EXPIRES))[0]
    assert kind == "text/cloud-boothook"
    assert "left=$(( 1795554000 - $(date +%s) ))" in text
    script = text.removeprefix("#cloud-boothook\n")
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize(("now", "seconds"), [(0, 1795554000), (1795554001, 0)])
def test_the_timer_counts_to_the_deadline_and_holds_nothing_up(tmp_path, now, seconds):
    log = tmp_path / "log"
    os.mkfifo(tmp_path / "go")
    programs = {
        "date": f"echo {now}",
        "sleep": f'read -r go <"{tmp_path}/go"; echo "sleep $1" >>"{log}"',
        "poweroff": f'echo poweroff >>"{log}"',
    }
    for name, body in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    script = parts(userdata.compose("", EXPIRES))[0][1].removeprefix("#cloud-boothook\n")
    # Waits for the end of the script and of all that hold its output open, as cloud-init does; "sleep" sleeps on.
    done = subprocess.run(
        ["/bin/sh"], input=script, text=True, capture_output=True, env={"PATH": str(tmp_path)}, check=False, timeout=30
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    (tmp_path / "go").write_text("\n")
    deadline = time.monotonic() + 30
    while not (log.exists() and "poweroff" in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log.read_text() == f"sleep {seconds}\npoweroff\n"


@pytest.mark.parametrize(
    ("own", "kind"),
    [
        ("#!/bin/sh\ntrue\n", "text/x-shellscript"),
        ("#cloud-config\npackages: [vim]\n", "text/cloud-config"),
        ("#cloud-config-archive\n- []\n", "text/cloud-config-archive"),
        ("#include\nhttps://example.com/x\n", "text/x-include-url"),
        ("## template: jinja\n#cloud-config\n{}\n", "text/jinja2"),
    ],
)
def test_each_format_of_cloud_init_is_told_by_its_type(own, kind):
    assert parts(userdata.compose(own, EXPIRES))[-1] == (kind, own)


def test_a_multipart_of_the_user_keeps_its_parts():
    own = 'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n--x--\n'
    assert parts(userdata.compose(own, EXPIRES))[-1] == ("text/x-shellscript", "#!/bin/sh")


@pytest.mark.parametrize("own", ["hello canary", "#cloud-config\na: [canary", "#cloud-config\n- canary\n"])
def test_what_cloud_init_would_not_take_is_refused_and_not_shown(own):
    with pytest.raises(HallmarkError, match=r"user_data: .*#cloud-config") as caught:
        userdata.compose(own, EXPIRES)
    assert "canary" not in str(caught.value)


def test_what_is_large_is_compressed_and_what_is_too_large_is_refused():
    large = "#!/bin/sh\n" + "# the same line again\n" * 2000
    assert parts(userdata.compose(large, EXPIRES))[-1][1] == large
    noise = "".join(chr(33 + number * number * 7919 % 90) + chr(33 + number * 31337 % 89) for number in range(40000))
    with pytest.raises(HallmarkError, match=r"user_data: \d+ bytes even when compressed: at most 16384"):
        userdata.compose("#!/bin/sh\n# " + noise[::3] + noise[1::7] + noise[2::5] * 9, EXPIRES)
