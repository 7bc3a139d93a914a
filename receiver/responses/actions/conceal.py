"""Takes out of what is shown whatever looks like a secret (pure)."""

import re

MASK = "***"
_WORDS = (
    r"passw(?:or)?d|passphrase|_pass\b|\bpass\b|pwd|token|secret|credential|cookie|signature"
    r"|(?:api|access|private|secret)[_-]?key"
)
# Every repetition has a bound: a log line of many thousand letters must not cost their square.
_NAME = rf"(?:{_WORDS})[\w.-]{{0,40}}"
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"']+)"""
_RULES = [
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), to)
    for pattern, to in (
        (r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)", MASK),
        (r"(authorization[\"']?\s{0,9}[:=]\s{0,9}[\"']?)(?:\w{1,40}\s+)?[^\s\"']+", rf"\1{MASK}"),
        (r"\b((?:bearer|basic)\s+)[\w.~+/=-]{8,}", rf"\1{MASK}"),
        (rf"({_NAME}[\"']?\s{{0,9}}[:=]\s{{0,9}}){_VALUE}", rf"\1{MASK}"),
        (rf"(?<![\w-])(--?[\w.-]{{0,40}}{_NAME}\s{{1,9}}){_VALUE}", rf"\1{MASK}"),
        (r"(\bmysql[^\n]{0,200}?\s-p|\bsshpass\s+-p\s*)\S+", rf"\1{MASK}"),
        (r"(\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?)\S+", rf"\1{MASK}"),
        (r"(\b[a-z][a-z0-9+.-]{0,20}://)[^\s/@]{0,200}:[^\s/@]{0,200}@", rf"\1{MASK}@"),
        (r"(?<![\w-])eyJ[\w-]{8,900}\.[\w-]{4,9000}\.[\w-]{0,900}", MASK),
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,200}|\bxox[a-z]-[\w-]{10,200}", MASK),
    )
]


def conceal(text: str) -> str:
    """Mask passwords, tokens and keys by the names that they go by, and those known by their look.

    What goes by no such name cannot be told from any other word.
    """
    for pattern, to in _RULES:
        text = pattern.sub(to, text)
    return text
