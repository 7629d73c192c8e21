"""Templates to pages. What every page carries as headers, and what every template may use.

Must stay true: templates escape everything by default and a name that is not there is an error; the policy lets nothing
be loaded, run, framed or sent to but what is this server's own.
"""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from sealane.doors.web import forms
from sealane.doors.web.words import LANGUAGES, machine_moment, words_of

if TYPE_CHECKING:
    from sealane.doors.web.assets import Assets

TEMPLATES: Final = Path(__file__).parent / "templates"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; "
    "trusted-types default"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language, Cookie",
}
_SYMBOL: Final = re.compile(r'<symbol id="([a-z-]+)"')


class Rendering:
    """The templates, in each language."""

    def __init__(self, assets: Assets) -> None:
        """Compile each template at its first use."""
        self._assets = assets
        self.icons = frozenset(_SYMBOL.findall(assets["icons.svg"].content.decode()))
        self._of = functools.cache(self._environment)

    def page(self, template: str, language: str, status: int = 200, **given: Any) -> Response:
        """Return a page."""
        text = self._of(language).get_template(template).render(given)
        return Response(text, status, _HEADERS, "text/html")

    def _environment(self, language: str) -> Environment:
        words = words_of(language)
        made = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        made.install_gettext_callables(words.catalogue.gettext, words.catalogue.ngettext, newstyle=True)  # pyrefly: ignore  # given by the extension
        made.filters |= {
            "size": words.size,
            "number": words.number,
            "moment": words.moment,
            "day": words.day,
            "machine_moment": machine_moment,
            "say": words.say,
            "span": words.span,
            "word": shlex.quote,
        }
        names: dict[str, Any] = {
            "asset": self._assets.__getitem__,
            "address": forms.address,
            "icon": self._icon,
            "language": language,
            "languages": LANGUAGES,
            "sprite": Markup(self._assets["icons.svg"].content.decode()),  # noqa: S704  # our own file
        }
        cast("dict[str, Any]", made.globals).update(names)
        return made

    def _icon(self, name: str) -> Markup:
        """Return a drawing that says nothing to a screen reader: words stand beside it."""
        assert name in self.icons, name
        return Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="#{}"></use></svg>').format(
            name
        )
