# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where calls go: the products of the API, its regions, and the host of each product in a region."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Version and endpoint of each product (api.aliyun.com, "Endpoints").
PRODUCTS = {
    "Ecs": ("2014-05-26", "ecs.{region}.aliyuncs.com"),
    "Vpc": ("2016-04-28", "vpc.{region}.aliyuncs.com"),
    "Sts": ("2015-04-01", "sts.{region}.aliyuncs.com"),
}
REGION = re.compile(r"^[a-z]{2,3}(-[a-z0-9]+)+$")
#: ECS user guide, "Regions and zones".
REGIONS = (
    *("cn-beijing", "cn-chengdu", "cn-fuzhou", "cn-guangzhou", "cn-hangzhou", "cn-heyuan", "cn-hongkong"),
    *("cn-huhehaote", "cn-nanjing", "cn-qingdao", "cn-shanghai", "cn-shenzhen", "cn-wuhan-lr", "cn-wulanchabu"),
    *("cn-zhangjiakou", "cn-zhengzhou-jva", "cn-beijing-finance-1", "cn-hangzhou-finance", "cn-shanghai-finance-1"),
    *("cn-shenzhen-finance-1", "cn-north-2-gov-1", "ap-northeast-1", "ap-northeast-2", "ap-south-1"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
    *("eu-central-1", "eu-west-1", "me-central-1", "me-east-1", "na-south-1", "us-east-1", "us-southeast-1"),
    "us-west-1",
)


def check_region(key: str, region: str, any_name: bool = False) -> str:
    """A region's id. One that does not exist is refused here: there would be no host to ask.

    :param any_name: whether it may be one that is not in REGIONS, because calls go to an endpoint that was given.
    :raises HallmarkError: when it is none.
    """
    if region not in REGIONS and not (any_name and REGION.match(region)):
        near = [name for name in REGIONS if name.split("-")[0] == region.split("-")[0]]
        raise HallmarkError(
            f"{key}: {region!r}", f"a region's id, as {', '.join(near or REGIONS)}; or endpoint_url for another"
        )
    return region


def check_endpoint(url: str | None) -> str:
    """Host and port of an endpoint; empty for none.

    :raises HallmarkError: when it is not HTTPS: keys, user data and passwords go there.
    """
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
        raise HallmarkError(f"endpoint_url: {url}", "https:// and a host, as https://ecs.example.com:8443")
    return parts.netloc
