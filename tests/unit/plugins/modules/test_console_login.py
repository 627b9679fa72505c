# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.hallmark.images.plugins.modules import console_login


def test_the_module_itself(tmp_path, capsys):
    def run(**arguments):
        with patch_module_args({"root": str(tmp_path), **arguments}), pytest.raises(SystemExit):
            console_login.main()
        return json.loads(capsys.readouterr().out)

    drop_in = tmp_path / "etc/systemd/system/getty@tty1.service.d/auto.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nExecStart=-/sbin/agetty -a root %I\n")
    (tmp_path / "etc/passwd").write_text(f"root:x:{os.getuid()}:{os.getgid()}::/root:/bin/sh\n")
    (tmp_path / "etc/shadow").write_text("root:$y$hash:20000:0:99999:7:::\n")

    dry = run(_ansible_check_mode=True)
    assert [item["path"] for item in dry["changes"]] == ["/etc/shadow", f"/{drop_in.relative_to(tmp_path)}"]
    assert "hash" in (tmp_path / "etc/shadow").read_text()
    assert run(lock_root=False, stop_autologin=False)["changed"] is False
    done = run()
    assert done["changes"] == dry["changes"]
    assert "$y$" not in json.dumps(done)
    assert run()["changed"] is False
    assert run(enforce_securetty=True)["msg"].startswith("enforce_securetty: /etc/pam.d/login does not exist")
