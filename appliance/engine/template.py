"""The model's own chat template: a prompt becomes tokens, and no token of it comes from a mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from appliance.domain.draft import Prompt
from appliance.domain.errors import ModelUnusable
from appliance.engine.vocabulary import Tokenizer

_SYSTEM: Final = "=SYSTEM=TEXT=STANDS=HERE="
_USER: Final = "=USER=TEXT=STANDS=HERE="
_BETWEEN: Final = "\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenized:
    """A prompt as tokens.

    ``stable`` is the number of leading tokens that depend on the template and the prompt's prefix
    alone; the same prefix always gives the same leading tokens.
    """

    tokens: tuple[int, ...]
    stable: int


class ChatTemplate:
    """The chat template of one model file, rendered once with marks where the texts belong.

    Only what the template itself wrote is read with special tokens; the two texts of a prompt are
    put in as plain text, so ``<|im_end|>`` inside a mail stays nine characters. A model without a
    system turn gets the prefix at the head of the user turn.

    Args:
        source: Jinja text from the model file.
        start, end: texts of the model's first and last token, for templates that write them.

    Raises:
        ModelUnusable: there is no template, or it cannot be used.
    """

    def __init__(self, source: str, *, start: str, end: str) -> None:
        if not source:
            raise ModelUnusable(
                "The model file has no chat template, so it is no model that answers. "
                "Take an instruct model."
            )
        pieces = _split(_render_turns(source, {"bos_token": start, "eos_token": end}))
        self._before, self._between, self._after = pieces

    def tokenize(self, prompt: Prompt, tokenizer: Tokenizer) -> Tokenized:
        """The whole prompt up to where the model begins to write."""
        stable = tokenizer.special(self._before)
        if tokenizer.start is not None and stable[:1] != [tokenizer.start]:
            stable.insert(0, tokenizer.start)
        stable += tokenizer.plain(prompt.prefix)
        stable += tokenizer.special(self._between)
        tokens = stable + tokenizer.plain(prompt.body) + tokenizer.special(self._after)
        return Tokenized(tokens=tuple(tokens), stable=len(stable))


def _render_turns(source: str, texts: Mapping[str, str]) -> str:
    """The template's text around the marks; with a system turn where the template has one."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _no_date
    try:
        template = environment.from_string(source)
    except TemplateError as error:
        raise ModelUnusable(
            "The chat template in the model file cannot be read. Take another model file."
        ) from error
    system_turn = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _USER}]
    one_turn = [{"role": "user", "content": _SYSTEM + _BETWEEN + _USER}]
    for turns in (system_turn, one_turn):
        text = _render(template, turns, texts)
        if text.count(_SYSTEM) == 1 and text.count(_USER) == 1:
            return text
    raise ModelUnusable(
        "The chat template in the model file takes no plain question. Take another model file."
    )


def _render(
    template: Template, turns: Sequence[Mapping[str, str]], texts: Mapping[str, str]
) -> str:
    """The rendered text, or nothing where the template refuses these turns."""
    try:
        return template.render(
            messages=turns,
            add_generation_prompt=True,
            enable_thinking=False,
            **texts,
        )
    except (TemplateError, TypeError, ValueError):
        return ""


def _split(text: str) -> tuple[str, str, str]:
    before, _, rest = text.partition(_SYSTEM)
    between, _, after = rest.partition(_USER)
    return before, between, after


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)


def _no_date(_format: str) -> str:
    """No date: a prefix that changes every day would be read anew every day."""
    return ""
