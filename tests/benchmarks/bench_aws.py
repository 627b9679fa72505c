# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds on AWS whose guest side is empty and whose states change at once: what the controller's side costs.

1, 10 and 50 definitions in one run (forks 50), or as many as the command line says: wall time, calls, peak memory. The
account is emulated over plain HTTP.
"""

from __future__ import annotations

import getpass

import cloud_runs

DEFINITION = f"""source: {{{{id: {{image}}}}}}
builder: {{{{region: us-east-1, source_cidrs: [127.0.0.0/8], ssh_port: {cloud_runs.PORT}}}}}
communicator: {{{{user: {getpass.getuser()}, timeout: 1800}}}}
hardening: false
boot_check: false
"""


def definition(account: cloud_runs.Account) -> str:
    """An image of the account's base image."""
    return DEFINITION.format(image=account.said["image"])


def environment(account: cloud_runs.Account) -> dict[str, str]:
    """Keys that the account takes, and where it is."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
    return {**keys, "AWS_ENDPOINT_URL": account.said["endpoint_url"]}


if __name__ == "__main__":
    cloud_runs.measure(cloud_runs.Cloud("aws", definition, environment))
