"""The language of the command line: gettext catalogues, English where there is none."""

import gettext
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LOCALE: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "appliance"
ARGPARSE: Final = "argparse"


class Words:
    """Translates a sentence into the language that was chosen; callable."""

    def __init__(self) -> None:
        self._catalogue: gettext.NullTranslations = gettext.NullTranslations()
        self.language = "en"

    def choose(self, language: str) -> None:
        """Use ``language`` (``en`` or ``zh-Hans``) from now on, in what argparse says too."""
        self.language = language
        name = language.replace("-", "_")
        self._catalogue = gettext.translation(DOMAIN, LOCALE, languages=[name], fallback=True)
        # argparse asks gettext's default domain, which goes by the environment.
        gettext.bindtextdomain(ARGPARSE, LOCALE)
        gettext.textdomain(ARGPARSE)
        os.environ["LANGUAGE"] = name

    def __call__(self, sentence: str) -> str:
        # What gettext has for the empty sentence is the catalogue's own header.
        return self._catalogue.gettext(sentence) if sentence else ""


words: Final = Words()
"""The one translation of this process: a command line speaks one language from start to end."""


def named(word: str) -> str:
    """A state, disposition or route for a person; scripts get the bare word."""
    return {
        "received": words("received"),
        "screened": words("screened"),
        "drafted": words("drafted"),
        "approved": words("approved"),
        "sending": words("sending"),
        "sent": words("sent"),
        "skipped": words("skipped"),
        "held": words("held"),
        "rejected": words("rejected"),
        "parked": words("parked"),
        "pass": words("pass"),
        "review": words("review"),
        "hold": words("hold"),
        "skip": words("skip"),
        "answer": words("answer"),
    }.get(word, word)


def language_of(environment: Mapping[str, str] = os.environ) -> str:
    """``zh-Hans`` or ``en`` by APPLIANCE_LANGUAGE, LC_ALL, LC_MESSAGES, LANG, in that order."""
    for name in ("APPLIANCE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "")
        if value:
            return "zh-Hans" if value.lower().startswith("zh") else "en"
    return "en"
