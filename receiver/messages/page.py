"""What the pages of all mails share: how they look on a phone and in the dark, and buttons."""

from html import escape

from markupsafe import Markup

from receiver.messages.markup import Dialect

_STYLE = """
body{-webkit-text-size-adjust:100%}
@media (max-width:480px){.page{padding:0!important}.card td{overflow-wrap:anywhere}}
@media (prefers-color-scheme:dark){
.page{background:#0d1117!important;color:#e6edf3!important}
.card{background:#161b22!important}
.quiet{color:#9198a1!important}
.rule{border-color:#3d444d!important}
.button{background:#373e47!important}
.button a{color:#e6edf3!important}
}
"""
HEAD = Markup(  # noqa: S704 -- our own
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
    '<meta name="supported-color-schemes" content="light dark">'
    f"<style>:root{{color-scheme:light dark}}{_STYLE}</style>"
)
"""The first part of a page's head; clients that know no `style` have what stands in the tags."""

# A table for each, which floats: so they wrap on a phone, and Outlook, which gives no padding to
# links, gives it to the cell.
BUTTONS = Dialect(
    escape,
    escape_url=escape,
    anchor=(
        '<table role="presentation" align="left"'
        ' style="margin:0 8px 8px 0;border-collapse:separate"><tr>'
        '<td class="button" bgcolor="#eaeef2" style="background:#eaeef2;border-radius:6px;'
        'mso-padding-alt:9px 14px"><a href="{url}" style="display:block;padding:9px 14px;'
        'color:#1f2328;font-weight:600;text-decoration:none">{text}</a></td></tr></table>'
    ),
)
"""Writes a link as a button."""
