"""The second net under privacy: what looks like a secret or a person's datum is masked before it leaves."""

import re

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("chave", re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL)),
    ("token", re.compile(r"\bxox[abeoprs]-[\w-]{8,}")),
    ("token", re.compile(r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,})")),
    ("chave", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("senha", re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)")),
    ("senha", re.compile(r"(?i)\b(?:password|senha|secret|token)\s*[=:]\s*\S+")),
    ("email", re.compile(r"\b[\w.+-]+@(?!assistmovemarias\.org\b)[\w-]+\.[\w.-]+\b")),
    ("cpf", re.compile(r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b")),
    ("telefone", re.compile(r"(?:\+55\s?)?\(?\b\d{2}\)?\s?9\d{4}-\d{4}\b")),
)


def redact(text: str) -> str:
    """Return `text` with everything that looks like a secret or a personal datum replaced by its kind in brackets."""
    for kind, pattern in PATTERNS:
        text = pattern.sub(f"[{kind}]", text)
    return text
