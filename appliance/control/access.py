"""Who is calling, told by the kernel, and what the groups of this machine let them do."""

import grp
import os
import pwd
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from appliance.control.protocol import Caller, Role

GROUPS: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "appliance-view": Role.VIEW,
        "appliance-review": Role.REVIEW,
        "appliance-admin": Role.ADMIN,
    }
)
"""Members of these groups may do this much."""

Membership = Callable[[int, int], tuple[str, frozenset[str]]]
"""Uid and primary gid → login name (the bare uid where there is none) and names of all groups."""

_CREDENTIALS: Final = struct.Struct("=iII")


def membership(uid: int, gid: int) -> tuple[str, frozenset[str]]:
    """Login name and group names from the user database; a group without a name is none."""
    gids = {gid}
    name = str(uid)
    with suppress(KeyError, OSError):
        entry = pwd.getpwuid(uid)
        name = entry.pw_name
        gids.update(os.getgrouplist(name, entry.pw_gid))
    names = set()
    for group in gids:
        with suppress(KeyError, OSError):
            names.add(grp.getgrgid(group).gr_name)
    return name, frozenset(names)


def caller(
    connection: socket.socket,
    membership: Membership = membership,
    trusted: frozenset[int] | None = None,
) -> Caller:
    """Who is at the other end of a connected unix socket (SO_PEERCRED, unix(7)).

    ``trusted`` uids are administrators whatever their groups: root and this process's own user,
    unless told otherwise.

    Raises:
        OSError: the kernel does not tell.
    """
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    name, groups = membership(uid, gid)
    administrators = {0, os.geteuid()} if trusted is None else trusted
    highest = Role.ADMIN if uid in administrators else _highest(groups)
    return Caller(uid=uid, gid=gid, pid=pid, name=name, roles=_up_to(highest))


def _highest(groups: Iterable[str]) -> int:
    return max((GROUPS[group] for group in groups if group in GROUPS), default=0)


def _up_to(highest: int) -> frozenset[Role]:
    return frozenset(role for role in Role if role <= highest)
