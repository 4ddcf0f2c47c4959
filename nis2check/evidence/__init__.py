# SPDX-License-Identifier: EUPL-1.2
"""Facts and gaps, from probes, repositories and declarations. Facts never judge: nothing here knows rules or law."""
