"""All plots of a report, in their order."""

from drift_e3.lab.history import History
from drift_e3.lab.report.drawing import Plot
from drift_e3.lab.report.market_plots import equity_plot, price_plot
from drift_e3.lab.report.summary import Document
from drift_e3.lab.report.trade_plots import distribution_plot, excursions_plot, groups_plot, parts_plot


def plots(history: History, summary: Document) -> list[Plot]:
    """The plots that the history has something for."""
    made = [equity_plot(history), price_plot(history)] if history.marks.ts else []
    made.append(parts_plot(summary))
    if history.trades:
        made += [groups_plot(summary), distribution_plot(history.trades), excursions_plot(history.trades)]
    return made
