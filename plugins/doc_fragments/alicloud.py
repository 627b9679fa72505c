# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How the modules of platform alicloud reach an account (plugins/module_utils/alicloud/connection.py)."""

    DOCUMENTATION = r"""
options:
  region:
    description:
      - The region. C(ALICLOUD_REGION), C(ALIBABA_CLOUD_REGION_ID) or the region of the profile when missing.
    type: str
  profile:
    description:
      - A profile of the aliyun CLI, of mode V(AK), V(StsToken), V(RamRoleArn) or V(EcsRamRole). C(ALICLOUD_PROFILE) or
        C(ALIBABA_CLOUD_PROFILE) when missing; and where there are no keys either, the file's current profile.
    type: str
  shared_credentials_file:
    description:
      - The file of profiles. C(ALICLOUD_SHARED_CREDENTIALS_FILE), or C(~/.aliyun/config.json), when missing.
    type: path
  access_key:
    description:
      - Id of an access key. C(ALICLOUD_ACCESS_KEY) or C(ALIBABA_CLOUD_ACCESS_KEY_ID) when missing.
      - Keys given as options do not get into the ledger, so C(reap) needs them in the environment or a profile.
    type: str
  secret_key:
    description: The secret of O(access_key). C(ALICLOUD_SECRET_KEY) or C(ALIBABA_CLOUD_ACCESS_KEY_SECRET) when missing.
    type: str
  security_token:
    description:
      - The token that belongs to temporary keys. C(ALICLOUD_SECURITY_TOKEN) or C(ALIBABA_CLOUD_SECURITY_TOKEN) when
        missing; and C(SECURITY_TOKEN), as Packer reads it, with C(ALICLOUD_ACCESS_KEY) and C(ALICLOUD_SECRET_KEY).
    type: str
  ram_role_name:
    description:
      - Take the keys of this RAM role from the metadata service of the ECS instance that the controller is.
      - C(ALIBABA_CLOUD_ECS_METADATA) when missing, and no keys or profile are found.
    type: str
  endpoint_url:
    description:
      - Another endpoint for all calls, for example a local test server. It must be HTTPS; C(ALIBABA_CLOUD_CA_BUNDLE) in
        the environment names a file with the authorities that its certificate may come from.
    type: str
  endpoint_urls:
    description:
      - Endpoints by the name of the service, of V(ecs), V(vpc), V(kms) and V(sts). They come before O(endpoint_url)
        and are, as that, HTTPS and for all regions.
    type: dict
  assume_role:
    description: A RAM role to take on before anything else. C(ALIBABA_CLOUD_ROLE_ARN) when missing.
    type: dict
    suboptions:
      arn:
        description: The role's ARN.
        type: str
        required: true
      session_name:
        description: Name of the session, as it shows in ActionTrail.
        type: str
        default: hallmark
      external_id:
        description: The external id that the role asks for. It is no secret and is kept in the ledger.
        type: str
      duration:
        description: Seconds that the session lasts. It is renewed before it ends.
        type: int
        default: 3600
      policy:
        description: A session policy, which narrows what the role may do.
        type: dict
  max_attempts:
    description: How often one call is tried when the API throttles it, or does not answer.
    type: int
    default: 10
requirements:
  - the Python package footmark
notes:
  - All calls are made over HTTPS.
"""
