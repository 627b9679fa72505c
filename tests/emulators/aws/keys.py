# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of KMS that AWS manages, which moto takes for the account's own."""

from __future__ import annotations

import json

from moto.kms.responses import KmsResponse


class Keys(KmsResponse):
    """The action that differs from moto's."""

    def describe_key(self) -> str:
        answer = json.loads(super().describe_key())
        key = self.kms_backend.keys[answer["KeyMetadata"]["KeyId"]]
        if any(alias.startswith("alias/aws/") for alias in key.aliases):
            answer["KeyMetadata"]["KeyManager"] = "AWS"
        return json.dumps(answer)
