# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from emulators.alicloud.fixtures import cloud, start_cloud
from emulators.aws.fixtures import ec2, key, start

__all__ = ["cloud", "ec2", "key", "start", "start_cloud"]
