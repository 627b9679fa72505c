# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds on Alibaba Cloud whose guest side is empty and whose states change at once: what the controller's side costs.

1, 10 and 50 definitions in one run (forks 50), or as many as the command line says: wall time, calls, peak memory. The
account is emulated over HTTPS. Each build makes a VPC, vSwitches and an elastic IP address of its own.

Then one build is compared with the same one by Packer 1.6.6 (Debian: package packer), one after the other in the same
account: of the same image and instance type, with the same kind of network and address, and an empty guest side, from
the start of the program until all is removed. Packer speaks plain HTTP, for which the account is its proxy. What it
takes depends on how long states take, for it pauses 5 s between two looks at one; what ours takes is mostly Ansible's
own time on the processor. So the comparison is made twice: where each state takes half a second, which is less than
any takes in life, and where all change at once, which says what remains without any pause.
"""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cloud_runs

REGION = "cn-hangzhou"
TYPE = "ecs.c6.large"
#: How many seconds each state takes → the most that ours may take of Packer's time; None for a value without a limit.
COMPARED = {0.5: 0.333, 0.0: None}
STATES = ("vpc", "vswitch", "running", "stopped", "released", "eip", "snapshot", "image")
DEFINITION = f"""source: {{{{id: {{image}}}}}}
builder:
  region: {REGION}
  endpoint_url: {{endpoint_url}}
  source_cidrs: [127.0.0.0/8]
  ssh_port: {cloud_runs.PORT}
  instance_types: [{TYPE}]
  eip: true
communicator: {{{{user: {getpass.getuser()}, timeout: 1800}}}}
hardening: false
boot_check: false
"""


def definition(account: cloud_runs.Account) -> str:
    """An image of the account's base image."""
    return DEFINITION.format(**account.said)


def environment(account: cloud_runs.Account) -> dict[str, str]:
    """The account's keys, and the authority that it is trusted by."""
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": account.said["access_key"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": account.said["secret_key"],
        "ALIBABA_CLOUD_CA_BUNDLE": account.said["ca_file"],
    }


def template(account: cloud_runs.Account) -> dict[str, Any]:
    """What Packer is to build."""
    builder = {
        "type": "alicloud-ecs",
        "access_key": account.said["access_key"],
        "secret_key": account.said["secret_key"],
        "region": REGION,
        "source_image": account.said["image"],
        "instance_type": TYPE,
        "io_optimized": True,
        "associate_public_ip_address": True,
        "internet_charge_type": "PayByTraffic",
        "ssh_username": getpass.getuser(),
        "ssh_port": cloud_runs.PORT,
        "image_name": "made-by-packer",
    }
    return {"builders": [builder]}


def packer(account: cloud_runs.Account) -> dict[str, float]:
    """Time and calls of a build by Packer."""
    known = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as name:
        folder = Path(name)
        (folder / "template.json").write_text(json.dumps(template(account)))
        own = {"HTTP_PROXY": account.said["http_url"], "CHECKPOINT_DISABLE": "1"}
        own |= {"PACKER_CONFIG_DIR": name, "PACKER_CACHE_DIR": str(folder / "cache")}
        before = len(account.calls())
        begun = time.monotonic()
        command = ["packer", "build", "-color=false", "template.json"]
        subprocess.run(command, cwd=folder, env={**known, **own}, check=True, stdout=sys.stderr)
        wall = time.monotonic() - begun
    calls = len(account.calls(before))
    print(f"Packer: {wall:.1f} s, {calls} calls", file=sys.stderr)
    return {"wall": wall, "calls": calls}


def compare() -> list[dict[str, Any]]:
    """One build by ours and one by Packer."""
    results = []
    for delay, limit in COMPARED.items():
        account = cloud_runs.Account("alicloud", *(f"--delay={state}={delay}" for state in STATES))
        try:
            ours, theirs = cloud_runs.run(CLOUD, account, 1), packer(account)
        finally:
            account.stop()
        results.append(
            {
                "name": f"alicloud: 1 build where states take {delay:g} s, time / Packer 1.6.6's",
                "value": round(ours["wall"] / theirs["wall"], 3),
                "unit": "ratio",
                **({"limit": limit} if limit else {}),
                "detail": " to ".join(f"{one['wall']:.1f} s, {one['calls']:.0f} calls" for one in (ours, theirs)),
            }
        )
    return results


CLOUD = cloud_runs.Cloud("alicloud", definition, environment)

if __name__ == "__main__":
    cloud_runs.measure(CLOUD, compare)
