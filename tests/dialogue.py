"""``appliance setup`` and ``sign-in`` in a pseudo-terminal, as a person sits before it."""

import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pexpect

from appliance.cli.words import Words
from tests.real_model import model_file

ROOT: Final = Path(__file__).parents[1]


def _obey_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class SetupDialogue:
    """One run of ``appliance setup``, or of another ``verb`` that asks, in a pseudo-terminal."""

    def __init__(
        self,
        config: Path,
        *,
        language: str = "en",
        more: Mapping[str, str] | None = None,
        verb: Sequence[str] = ("setup",),
    ) -> None:
        self.words = Words()
        kept = os.environ.get("LANGUAGE", "")
        self.words.choose(language)
        os.environ["LANGUAGE"] = kept
        environment = {**os.environ, "APPLIANCE_LANGUAGE": language, "PYTHONUTF8": "1"}
        self.shown = io.StringIO()
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "appliance", "--config", str(config), *verb],
            cwd=str(ROOT),
            env={**environment, **(more or {})},
            encoding="utf-8",
            timeout=40,
            dimensions=(60, 200),
            # Where the tests run in the background, Ctrl-C is ignored and so it would be here.
            preexec_fn=_obey_ctrl_c,
        )
        self.child.delaybeforesend = None
        self.child.logfile_read = self.shown

    def sees(self, sentence: str, **names: object) -> None:
        """Waits for a sentence, in the language of the dialogue."""
        self.child.expect_exact(self.words(sentence).format(**names))

    def answers(self, question: str, answer: object = "", **names: object) -> None:
        """Waits for a question, then for where the answer goes, and answers."""
        self.sees(question, **names)
        self.child.expect(r": ")
        self.child.sendline(str(answer))

    def ends(self, status: int) -> str:
        self.child.expect(pexpect.EOF)
        self.child.close()
        assert self.child.exitstatus == status, self.text
        return self.text

    @property
    def text(self) -> str:
        return self.shown.getvalue().replace("\r\n", "\n")

    def begins(self, *, name: str = "Test Office") -> None:
        """From the first question of a new configuration to those about the office."""
        self.answers("Directory for everything the appliance keeps")
        self.answers("Model file", model_file())
        self.tells_the_office(name)

    def tells_the_office(self, name: str) -> None:
        self.answers("Name of the office, as customers know it", name)
        self.sees("Language of the office")
        self.answers(self._number)
        self.answers("Signature under every reply, one line (- for none)")

    @property
    def _number(self) -> str:
        return self.words("Number [{default}]: ").partition(" [")[0]

    def chooses(self, question: str, answer: object = "", **names: object) -> None:
        self.sees(question, **names)
        self.answers(self._number, answer)
