# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check process: pytest, our plugin, and nothing of the user's environment.

Started as a script by the action with the number of an inherited socket, the folder that holds
C(ansible_collections), the name of the machine, and pytest's arguments.
"""

from __future__ import annotations

import os
import socket
import sys
import types


def main(argv: list[str]) -> int:
    """Run pytest over the wire C(argv[0]); return its exit status."""
    fd, root, name, *arguments = argv
    # Made by hand: a regular package ansible_collections elsewhere (the PyPI package "ansible") would win over ours.
    package = types.ModuleType("ansible_collections")
    package.__path__ = [os.path.join(root, "ansible_collections")]
    sys.modules["ansible_collections"] = package

    import pytest

    from ansible_collections.hallmark.images.plugins.module_utils.baseline.checkplugin import make_plugin
    from ansible_collections.hallmark.images.plugins.module_utils.baseline.wire import Wire, WireClosed

    wire = Wire(socket.socket(fileno=int(fd)))
    try:
        status = pytest.main(arguments, plugins=[make_plugin(wire, name)])
        wire.send("end", status=int(status))
    except WireClosed:
        return 1  # the action is gone, or has had enough
    return int(status)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
