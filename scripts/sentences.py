"""What has to be translated, for Babel: Babel's own reader does not look into f-strings."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final

POSITIONS: Final[Mapping[str, int]] = {"_": 0, "words": 0, "rule": 1, "hold": 1, "review": 1}
"""Function → which of its arguments is the sentence: the command line's, or a rule's reason."""

Found = tuple[int, str, str, list[str]]


def extract(
    file: BinaryIO,
    keywords: object,  # noqa: ARG001 - Babel's protocol
    tags: object,  # noqa: ARG001
    options: object,  # noqa: ARG001
) -> Iterator[Found]:
    """Sentences in a module (https://babel.pocoo.org, "Writing Extraction Methods").

    Besides the arguments in ``POSITIONS`` these are the constants that are called ``reason``
    or ``_REASON``.
    """
    for node in ast.walk(ast.parse(file.read())):
        for value in _candidates(node):
            match value:
                case ast.Constant(value=str(sentence)) if sentence:
                    yield value.lineno, "_", sentence, []
                case _:
                    pass


def _candidates(node: ast.AST) -> Sequence[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in POSITIONS:
            return arguments[POSITIONS[name] : POSITIONS[name] + 1]
        case ast.Assign(targets=[ast.Name(id="reason")], value=value):
            return (value,)
        case ast.AnnAssign(target=ast.Name(id="_REASON"), value=ast.expr() as value):
            return (value,)
        case ast.keyword(arg="reason", value=value):
            return (value,)
        case _:
            return ()
