"""The sentences that the command says outside any duty: the common ones, and each duty's own."""

from importlib import import_module

from tasks.core.duties import DUTIES
from tasks.core.wording import Told, Wording
from tasks.notices.words import spoken


def tell(code: str, subject: str, data: object) -> Told:
    """Return the sentences of any code of the house."""
    return _all().tell(code, subject, data)


def label(code: str) -> str:
    """Return a code's label, else the code."""
    return _all().labels.get(code, code)


def _all() -> Wording:
    features = [import_module(duty.wording).WORDING for duty in DUTIES.values()]
    codes = {code: words for wording in features for code, words in wording.codes.items()}
    labels = {code: text for wording in features for code, text in wording.labels.items()}
    return spoken(Wording(title="marias", purpose="", interrupted="", codes=codes, labels=labels))
