"""What a person wants tried of a mailbox."""

from dataclasses import dataclass
from pathlib import Path

from appliance.mailbox.record import Recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants tried.

    Attributes:
        send: also mail ourselves and find it again.
        box: the state directory of this box, by which its own claim is known.
        other: the address of a mailbox that the sign-in must not reach, or empty.
        record: where transcripts go, or None.
    """

    send: bool
    box: Path
    other: str = ""
    record: Recorder | None = None
