//! What Claude Code spent and did: from the ledger, and from what the client tells.

use crate::metrics::Kind::{Counter, Gauge, Histogram};

families! { "claude";
    TOKENS: Counter, "odin_claude_tokens_total",
        [model, type("input,output,cache_read,cache_write_5m,cache_write_1h")], "tokens",
        "Tokens of all responses, priced or not; iterations go to their own model";
    COST_USD: Counter, "odin_claude_cost_usd_total", [model, project], "USD",
        "Cost of priced responses; project is the repository root, at most 50 keep their series, the rest \
         counts in \"other\"";
    RESPONSES: Counter, "odin_claude_responses_total", [model, provenance("transcript,otel")], "responses",
        "Responses counted once; one known by both sources counts as transcript; the cost-state remainder \
         is never here";
    UNPRICED_TOKENS: Counter, "odin_claude_unpriced_tokens_total", [model], "tokens",
        "Tokens of responses whose model has no price; absent from the cost until a price is known";
    CACHE_SAVING_USD: Counter, "odin_claude_cache_saving_usd_total", [model], "USD",
        "What cache reads would have cost more as plain input; gross: the surcharge of cache writes is not \
         subtracted, so it never falls";
    CACHE_WRITE_SURCHARGE_USD: Counter, "odin_claude_cache_write_surcharge_usd_total", [model], "USD",
        "What cache writes cost beyond plain input; net saving = odin_claude_cache_saving_usd_total minus \
         this";
    HIDDEN_COST_USD: Counter, "odin_claude_hidden_cost_usd_total",
        [reason("compaction,web_search,background,other")], "USD",
        "Part of odin_claude_cost_usd_total that no transcript shows: responses known by telemetry alone";
    AGENT_COST_USD: Counter, "odin_claude_agent_cost_usd_total", [agent("main,<subagent type>,other")], "USD",
        "The same cost as odin_claude_cost_usd_total, split by who asked; at most 20 subagent types, rest \
         \"other\"";
    SUBAGENTS: Counter, "odin_claude_subagents_total", [agent("<subagent type>,other")], "runs",
        "Subagent runs seen; same bound on agent as above";
    PERIOD_COST_USD: Gauge, "odin_claude_period_cost_usd", [period("day,week,month,block"), project], "USD",
        "Cost by event time in the current period, configured zone; project \"\" = all; block = the current \
         5-hour window; block only with project \"\"";
    BUDGET_USD: Gauge, "odin_claude_budget_usd", [period("day,week,month,block"), project], "USD",
        "Configured budget; same keys as odin_claude_period_cost_usd; absent where none is configured";
    CORRECTIONS: Counter, "odin_claude_corrections_total",
        [reason("repricing,merge,telemetry,other")], "corrections",
        "Downward corrections absorbed so that exposed counters never fall";
    PARSE_ERRORS: Counter, "odin_claude_parse_errors_total",
        [kind("json,schema,usage,encoding,oversize")], "lines",
        "Transcript lines that could not be read; a half last line or a NUL tail is not an error";
    INGEST_LAG_SECONDS: Gauge, "odin_claude_ingest_lag_seconds", [], "seconds",
        "Age of the oldest change of a watched transcript that is not yet in the ledger; 0 when caught up";
    SCAN_COMPLETE: Gauge, "odin_claude_scan_complete", [], "boolean",
        "1 after the first full scan since start; the Claude counters are exposed only from then on";
    SESSIONS_ACTIVE: Gauge, "odin_claude_sessions_active", [], "sessions",
        "Sessions with a live client process";
    SESSIONS: Counter, "odin_claude_sessions_total",
        [start_type("fresh,resume,continue,fork,clear,other")], "sessions",
        "Session starts; telemetry where the client sends it, else the first line of a session (fresh or \
         fork)";
    CONTEXT_USED_RATIO: Gauge, "odin_claude_context_used_ratio", [session], "ratio",
        "Prompt tokens of the last request / context window, as the client reported; live sessions only (at \
         most 64)";
    RATE_LIMIT_USED_RATIO: Gauge, "odin_claude_rate_limit_used_ratio",
        [window("five_hour,seven_day,<as reported, at most 8>")], "ratio",
        "Share of the rate-limit window used, as the client last reported; absent after the reset passed or \
         when never reported";
    RATE_LIMIT_RESET_TIMESTAMP_SECONDS: Gauge, "odin_claude_rate_limit_reset_timestamp_seconds",
        [window("five_hour,seven_day,<as reported, at most 8>")], "seconds",
        "When the window resets, as the client last reported";
    RATE_LIMIT_OBSERVED_TIMESTAMP_SECONDS: Gauge, "odin_claude_rate_limit_observed_timestamp_seconds",
        [window("five_hour,seven_day,<as reported, at most 8>")], "seconds",
        "When the client last reported this window; tells how old the two gauges are";
    API_ERRORS: Counter, "odin_claude_api_errors_total",
        [type("rate_limit,overloaded,server_error,authentication,invalid_request,timeout,connection,other")],
        "errors",
        "Requests that failed in the end; a retried attempt counts in odin_claude_retries_total";
    RETRIES: Counter, "odin_claude_retries_total",
        [type("rate_limit,overloaded,server_error,authentication,invalid_request,timeout,connection,other")],
        "attempts",
        "Attempts that failed and were tried again";
    RETRIES_EXHAUSTED: Counter, "odin_claude_retries_exhausted_total",
        [type("rate_limit,overloaded,server_error,authentication,invalid_request,timeout,connection,other")],
        "requests",
        "Requests given up after the last retry; part of odin_claude_api_errors_total";
    TOOL_CALLS: Counter, "odin_claude_tool_calls_total",
        [tool, outcome("ok,error,rejected,interrupted")], "calls",
        "Tool calls; built-in tools by name, others as mcp:<server>; at most 40 tools, rest \"other\"";
    EDIT_DECISIONS: Counter, "odin_claude_edit_decisions_total",
        [decision("accept,reject"), tool("Edit,Write,NotebookEdit,other")], "decisions",
        "Decisions on edits";
    LINES_CHANGED: Counter, "odin_claude_lines_changed_total", [type("added,removed")], "lines",
        "Lines changed by edits";
    COMMITS: Counter, "odin_claude_commits_total", [], "commits",
        "Commits made through the client";
    PULL_REQUESTS: Counter, "odin_claude_pull_requests_total", [], "pull requests",
        "Pull requests made through the client";
    ACTIVE_SECONDS: Counter, "odin_claude_active_seconds_total", [type("cli,user")], "seconds",
        "Active time as the client reports it";
    COMPACTIONS: Counter, "odin_claude_compactions_total", [trigger("auto,manual")], "compactions",
        "Compactions of a context";
    API_REQUEST_DURATION_SECONDS: Histogram(&[0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0]),
        "odin_claude_api_request_duration_seconds", [model], "seconds",
        "Duration of successful requests";
    TTFT_SECONDS: Histogram(&[0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0]),
        "odin_claude_ttft_seconds", [model], "seconds",
        "Time to the first token";
}
