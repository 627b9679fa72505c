# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the emulator on its own: ``python -m emulators.aws`` with `tests` and `.collections` on PYTHONPATH."""

from __future__ import annotations

from emulators.aws import AwsEmulator, Delays
from emulators.common.command_line import machines_of, parser_of, set_delays, until_ended


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    delays = Delays()
    arguments = parser_of("aws", "An AWS endpoint on this computer.", "us-east-1", delays).parse_args()
    set_delays(delays, arguments.delay)
    ended = until_ended()
    with machines_of(arguments) as machines, AwsEmulator(delays, machines, arguments.region, arguments.port) as aws:
        print(f"endpoint_url={aws.endpoint_url} image={aws.image}", flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
