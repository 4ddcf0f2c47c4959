# SPDX-License-Identifier: EUPL-1.2
"""Spreadsheets, in and out: OpenDocument both ways, Excel to read; writing Excel asks for the extra ``xlsx``."""
