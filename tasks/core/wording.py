"""How codes become sentences: the type of every feature's `wording.WORDING`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from string import Formatter

from tasks.core.errors import NO_DATA, NoData
from tasks.core.pt_br import duration, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The sentences of one code, as format strings over `subject` and the fields of `data`.

    `message` says what happened with the numbers, `remedy` what to do now, `safe` (errors only) what is still intact.
    """

    title: str
    message: str
    remedy: str = ""
    safe: str = ""
    data: type = NoData


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A code's sentences with subject and data filled in."""

    title: str
    message: str
    remedy: str
    safe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Everything a duty says: its title, what it does in one line, what is safe when it is interrupted, its codes.

    `safe` is true of every run that came to its end. `summaries` holds one line per verdict (keys of Verdict) or per
    result, over `subject`, the worst finding's `title` and the measures; `labels` names measures, coverage codes,
    results and change codes.
    """

    title: str
    purpose: str
    interrupted: str
    codes: Mapping[str, Words]
    safe: str = ""
    summaries: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def tell(self, code: str, subject: str, data: object = NO_DATA) -> Told:
        """Return the sentences of `code`; KeyError when the code has none (a test forbids it).

        A field of `data` that is itself a code with a label is said by its label.
        """
        words = self.codes[code]
        known = {f.name: getattr(data, f.name) for f in fields(data)}  # type: ignore[arg-type]
        values = {name: self.labels.get(v, v) if isinstance(v, str) else v for name, v in known.items()}
        values["subject"] = subject
        return Told(
            title=fill(words.title, values),
            message=fill(words.message, values),
            remedy=fill(words.remedy, values),
            safe=fill(words.safe, values),
        )


class _Brazilian(Formatter):
    """Format strings whose numbers are written the Brazilian way: 1.234,5."""

    def format_field(self, value: object, format_spec: str) -> str:
        if format_spec in SPANS and isinstance(value, int | float):
            return duration(timedelta(**{format_spec: value}))
        return number(value) if isinstance(value, float) and not format_spec else _swapped(value, format_spec)


SPANS = frozenset({"seconds", "minutes", "hours"})
_SWAP = str.maketrans(",.", ".,")


def _swapped(value: object, format_spec: str) -> str:
    text = format(value, format_spec)
    return text.translate(_SWAP) if isinstance(value, int | float) else text


def fill(text: str, values: Mapping[str, object]) -> str:
    """Return a format string with its values filled in; KeyError when one is missing.

    The specs `seconds`, `minutes`, `hours` make a span of such a number ("4 min 10 s"); every other is Python's,
    with Brazil's separators.
    """
    return _Brazilian().vformat(text, (), values)
