# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where calls go: the products of the API, its regions, and the host of each product in a region."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Options that name endpoints.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {"endpoint_url": {"type": "str"}, "endpoint_urls": {"type": "dict"}}
#: Version and endpoint of each product (api.aliyun.com, "Endpoints").
PRODUCTS = {
    "Ecs": ("2014-05-26", "ecs.{region}.aliyuncs.com"),
    "Vpc": ("2016-04-28", "vpc.{region}.aliyuncs.com"),
    "Kms": ("2016-01-20", "kms.{region}.aliyuncs.com"),
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


def given_endpoints(options: dict[str, Any]) -> dict[str, str]:
    """Host and port of each product whose calls do not go where Alibaba Cloud has it, by the product's name.

    :param options: endpoint_url, for all products, and endpoint_urls, for those that it names.
    :raises HallmarkError: naming option and value, when there is no such product, or the endpoint is none.
    """
    services = {product.lower(): product for product in PRODUCTS}
    urls = options.get("endpoint_urls") or {}
    for service, url in urls.items():
        if service not in services:
            raise HallmarkError(f"endpoint_urls: {service}: {url}", f"a service of {', '.join(services)}")
    given = {
        product: check_endpoint(f"endpoint_urls: {service}", urls[service])
        if service in urls
        else check_endpoint("endpoint_url", options.get("endpoint_url"))
        for service, product in services.items()
    }
    return {product: host for product, host in given.items() if host}


def check_endpoint(key: str, url: Any) -> str:
    """Host and port of an endpoint; empty for none.

    :param key: the option, for the message.
    :raises HallmarkError: when it is not HTTPS: keys, user data and passwords go there.
    """
    if not url:
        return ""
    parts = urlsplit(str(url))
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
        raise HallmarkError(f"{key}: {url}", "https:// and a host, as https://ecs.example.com:8443")
    return parts.netloc
