# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the emulator on its own: ``python -m emulators.alicloud`` with `tests` and `.collections` on PYTHONPATH."""

from __future__ import annotations

from emulators.alicloud import AlicloudEmulator, Delays
from emulators.common.command_line import machines_of, parser_of, set_delays, until_ended

TOLD = ("endpoint_url", "http_url", "metadata_url", "ca_file", "access_key", "secret_key", "image")


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    delays = Delays()
    parser = parser_of("alicloud", "An Alibaba Cloud endpoint on this computer.", "cn-hangzhou", delays)
    parser.add_argument("--http-port", type=int, default=0, help="of the http endpoint (default: a free one)")
    arguments = parser.parse_args()
    set_delays(delays, arguments.delay)
    ended = until_ended()
    with machines_of(arguments) as machines:
        ports = arguments.port, arguments.http_port
        with AlicloudEmulator(delays, machines, arguments.region, *ports) as cloud:
            for name in TOLD:
                print(f"{name}={getattr(cloud, name)}", flush=True)
            ended.wait()


if __name__ == "__main__":
    main()
