"""Every event that the log may tell of: its name, what it means, and the fields it comes with.

The names are public: people search for them and alert on them. They are `noun.past_verb`; a test holds each
log call of the program against this table. Nothing here logs.
"""

from typing import NamedTuple


class LogEvent(NamedTuple):
    """One line on what happened, and its fields; `ts`, `wall`, `level` and `event` go without
    saying, and so does `seq`, the journal's number of the event that a line tells of."""

    meaning: str
    fields: tuple[str, ...] = ()


LOG_EVENTS: dict[str, LogEvent] = {
    # the daemon
    "daemon.started": LogEvent(
        "the daemon runs", ("version", "venue", "symbol", "paper", "speed", "state_dir", "advisor")
    ),
    "daemon.stopped": LogEvent("the daemon ended in order", ("reason", "halted")),
    "stop.requested": LogEvent("the daemon was asked to stop", ("by", "policy")),
    "stop.forced": LogEvent("a second signal ended the daemon at once; the next start recovers"),
    "stop.overran": LogEvent("a stop took longer than its time limit and was cut short", ("timeout_s",)),
    "operator.asked": LogEvent("a person asked for something", ("request", "by")),
    "control.refused": LogEvent(
        "the control socket cannot be served: the daemon runs, but only signals reach it", ("reason",)
    ),
    "alert.failed": LogEvent("a messenger did not take a notice", ("title",)),
    "server.started": LogEvent("the status server answers: page, API, metrics and health", ("url",)),
    "server.refused": LogEvent(
        "the status server cannot be had: the daemon runs, but there is neither page nor metrics",
        ("url", "reason"),
    ),
    "run.summarised": LogEvent(
        "what the journal's whole run has come to",
        (
            "elapsed_s",
            "decisions",
            "decisions_by_regime",
            "fills",
            "trades",
            "wins",
            "equity_usd",
            "pnl_usd",
            "price_pnl_usd",
            "slippage_usd",
            "fees_usd",
            "funding_usd",
            "drawdown_frac_max",
            "position_base",
            "mode",
            "halted",
        ),
    ),
    "settings.noted": LogEvent("something about the settings that a person should know", ("note",)),
    "licence.missed": LogEvent(
        "the licence does not cover what is traded: on live, because somebody accepted it", ("reason",)
    ),
    "settings.changed": LogEvent(
        "new settings are in force, without a restart; kept: what may only change while flat",
        ("changed", "kept"),
    ),
    "settings.refused": LogEvent("new settings were not taken; the old ones stay", ("reason",)),
    "library.warned": LogEvent("a library logged a warning or an error", ("logger", "message")),
    # the market
    "market.warmed": LogEvent(
        "the features have the history they need: trading begins", ("frame_ms", "equity_usd")
    ),
    "market.stalled": LogEvent(
        "the market's data are older than they may be", ("channel", "age_s", "limit_s")
    ),
    "market.recovered": LogEvent("the market's data are fresh again", ("channel", "age_s", "limit_s")),
    "regime.changed": LogEvent(
        "another regime is in force, with its leverage cap",
        ("before", "after", "confidence", "leverage_x_max", "by_advice"),
    ),
    "tape.warned": LogEvent(
        "a tape is usable with reservations", ("path", "what", "count", "first_row", "note")
    ),
    "tape.begun": LogEvent("a live market is being recorded", ("path", "venue", "symbol")),
    "tape.recorded": LogEvent(
        "so much was recorded since the start; books that a tape cannot hold are left out",
        ("candles", "funding", "ticks", "books", "trades", "books_left_out"),
    ),
    # the venue's candles and order book
    "feed.lost": LogEvent(
        "a websocket gives no content, or a question no answer; it is being asked anew", ("channel", "reason")
    ),
    "feed.restored": LogEvent("it gives content again", ("channel", "away_s")),
    "candles.filled": LogEvent("several candles were fetched at once after a pause", ("count", "first_ts")),
    "candles.skipped": LogEvent("the venue has no such candles; windows go on without", ("count", "next_ts")),
    "candles.switched": LogEvent(
        "candles have other prices from now on, because more or less is traded",
        ("source", "idle_share", "open_ts"),
    ),
    "candle.assumed": LogEvent(
        "nobody confirmed a candle in time: it was taken as the stream had it last", ("open_ts",)
    ),
    "candle.diverged": LogEvent(
        "the venue now says otherwise of a candle that was traded on", ("open_ts", "told", "now")
    ),
    # the advisor
    "advice.asked": LogEvent("the advisor was asked", ("question_id", "rule_regime", "deadline_ms")),
    "advice.received": LogEvent(
        "the advisor's answer was understood",
        ("question_id", "model", "regime", "direction", "confidence", "size_x", "latency_ms", "reasoning"),
    ),
    "advice.failed": LogEvent(
        "there is no advice for a question; the rules decide",
        ("question_id", "reason", "latency_ms", "detail"),
    ),
    "advice.weighed": LogEvent(
        "advice counted in the decision before, with the share of the weight that its advisor has earned",
        ("question_id", "weight", "confidence", "calibrated"),
    ),
    "advice.judged": LogEvent(
        "an answer's outcome an hour later; evidence is a logarithm of odds",
        ("question_id", "direction", "confidence", "calibrated", "base", "right", "counted", "evidence"),
    ),
    "advice.unscored": LogEvent("what the advisor's answers were worth could not be told", ("reason",)),
    "weight.changed": LogEvent(
        "an advisor has earned, or lost, a share of ai_confidenceWeight",
        ("advisor", "before", "after", "evidence", "counted"),
    ),
    "advisor.unreachable": LogEvent("the advisor does not answer; the rules go on alone", ("url", "reason")),
    "advisor.probed": LogEvent(
        "a model was loaded and put a question whose answer is known; it is asked unless it did not answer",
        ("model", "digest", "problem", "knows", "latency_ms", "load_ms"),
    ),
    "advisor.rested": LogEvent(
        "a model failed several questions in a row; it is not asked until a look at it succeeds",
        ("model", "reason", "failures"),
    ),
    "advisor.resumed": LogEvent("a model that rested is asked again", ("model", "rested_s")),
    # decisions and limits
    "decision.made": LogEvent(
        "a candle led to a decision, with the risk manager's verdict; without a signal it is told in short",
        (
            "price_usd",
            "regime",
            "rule_regime",
            "strategy",
            "direction",
            "confidence",
            "signal_confidence",
            "advice",
            "verdict",
            "reason",
            "body_over_atr",
            "volume_z",
            "rv_rank",
            "funding_z",
            "spread_bps",
            "premium_frac",
            "imbalance",
            "leverage_x_max",
            "size_base",
            "size_bound",
            "order_id",
            "equity_usd",
        ),
    ),
    "mode.changed": LogEvent(
        "what the trader may do has changed", ("before", "after", "cause", "equity_usd", "until_ts")
    ),
    # orders and the position
    "order.refused": LogEvent("the risk manager did not pass an intent", ("reason", "refused", "size_base")),
    "order.submitted": LogEvent(
        "an approved order was sent",
        ("order_id", "side", "kind", "size_base", "price_usd", "reason", "reduce_only"),
    ),
    "order.accepted": LogEvent("the venue has the order", ("order_id",)),
    "order.rejected": LogEvent("the venue refused the order", ("order_id", "reason")),
    "order.cancelled": LogEvent("what was left of the order is gone", ("order_id", "reason")),
    "order.filled": LogEvent(
        "the order traded; slippage is positive when worse than the reference price",
        (
            "order_id",
            "fill_id",
            "side",
            "size_base",
            "price_usd",
            "slippage_bps",
            "fee_usd",
            "liquidity",
            "reason",
        ),
    ),
    "position.opened": LogEvent(
        "there is a position",
        (
            "trade_id",
            "direction",
            "size_base",
            "entry_usd",
            "stop_usd",
            "target_usd",
            "strategy",
            "regime",
            "leverage_x",
            "leverage_x_max",
        ),
    ),
    "position.closed": LogEvent(
        "the position is gone; net is price PnL less slippage and fees, with funding",
        (
            "trade_id",
            "direction",
            "strategy",
            "reason",
            "net_usd",
            "price_pnl_usd",
            "slippage_usd",
            "fees_usd",
            "funding_usd",
            "held_minutes",
            "equity_usd",
        ),
    ),
    "stop.armed": LogEvent("a stop protects the position", ("trade_id", "trigger_usd", "size_base")),
    "funding.paid": LogEvent(
        "funding was paid (negative) or received", ("amount_usd", "rate_frac_1h", "position_base")
    ),
    # the live account
    "account.opened": LogEvent("the books of a live account begin at this equity", ("equity_usd",)),
    "account.moved": LogEvent(
        "equity moved without a fill: deposit, withdrawal, interest; traded: keeper's reward, unseen trades",
        ("amount_usd", "traded"),
    ),
    "entries.barred": LogEvent("something on the venue's side bars entries", ("reasons",)),
    "entries.allowed": LogEvent("nothing on the venue's side bars entries any more", ("reasons",)),
    # the chain
    "chain.unseen": LogEvent("a look at the chain failed; told when the reason changes", ("reason",)),
    "history.missed": LogEvent(
        "there are no candles to warm on; a position is guarded without them, entries wait", ("reason",)
    ),
    "chain.seen": LogEvent("the chain is seen again", ("slot",)),
    "stray.swept": LogEvent(
        "a stop or target of ours that nobody followed any more was taken back from a flat account; order_id "
        "is the program's, outcome what became of that",
        ("order_id", "trigger_usd", "size_base", "outcome"),
    ),
    "cancel.failed": LogEvent(
        "taking an order back came to nothing; tried again while it rests", ("order_id", "reason")
    ),
    # the journal
    "journal.recovered": LogEvent(
        "the state was rebuilt from the journal: a snapshot and the events after it",
        ("snapshot", "events", "clean_stop", "position_base", "orders", "mode"),
    ),
    "journal.rotated": LogEvent(
        "the live file's events up to a snapshot are in a finished segment now",
        ("segment", "events", "bytes"),
    ),
    "rotation.failed": LogEvent(
        "no segment could be made; the events stay in the live file, and the next snapshot tries again",
        ("reason",),
    ),
    "segment.deleted": LogEvent(
        "a segment was deleted because it is older than journal.keep_days", ("segment", "events", "keep_days")
    ),
    "retention.deferred": LogEvent("segments are old enough to be deleted, and are not", ("reason",)),
    "segment.lost": LogEvent(
        "a segment is not there or not as long as it was: trading goes on, reports and replay cannot",
        ("path",),
    ),
    "journal.torn": LogEvent(
        "the journal ended in an unfinished write, which was dropped", ("path", "dropped")
    ),
}
