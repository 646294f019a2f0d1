"""Tokens of Redshift's SQL, as its manual has them: what is a string, a comment, a name, and nothing more.

sqlglot's tokenizer would swallow what follows COPY, SHOW and VACUUM as one string, and drops the white space that
tells a client where an error is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from redshift_local.errors import bad_statement, not_imitated

_TOKEN = re.compile(
    r"""
    (?: \s++ | --[^\n]*+ )*+
    (?:
        (?P<string>  [nN]?'(?:[^'\\]++|''|\\.)*+' )
      | (?P<quoted>  "(?:[^"]++|"")*+" )
      | (?P<dollar>  \$(?:[A-Za-z_]\w*)?\$ )
      | (?P<param>   \$\d+ )
      | (?P<word>    \#?[^\W\d][\w$]* )
      | (?P<number>  (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? )
      | (?P<comment> /\* )
      | (?P<op>      ::|<>|<=|>=|!=|\|\||[^\s\w'"] )
      | (?P<unended> ['"] )
      | (?P<end>     \Z )
    )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(slots=True)
class Token:
    """One token: its kind, its text as written, and the white space and comments before it.

    ``word`` is the bare word in lower case; empty for what isn't one.
    """

    kind: str
    text: str
    before: str = ""
    word: str = field(init=False)

    def __post_init__(self) -> None:
        self.word = self.text.lower() if self.kind == "word" else ""

    def with_text(self, text: str) -> Token:
        """Return a token with another text in the same place."""
        return Token(self.kind, text, self.before)


def tokenize(sql: str) -> list[Token]:
    """Return the tokens of a text; raise SqlError for a string, name or comment that doesn't end."""
    tokens: list[Token] = []
    # Where the white space and comments before the next token begin.
    begin, at = 0, 0
    while found := _TOKEN.match(sql, at):
        kind = str(found.lastgroup)
        start, at = found.span(kind)
        if kind == "comment":
            at = _comment_end(sql, start)
            continue
        if kind == "unended":
            what = "identifier" if found[kind] == '"' else "string"
            raise bad_statement(f'unterminated quoted {what} at or near "{sql[start : start + 20]}"')
        if kind == "dollar":
            kind, at = "string", _dollar_end(sql, start, found[kind])
        if kind != "end" or (start > begin and tokens):
            tokens.append(Token(kind, sql[start:at], sql[begin:start]))
        if kind == "end":
            break
        begin = at
    return tokens


def _dollar_end(sql: str, at: int, mark: str) -> int:
    end = sql.find(mark, at + len(mark))
    if end < 0:
        raise bad_statement(f'unterminated dollar-quoted string at or near "{sql[at : at + 20]}"')
    return end + len(mark)


def _comment_end(sql: str, at: int) -> int:
    depth = 0
    for mark in re.finditer(r"/\*|\*/", sql[at:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return at + mark.end()
    raise bad_statement("unterminated /* comment")


def text_of(tokens: Sequence[Token]) -> str:
    """Return the tokens as text again."""
    return "".join(token.before + token.text for token in tokens)


def split(tokens: Sequence[Token], separator: str) -> list[list[Token]]:
    """Split at a separator that is outside all parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        if token.kind == "op":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if token.text == separator and depth == 0:
                parts.append([])
                continue
        parts[-1].append(token)
    return parts


def closing(tokens: Sequence[Token], opening: int) -> int:
    """Return the index of the parenthesis that closes the one at an index; raise SqlError if there is none."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind == "op":
            depth += {"(": 1, ")": -1}.get(tokens[index].text, 0)
            if depth == 0:
                return index
    raise bad_statement('syntax error: a parenthesis "(" is not closed')


def starts(tokens: Sequence[Token], words: str, at: int = 0) -> bool:
    """Return whether these bare words stand at an index."""
    wanted = words.split()
    if at >= len(tokens) or tokens[at].word != wanted[0]:
        return False
    return [token.word for token in tokens[at : at + len(wanted)]] == wanted


def string_value(token: Token) -> str:
    """Return the value of a string literal; raise SqlError if the token is none."""
    if token.kind != "string":
        raise bad_statement(f'syntax error at or near "{token.text}": a string in single quotes is wanted')
    if token.text.startswith("$"):
        return token.text.split("$", 2)[2].rsplit("$", 2)[0]
    body = token.text[token.text.index("'") + 1 : -1]
    return re.sub(r"''|\\(.)", _unescape, body, flags=re.DOTALL)


def _unescape(found: re.Match[str]) -> str:
    if found[1] is None:
        return "'"
    if found[1] in "01234567xuU":
        raise not_imitated(f"the escape {found[0]} in an option")
    return {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(found[1], found[1])


def name_value(token: Token) -> str:
    """Return an identifier as Redshift stores it: in lower case, quoted or not."""
    if token.kind == "quoted":
        return token.text[1:-1].replace('""', '"').lower()
    return token.text.lower()
