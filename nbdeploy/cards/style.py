"""Styles of cards and pages, on the elements themselves: notebooks take style sheets out of saved outputs.

Colours come from the notebook's own theme where there is one, so that light and dark both work.
"""

from __future__ import annotations

__all__ = ["ADDED", "BADGES", "CELL", "CODE", "DIM", "FILL", "FRAME", "NAME", "TABLE", "TAKEN", "VALUE"]

FRAME = (
    "border:1px solid var(--jp-border-color2,#8884);border-left:4px solid var(--jp-brand-color1,#1976d2);"
    "border-radius:4px;padding:8px 14px;margin:4px 0;max-width:70em;"
    "font-family:var(--jp-ui-font-family,sans-serif);font-size:13px;color:var(--jp-ui-font-color1,inherit)"
)
DIM = "color:var(--jp-ui-font-color2,#777)"
TABLE = "display:block;max-width:100%;overflow-x:auto;border-collapse:collapse;margin:6px 0;font-size:inherit;border:0"
_PLACE = "text-align:left;padding:2px 14px 2px 0;vertical-align:top"
CELL = f"{_PLACE};overflow-wrap:break-word;max-width:24em"
NAME = f"{_PLACE};{DIM};white-space:nowrap"
VALUE = f"{_PLACE};overflow-wrap:anywhere"
CODE = (
    "margin:6px 0;padding:6px 10px;overflow-x:auto;border-radius:3px;font-size:12px;line-height:1.5;"
    "background:var(--jp-layout-color2,#8881);font-family:var(--jp-code-font-family,monospace)"
)
ADDED = "background:rgba(46,160,67,.2)"
TAKEN = "background:rgba(248,81,73,.2)"
FILL = "fill:var(--jp-brand-color1,#1976d2)"
_BADGE = (
    "display:inline-block;padding:0 8px;margin-left:8px;border:1px solid;border-radius:9px;font-size:11px;"
    "line-height:16px;vertical-align:middle;white-space:nowrap"
)
BADGES = {
    "good": f"{_BADGE};color:var(--jp-success-color1,#388e3c)",
    "plain": f"{_BADGE};{DIM}",
    "warning": f"{_BADGE};color:var(--jp-warn-color1,#c77700)",
}
"""Styles of badges, by what they mean."""
