# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Debian base image is made of, as plain data: nothing here does anything.

Everything that goes into the image is in a Recipe or in the sources of this package, so ``Recipe.key`` names it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Releases that the recipe is made and tested for.
RELEASES = ("bookworm", "trixie")
MIRROR = "http://deb.debian.org/debian"
ARCHITECTURE = "amd64"
#: What a machine image needs besides what dpkg calls required. Each is here for a reason; provision adds the rest.
PACKAGES = (
    "linux-image-cloud-amd64",  # drivers of virtual machines only: a small initramfs with all of them
    "initramfs-tools",
    "zstd",
    "grub-cloud-amd64",  # keeps the loaders for BIOS and for UEFI up to date
    "systemd-sysv",
    "libpam-systemd",
    "dbus",
    "systemd-resolved",
    "systemd-timesyncd",
    "libnss-myhostname",  # sudo asks for the machine's own name; not every time over DNS
    "cloud-init",
    "cloud-guest-utils",  # growpart
    "openssh-server",
    "sudo",
    "python3",
    "python3-apt",  # Ansible's apt module
    "ca-certificates",
    "iproute2",
    "less",
)
#: Modules of this package whose code decides what is in the image.
MAKERS = ("recipe", "guest_files", "layout", "debian", "boot_loader")
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 4122, appendix C: names that are URLs


def source_code(name: str) -> str:
    """The source of a module of this package, be it in a folder or in the zip file that Ansible makes of a module."""
    full = f"{__package__}.{name}"
    spec = importlib.util.find_spec(full)
    source = spec and spec.loader and spec.loader.get_source(full)  # type: ignore[attr-defined]
    if not source:
        raise HallmarkError(f"{full}: its source is missing", "install the collection again")
    return source


@dataclass(frozen=True)
class Recipe:
    """A Debian base image as the user ordered it.

    :param release: code name.
    :param mirror: URL of the archive.
    :param security_mirror: URL of the security archive; None for ``debian-security`` beside ``debian``; empty for none.
    :param components: of both archives.
    :param packages: further packages.
    """

    release: str
    mirror: str = MIRROR
    security_mirror: str | None = None
    components: tuple[str, ...] = ("main",)
    packages: tuple[str, ...] = field(default=())

    def check(self) -> None:
        """Refuse what cannot work, before anything is begun.

        :raises HallmarkError: names the option, its value, and what would be right.
        """
        if self.release not in RELEASES:
            raise HallmarkError(f"release: {self.release!r} is not supported", f"one of {', '.join(RELEASES)}")
        for option, url in (("mirror", self.mirror), ("security_mirror", self.security_mirror or MIRROR)):
            parts = urlsplit(url)
            remote = parts.scheme in ("http", "https") and parts.netloc
            if not (remote or (parts.scheme in ("file", "copy") and parts.path)) or not url.isprintable() or " " in url:
                raise HallmarkError(f"{option}: {url!r} is no Debian mirror", f"a URL such as {MIRROR}")
        for option, names, pattern in (
            ("components", self.components, r"[a-z][a-z0-9/-]*"),
            ("packages", self.packages, r"[a-z0-9][a-z0-9+.:=~-]*"),
        ):
            wrong = [name for name in names if not re.fullmatch(pattern, name)]
            if wrong:
                raise HallmarkError(f"{option}: {wrong[0]!r} is no name of Debian's {option}")
        if not self.components:
            raise HallmarkError("components: is empty", "a list such as [main]")

    @property
    def security(self) -> str:
        """URL of the security archive, or an empty text. Debian's mirrors have it beside the main one."""
        if self.security_mirror is not None:
            return self.security_mirror
        mirror = self.mirror.rstrip("/")
        return f"{mirror}-security" if mirror.endswith("/debian") else ""

    @property
    def sources(self) -> list[str]:
        """Lines for sources.list: the release, its updates, its security updates."""
        components = " ".join(self.components)
        lines = [f"deb {self.mirror} {suite} {components}" for suite in (self.release, f"{self.release}-updates")]
        if self.security:
            lines.append(f"deb {self.security} {self.release}-security {components}")
        return lines

    @property
    def include(self) -> list[str]:
        """All packages that are asked for by name."""
        return sorted({*PACKAGES, *self.packages})

    @cached_property
    def key(self) -> str:
        """The cache's name for what this recipe makes: the digest of all that goes into it."""
        made_of = [self.release, ARCHITECTURE, self.sources, self.include]
        digest = hashlib.sha256(json.dumps(made_of).encode())
        for name in MAKERS:
            digest.update(source_code(name).encode())
        return f"debian-{self.release}-{digest.hexdigest()[:16]}"

    def identifier(self, what: str) -> str:
        """A UUID for a part of the disk: the same each time that the same image is made."""
        return str(uuid.uuid5(NAMESPACE, f"hallmark:{self.key}:{what}"))
