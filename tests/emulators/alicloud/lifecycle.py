# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's way from its launch to its end, and the machine behind it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta

from emulators.alicloud.eips import unbind
from emulators.alicloud.things import Disk, Eip, Instance, KeyPair
from emulators.alicloud.world import World
from emulators.common.world import Guest
from emulators.machines import Spec


def begin(world: World, instance: Instance, run: bool) -> None:
    """Let an instance that was just made come up, or come to be stopped."""
    instance.state = "Pending"
    reason = world.failing()

    def pending_ends() -> None:
        if instance.state != "Pending" or instance.released:
            return
        if reason is not None:  # it vanishes, as one for which there was no room after all does
            release(world, instance)
        else:
            instance.state = "Stopped"

    def made() -> None:
        if instance.state == "Stopped" and not instance.released:
            start(world, instance, world.delays.running / 4)

    world.later(world.delays.running / 2, pending_ends)
    if run:
        world.later(world.delays.running * 3 / 4, made)


def start(world: World, instance: Instance, seconds: float) -> None:
    """Start an instance and what is behind it."""
    instance.state, instance.stopped_mode, instance.ran, instance.started = "Starting", "", True, world.time()
    if world.machines is not None:
        guest = world.guests.get(instance.id) or give_machine(world, instance)
        world.note_problem(f"start {instance.id}", guest.do(lambda machine: machine.boot()))

    def running() -> None:
        if instance.state == "Starting":
            instance.state = "Running"

    world.later(seconds, running)


def give_machine(world: World, instance: Instance) -> Guest:
    """Put a machine behind an instance that is started for the first time: with what it has at that moment."""
    machines = world.machines
    assert machines is not None
    pairs = [pair for pair in world.all(KeyPair, instance.region) if pair.name == instance.key_pair]
    sizes = [disk.size for disk in disks(world, instance) if disk.type == "system"]
    spec = Spec(
        instance.id,
        instance.addresses,
        [pair.public for pair in pairs],
        base64.b64decode(instance.user_data).decode(),
        world.disks.get(instance.image),
        sizes[0],
        instance.password,
    )
    guest = Guest(lambda: machines.create(spec, lambda: ended_itself(world, instance)))
    world.guests[instance.id] = guest
    return guest


def stop(world: World, instance: Instance, mode: str = "KeepCharging", restart: bool = False) -> None:
    """Stop an instance and what is behind it; nobody waits for it."""
    instance.state, instance.stopped_mode = "Stopping", mode
    guest = world.guests.get(instance.id)
    down = guest.do(lambda machine: machine.shut_down()) if guest else None

    def stopped() -> None:
        if instance.state == "Stopping":
            instance.state = "Stopped"
            if restart:
                start(world, instance, world.delays.running / 2)

    world.later(world.delays.stopped, stopped, down.done if down else None)


def release(world: World, instance: Instance) -> None:
    """Release an instance; it holds what it uses until it is gone."""
    if instance.released:
        return
    instance.released = True
    for eip in world.all(Eip):
        if eip.instance == instance.id:
            unbind(world, eip)
    relay = world.relays.pop(instance.public, None)
    if relay:  # an address that came later than the machine
        relay.close()
    guest, machines = world.guests.pop(instance.id, None), world.machines
    gone: Callable[[], bool] | None = None
    if guest and machines:
        gone = guest.do(lambda _machine: machines.destroy(instance.id)).done
    # With a machine goes what it listens at.
    left = {*instance.addresses, instance.public} - ({"", *instance.addresses} if guest else {""})
    for address in left if machines else ():
        machines.addresses.give_back(address)

    def released() -> None:
        for disk in disks(world, instance):
            if disk.with_instance:
                world.drop(disk)
            else:
                disk.instance, disk.device, disk.state = "", "", "Available"
        world.drop(instance)

    world.later(world.delays.released, released, gone)


def release_at_its_time(world: World, instance: Instance) -> None:
    """Let an instance be released when the time that it has then has come."""
    when = instance.release
    if when is None:
        return

    def due() -> None:
        if instance.release == when and instance.id in world.things:
            release(world, instance)

    # A tick later than the time itself, so that a clock that is read twice does not find it too early.
    world.later((when - world.time()) / timedelta(seconds=1) + 0.001, due)


def ended_itself(world: World, instance: Instance) -> None:
    """The machine behind an instance shut itself down."""
    with world.lock:
        world.settle()
        if instance.state in ("Starting", "Running"):
            stop(world, instance)


def disks(world: World, instance: Instance) -> list[Disk]:
    """The disks of an instance, the system disk first."""
    return [disk for disk in world.all(Disk, instance.region) if disk.instance == instance.id]
