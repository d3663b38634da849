"""What is written: passages it rests on, what the engine is given and gives, drafts and replies."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from appliance.domain.mail import Address, MessageId, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of the owner's knowledge.

    ``source`` is ``file#heading`` (a csv row by its first cell, a txt entry by its title, the file
    alone where it has no heading); ``score`` grows with fitness within one search.
    """

    source: str
    text: str
    score: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the engine chooses tokens; ``temperature`` 0 means greedy.

    ``stop`` are strings that end a completion; they are not part of its text.
    """

    temperature: float = 0.3
    top_p: float = 0.9
    top_k: int = 40
    repeat_penalty: float = 1.05
    max_tokens: Tokens = Tokens(400)  # noqa: RUF009 - a NewType is its int
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What the engine is given, stable part first.

    Attributes:
        prefix: the system turn; the same for every mail of an office, so its KV cache is reused.
        body: the user turn: passages, thread, the mail to answer, what is asked.
        sampling: how to choose tokens.

    Neither text is ever tokenized with special tokens: only the model's own chat template is.
    """

    prefix: str
    body: str
    sampling: Sampling = Sampling()


FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What the engine gave.

    Attributes:
        text: without template tokens and stop strings.
        finish: ``stop`` (the engine ended it) or ``length`` (cut off by the limit).
        prompt_tokens: tokens of the whole prompt.
        cached_tokens: of those, how many were already in the KV cache.
        tokens: tokens written.
        prefill_seconds: time until the first token could be chosen.
        decode_seconds: time from then to the end.
    """

    text: str
    finish: FinishReason
    prompt_tokens: Tokens
    cached_tokens: Tokens
    tokens: Tokens
    prefill_seconds: float
    decode_seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Decode speed; 0 where nothing was written."""
        return self.tokens / self.decode_seconds if self.decode_seconds > 0 else 0.0


ENGINE: Final = "engine"
"""The author of a draft that the engine wrote; every other author is a person's login name."""


OUTSIDE: Final = "mail program"
"""The author of what a person sent from their own mail program; nobody tells us their name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A reply nobody approved yet; every version is kept.

    Attributes:
        version: 1, 2, 3 … within its job.
        author: ``ENGINE``, ``OUTSIDE`` or a person's login name.
        text: the body as it would leave, without signature and disclosure line.
        language: BCP 47 of the reply.
        passages: what the engine was shown.
        knowledge_version: state of the knowledge folder at that time.
        completion: figures of the generation (its text is what the engine wrote), or None.
        distance: how far a person's text is from the version before it: 0 (unchanged) to 1
            (nothing left), the normalised Levenshtein distance; None where there is none before.
    """

    version: int
    author: str
    text: str
    language: str
    created: datetime
    passages: tuple[Passage, ...] = ()
    knowledge_version: str = ""
    completion: Completion | None = None
    distance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The complete outgoing mail, every header chosen by code.

    Attributes:
        id: our Message-ID, derived from mailbox, original id and draft version.
        automatic: nobody looked at it; it is marked ``Auto-Submitted: auto-replied`` (RFC 3834 §5).
        headers: further headers ``(Name, value)`` in order (Auto-Submitted, loop header …).
        text: the body with signature and disclosure.
        original: our Message's uid, for mailboxes that thread by their own key.
    """

    id: MessageId
    in_reply_to: MessageId | None
    references: tuple[MessageId, ...]
    sender: Address
    sender_name: str
    recipient: Address
    recipient_name: str
    subject: str
    text: str
    date: datetime
    automatic: bool
    headers: tuple[tuple[str, str], ...] = ()
    original: str = ""


class Evidence(StrEnum):
    """What a mailbox can prove about a reply; absence of a copy is not proof everywhere.

    PENDING: nothing yet, because a call of ours may still be at work on the server; ask again.
    """

    SENT = "sent"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    PENDING = "pending"
