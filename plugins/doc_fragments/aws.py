# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How the modules of platform aws reach an account (plugins/module_utils/aws/connection.py)."""

    DOCUMENTATION = r"""
options:
  region:
    description: The region. That of boto3's configuration (C(AWS_REGION), the profile) when missing.
    type: str
  profile:
    description: A profile of the AWS configuration files.
    type: str
  access_key:
    description:
      - Id of an access key. Where it is missing, boto3 looks where it always does, in the environment, the profile, and
        the role of the machine that it runs on.
      - Keys given as options do not get into the ledger, so C(reap) needs them in the environment or a profile.
    type: str
  secret_key:
    description: The secret of O(access_key).
    type: str
  session_token:
    description: The token that belongs to temporary keys.
    type: str
  endpoint_url:
    description:
      - Another endpoint for all services and regions, for example a local test server. It must speak for all of them.
      - Where neither it nor O(endpoint_urls) names an endpoint for a service, boto3's own configuration does
        (C(AWS_ENDPOINT_URL_EC2) and the like, C(AWS_ENDPOINT_URL), the profile), and else it is that of AWS.
    type: str
  endpoint_urls:
    description:
      - Other endpoints for single services in O(region), for example VPC endpoints. They go before O(endpoint_url).
      - Other regions, as of copies, have other endpoints, so there it is as if none of these were given.
    type: dict
    suboptions:
      ec2:
        description: The endpoint of EC2, which also speaks for EBS snapshots.
        type: str
      iam:
        description: That of IAM, for temporary roles and instance profiles.
        type: str
      kms:
        description: That of KMS, for telling whose key one is.
        type: str
      service_quotas:
        description: That of Service Quotas.
        type: str
      ssm:
        description: That of Systems Manager, for a source image that a parameter names.
        type: str
      sts:
        description: That of STS, for O(assume_role) and for the reasons of refusals.
        type: str
  assume_role:
    description: A role to take on before anything else.
    type: dict
    suboptions:
      arn:
        description: The role's ARN.
        type: str
        required: true
      session_name:
        description: Name of the session, as it shows in CloudTrail.
        type: str
        default: hallmark
      external_id:
        description: The external id that the role asks for. It is no secret and is kept in the ledger.
        type: str
      duration:
        description: Seconds that the session lasts.
        type: int
        default: 3600
      policy:
        description: A session policy, which narrows what the role may do.
        type: dict
      policy_arns:
        description: Managed policies that narrow what the role may do.
        type: list
        elements: str
        default: []
      tags:
        description: Tags of the session.
        type: dict
        default: {}
      transitive_tag_keys:
        description: Names of those tags that sessions from this one keep.
        type: list
        elements: str
        default: []
  max_attempts:
    description: How often one call is tried when the API throttles it, or does not answer.
    type: int
    default: 10
requirements:
  - the Python package boto3
"""
