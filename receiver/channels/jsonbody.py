"""Bodies of the user's own shape: a Jinja2 template in which every value is written as JSON.

So `{"text": {{ text }}}` needs no quotes of its own, and no alert can break out of its place.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import DictLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment


def check_body(source: str, sample: Mapping[str, str]) -> str:
    """Return a template that makes JSON of such words; raises ValueError for any other."""
    try:
        json.loads(compile_body(source).render(sample))
    except (TemplateError, ArithmeticError, LookupError, TypeError) as error:
        raise ValueError(f"not a template: {error}") from error
    except ValueError as error:
        raise ValueError(f'it gives no JSON: {error}; write {{"text": {{{{ text }}}}}}') from error
    return source


@lru_cache(maxsize=64)  # so that what is configured alike is equal, and a reload disturbs nothing
def compile_body(source: str) -> Template:
    """Compile a template."""

    def write(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, default=str)  # an unknown name raises in str

    env = ImmutableSandboxedEnvironment(
        loader=DictLoader({}), undefined=StrictUndefined, finalize=write
    )
    return env.from_string(source)
