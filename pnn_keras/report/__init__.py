"""Reports of experiments: a page, figures, tables for papers, and a summary for the terminal."""

from pnn_keras.report.summary import render_summary
from pnn_keras.report.writing import write_inspection, write_report

__all__ = ["render_summary", "write_inspection", "write_report"]
