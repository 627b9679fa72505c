# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""User data for cloud-init: several parts as one (MIME), whatever format each of them has."""

from __future__ import annotations

import email
import gzip
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: How cloud-init tells what a part is (cloudinit/handlers/__init__.py, INCLUSION_TYPES_MAP).
KINDS = {
    "#!": "x-shellscript",
    "#cloud-config-archive": "cloud-config-archive",
    "#cloud-config-jsonp": "cloud-config-jsonp",
    "#cloud-config": "cloud-config",
    "#cloud-boothook": "cloud-boothook",
    "#include-once": "x-include-once-url",
    "#include": "x-include-url",
    "#part-handler": "part-handler",
    "## template: jinja": "jinja2",
}
MIME = ("content-type:", "mime-version:")
#: The host's public keys on the console are how the controller learns whom it talks to.
CONFIG = "#cloud-config\nssh: {emit_keys_to_console: true}\n"


def combine(parts: list[str], own: str, most: int) -> bytes:
    """What a machine gets as user data.

    :param parts: the collection's own.
    :param own: the user's own, in any format that cloud-init knows; empty for none.
    :param most: bytes that the cloud takes; what is larger is compressed.
    :raises HallmarkError: when its format is none of cloud-init's, or it is too large.
    """
    whole = MIMEMultipart()
    for text in parts:
        whole.attach(_part(text))
    if own.strip():
        whole.attach(_own(own))
    data = whole.as_bytes()
    if len(data) > most:
        data = gzip.compress(data, mtime=0)  # cloud-init unpacks it
    if len(data) > most:
        raise HallmarkError(f"user_data: {len(data)} bytes even when compressed", f"at most {most}")
    return data


def own_user_data(params: dict[str, Any]) -> str:
    """The user's own, from the options user_data and user_data_file; empty for none.

    :raises HallmarkError: when the file cannot be read.
    """
    path = params["user_data_file"]
    if not path:
        return params["user_data"] or ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HallmarkError(f"user_data_file: {path}: {getattr(error, 'strerror', None) or error}") from None


def check_cloud_init(text: str) -> None:
    """Refuse what cloud-init would ignore, printing the beginning of it on the console. No message shows any of it, for
    it may hold secrets.

    :raises HallmarkError: when its format is none of cloud-init's, or it is a cloud-config that cannot be read.
    """
    if not text.strip() or _is_mime(text) or _kind(text) != "cloud-config":
        return
    right = "a mapping in YAML after #cloud-config"
    try:
        config = yaml_load(text.encode())  # libyaml takes no kind of str but str itself, and Ansible has its own
    except Exception as error:
        mark = getattr(error, "problem_mark", None)
        where = f", which line {mark.line + 1} is not" if mark else ""
        raise HallmarkError("user_data: cannot be read", right + where) from None
    if config is not None and not isinstance(config, dict):
        raise HallmarkError("user_data: is no cloud-config", right)


def _is_mime(text: str) -> bool:
    return text.lstrip()[:512].lower().startswith(MIME)


def _kind(text: str) -> str:
    """What a part is, found as cloud-init finds it: blanks before it and the case of letters do not count.

    :raises HallmarkError: when it is nothing that cloud-init knows.
    """
    head = text.lstrip()[:512].lower()
    for beginning, kind in KINDS.items():
        if head.startswith(beginning):
            return kind
    raise HallmarkError(
        "user_data: of no kind that cloud-init knows",
        "a text that begins with #cloud-config, with #! as a script, or with another header of cloud-init",
    )


def _own(text: str) -> Message:
    if _is_mime(text):
        return email.message_from_string(text.lstrip())
    check_cloud_init(text)
    return _part(text)


def _part(text: str) -> Message:
    part = MIMEText(text, _kind(text), "utf-8")
    del part["Content-Disposition"]
    return part
