"""Aliyun's SendSms: its signature (V3, ACS3-HMAC-SHA256) and what its codes mean.

Sources: help.aliyun.com, "V3 request structure and signature" and the error codes of SMS.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from receiver.channels.codes import Fault

ALGORITHM = "ACS3-HMAC-SHA256"

_PAUSE = 3_600.0

_ACCESS = Fault("auth", "the key or its secret is wrong, or may not send; check `key`")
_SETUP = Fault("gone", "check `sign`, `template`, `variables` and `to`")
_QUOTA = Fault("quota", "the account's money or limit is used up")
_OFTEN = Fault("throttled", "too many messages to this number", retry_after=_PAUSE)
_CONTENT = Fault("rejected", "Aliyun does not allow this content", permanent=True)
_TOO_LONG = Fault("too_long", "a variable is too long; set `longest`", permanent=True)
UNKNOWN = Fault("unknown", "an unknown code")

_CODES = {
    "SignatureDoesNotMatch": _ACCESS,
    "InvalidAccessKeyId": _ACCESS,
    "Forbidden": _ACCESS,
    "isp.RAM_PERMISSION_DENY": _ACCESS,
    "InvalidTimeStamp": Fault("clock", "this host's clock is wrong; set it by NTP"),
    "isv.DENY_IP_RANGE": Fault("address", "Aliyun does not serve this host's public address"),
    "Throttling": _OFTEN,
    "isv.BUSINESS_LIMIT_CONTROL": _OFTEN,
    "isv.DAY_LIMIT_CONTROL": _QUOTA,
    "isv.MONTH_LIMIT_CONTROL": _QUOTA,
    "isv.AMOUNT_NOT_ENOUGH": _QUOTA,
    "isv.OUT_OF_SERVICE": _QUOTA,
    "isv.SMS_CONTENT_ILLEGAL": _CONTENT,
    "isv.BLACK_KEY_CONTROL_LIMIT": _CONTENT,
    "isv.PARAM_NOT_SUPPORT_URL": _CONTENT,
    "isv.PARAM_LENGTH_LIMIT": Fault(
        "too_long", "a variable is too long; set `longest`", permanent=True
    ),
    "isv.SMS_TEMPLATE_ILLEGAL": _SETUP,
    "isv.SMS_SIGNATURE_ILLEGAL": _SETUP,
    "isv.SMS_SIGN_ILLEGAL": _SETUP,
    "isv.SIGN_STATE_ILLEGAL": _SETUP,
    "isv.TEMPLATE_MISSING_PARAMETERS": _SETUP,
    "isv.INVALID_PARAMETERS": _SETUP,
    "isv.MOBILE_NUMBER_ILLEGAL": _SETUP,
}


def diagnose(code: str) -> Fault | None:
    """Classify a Code other than OK; what stands behind a dot may only say it closer."""
    return _CODES.get(code) or _CODES.get(code.partition(".")[0])


def query_of(parameters: Mapping[str, str]) -> str:
    """Write a query as it is signed: sorted, and encoded as in RFC 3986."""
    return urlencode(sorted(parameters.items()), quote_via=quote, safe="-_.~")


def authorize(key: str, secret: str, query: str, headers: Mapping[str, str]) -> str:
    """Return the header Authorization of a POST to `/` without a body; all headers are signed."""
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    names = ";".join(sorted(headers))
    request = "\n".join(["POST", "/", query, lines, names, headers["x-acs-content-sha256"]])
    text = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(secret.encode(), text.encode(), hashlib.sha256).hex()
    return f"{ALGORITHM} Credential={key},SignedHeaders={names},Signature={signature}"
