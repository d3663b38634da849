"""From a thread and its passages to the prompt, stable part first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.config.settings import Office
from appliance.domain.draft import Passage, Prompt, Sampling
from appliance.domain.errors import ThreadTooLong
from appliance.domain.mail import Message, Thread, Tokens
from appliance.prompt.budget import (
    PASSAGE_SHARE,
    TEMPLATE,
    Window,
    clipped,
    identifiers,
    leading,
)
from appliance.prompt.instructions import asked, chinese, standing
from appliance.prompt.neutral import FENCE, fenced, line, neutral

_QUOTED_LINES: Final = 80
_NAMES: Final = 10
_CLOSE: Final = "\n" + FENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The labels of the body in one language."""

    passage: str
    none: str
    ours: str
    theirs: str
    quoted: str
    carried: str
    mail: str
    sender: str
    subject: str
    date: str
    unread: str
    note: str


_EN: Final = _Words(
    passage="Passage",
    none="There are no passages for this mail.",
    ours="Earlier mail from us",
    theirs="Earlier mail from the customer",
    quoted="Earlier mails, quoted",
    carried="Also mentioned earlier",
    mail="Mail to answer",
    sender="From",
    subject="Subject",
    date="Date",
    unread="Attachments, not read",
    note="A colleague asks",
)
_ZH: Final = _Words(
    passage="资料",
    none="这封来信没有对应的资料。",
    ours="我方以往回信",
    theirs="顾客以往来信",
    quoted="引用的往来邮件",
    carried="此前还提到",
    mail="要回复的来信",
    sender="发件人",
    subject="主题",
    date="日期",
    unread="附件（未读取）",
    note="同事的要求",
)


def prefix(office: Office) -> str:
    """The stable part of every prompt of an office: instructions and the office's facts."""
    return standing(office)


def build(
    *,
    thread: Thread,
    passages: Sequence[Passage],
    office: Office,
    language: str,
    instruction: str,
    window: Window,
) -> Prompt:
    """The prompt for the newest mail of ``thread``.

    The body holds, in this order: passages, older turns, the newest mail whole, what to write. The
    newest mail comes first when room is shared out, then passages up to their share, then the
    newest turns; of older turns left out, the identifiers are carried along in one line.

    Args:
        thread: the mail to answer and what came before it.
        passages: best first.
        office: whose mail it is.
        language: BCP 47 of the reply.
        instruction: a person's wish for this draft, or empty.
        window: the room in the engine.

    Raises:
        ThreadTooLong: the newest mail alone leaves no room for a reply.
    """
    words = _ZH if chinese(office.language) else _EN
    stable = prefix(office)
    ending = _ending(words, language, instruction)
    newest = _newest(words, thread.newest, window)
    count = window.count
    room = window.context - office.writing.max_tokens - TEMPLATE - count(stable) - count(ending)
    room -= count(newest)
    if room < 0:
        raise ThreadTooLong("The mail alone does not fit into the engine's context.")
    turns = _turns(words, thread)
    shown = _passages(words, passages, int(room * PASSAGE_SHARE) if turns else room, count)
    room -= sum(count(block) + 1 for block in shown)
    older = _older(words, turns, newest, room, count)
    body = "\n\n".join((*shown, *older, newest, ending))
    return Prompt(prefix=stable, body=body, sampling=_sampling(office))


def _sampling(office: Office) -> Sampling:
    writing = office.writing
    return Sampling(
        temperature=writing.temperature,
        top_p=writing.top_p,
        top_k=writing.top_k,
        repeat_penalty=writing.repeat_penalty,
        max_tokens=Tokens(writing.max_tokens),
        stop=writing.stop,
    )


def _ending(words: _Words, language: str, instruction: str) -> str:
    note = f"{words.note}: {line(instruction)}\n" if instruction.strip() else ""
    return note + asked(language)


def _newest(words: _Words, message: Message, window: Window) -> str:
    """The mail to answer, whole, with what the reader of a mail sees around it."""
    head = [f"{words.sender}: {message.sender.name or '-'}", f"{words.subject}: {message.subject}"]
    day = window.today or (message.date.date() if message.date else None)
    if day:
        head.append(f"{words.date}: {day:%Y-%m-%d (%A)}")
    if message.attachments:
        names = (attachment.name or "-" for attachment in message.attachments[:_NAMES])
        head.append(f"{words.unread}: {', '.join(names)}")
    top = "\n".join(line(item) for item in head)
    return fenced(words.mail, f"{top}\n\n{message.question or message.text}")


def _turns(words: _Words, thread: Thread) -> list[str]:
    """The older turns, newest first; quoted history where the thread holds nothing else."""
    earlier = thread.messages[:-1]
    if not earlier:
        quoted = neutral(thread.newest.quoted)
        head = "\n".join(quoted.split("\n")[:_QUOTED_LINES])
        return [fenced(words.quoted, head)] if head else []
    return [_turn(words, thread, message) for message in reversed(earlier)]


def _turn(words: _Words, thread: Thread, message: Message) -> str:
    title = words.ours if message.id in thread.ours else words.theirs
    day = f" ({message.date:%Y-%m-%d})" if message.date else ""
    text = message.question or message.text
    names = ", ".join(line(attachment.name) for attachment in message.attachments[:_NAMES])
    return fenced(f"{title}{day}", f"{text}\n{words.unread}: {names}" if names else text)


def _passages(
    words: _Words, passages: Sequence[Passage], room: int, count: Callable[[str], Tokens]
) -> list[str]:
    """The best passages that fit; the best one is cut rather than left out."""
    blocks = [
        fenced(f"{words.passage} {number}: {line(passage.source)}", passage.text)
        for number, passage in enumerate(passages, 1)
    ]
    if not blocks:
        return leading([words.none], room, count)
    shown = leading(blocks, room, count)
    if shown:
        return shown
    head = clipped(blocks[0], room - count(_CLOSE), count)
    return [head + _CLOSE] if "\n" in head else []


def _older(
    words: _Words, turns: list[str], newest: str, room: int, count: Callable[[str], Tokens]
) -> list[str]:
    """The newest turns that fit, oldest first, after a line with what the others named."""
    kept = leading(turns, room, count)
    while len(kept) < len(turns):
        dropped = turns[len(kept) :]
        named = identifiers(dropped[::-1], "\n".join((*kept, newest)))
        if not named:
            break
        carried = fenced(words.carried, ", ".join(named))
        if sum(count(block) + 1 for block in (carried, *kept)) <= room:
            return [carried, *kept[::-1]]
        if not kept:
            break
        kept.pop()
    return kept[::-1]
