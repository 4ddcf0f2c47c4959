# SPDX-License-Identifier: EUPL-1.2
"""Dates of attestations and waivers: months are calendar months, an end date is included."""

from __future__ import annotations

import calendar
import datetime

from nis2check.errors import InputError, Path_
from nis2check.files import Document
from nis2check.language import _


def later(day: datetime.date, months: int) -> datetime.date:
    """The same day some months later, or the last of the month: 31 August + 6 = 28 February."""
    years, month = divmod(day.month - 1 + months, 12)
    last = calendar.monthrange(day.year + years, month + 1)[1]
    return datetime.date(day.year + years, month + 1, min(day.day, last))


def day_of(document: Document, path: Path_, text: str) -> datetime.date:
    """A date of a user's file: quoted or not, it must exist in the calendar. Raises InputError at its line."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise InputError(_("Date impossible : {value}.").format(value=text), place=document.place(path)) from None
