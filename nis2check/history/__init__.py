# SPDX-License-Identifier: EUPL-1.2
"""What earlier runs found: kept, compared, forgotten on request."""
