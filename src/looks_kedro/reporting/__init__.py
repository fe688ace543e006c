"""The study's tables and the page that a person reads.

Tables and arrays in, tables, figures and one HTML text out; nothing is computed here that another package measures.
"""

from looks_kedro.reporting.counts import count_images
from looks_kedro.reporting.study import study_table, summary_lines, summary_table

__all__ = ["count_images", "study_table", "summary_lines", "summary_table"]
