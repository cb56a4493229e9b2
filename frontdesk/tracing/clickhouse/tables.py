"""The tables in ClickHouse.

``otel_traces`` and its look-up of times are laid out as the ``clickhouse`` exporter of the
OpenTelemetry Collector makes them, so that whatever reads those reads ours, and a Collector may
write into the same. They are the truth. The rest is ours: what lists read, made anew from the
spans. Of two rows of the same key there, the one of the later ``version`` counts.
"""

from frontdesk.tracing.clickhouse.client import Client, NoTable

_MAP = "Map(LowCardinality(String), String)"
_LOW = "LowCardinality(String)"

_SPANS = f"""
CREATE TABLE IF NOT EXISTS otel_traces (
    Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName {_LOW} CODEC(ZSTD(1)),
    SpanKind {_LOW} CODEC(ZSTD(1)),
    ServiceName {_LOW} CODEC(ZSTD(1)),
    ResourceAttributes {_MAP} CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes {_MAP} CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode {_LOW} CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested (Timestamp DateTime64(9), Name {_LOW}, Attributes {_MAP}) CODEC(ZSTD(1)),
    Links Nested (TraceId String, SpanId String, TraceState String, Attributes {_MAP})
        CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1
"""
_TIMES = """
CREATE TABLE IF NOT EXISTS otel_traces_trace_id_ts (
    TraceId String CODEC(ZSTD(1)),
    Start DateTime CODEC(Delta, ZSTD(1)),
    End DateTime CODEC(Delta, ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toDate(Start)
ORDER BY (TraceId, Start)
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1
"""
_TIMES_FILLED = """
CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_trace_id_ts_mv TO otel_traces_trace_id_ts
AS SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End
FROM otel_traces WHERE TraceId != '' GROUP BY TraceId
"""
_TURNS = """
CREATE TABLE IF NOT EXISTS frontdesk_turns (
    trace_id String, call_id String, started Float64, turn Nullable(Int64), delegation Bool,
    latency Nullable(Float64), interrupted Bool, errors UInt32,
    words String CODEC(ZSTD(1)),
    summary String CODEC(ZSTD(1)),
    version UInt64,
    INDEX of_call call_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX said words TYPE ngrambf_v1(3, 65536, 2, 0) GRANULARITY 4
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(toDateTime(started))
ORDER BY trace_id
"""
_CALLS = """
CREATE TABLE IF NOT EXISTS frontdesk_calls (
    call_id String, started Float64, errors UInt32, agents Array(String), team String,
    slowest Nullable(Float64), cost Nullable(Int64),
    summary String CODEC(ZSTD(1)),
    version UInt64
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(toDateTime(started))
ORDER BY call_id
"""
_AUDIO = """
CREATE TABLE IF NOT EXISTS frontdesk_audio (
    key String, call_id String, item_id String, role LowCardinality(String), offset_ms Int64,
    seconds Float64, rate UInt32, folder LowCardinality(String),
    peaks String CODEC(ZSTD(1)),
    version UInt64,
    INDEX of_key key TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = ReplacingMergeTree(version)
ORDER BY (call_id, key)
"""
_CALLERS = """
CREATE TABLE IF NOT EXISTS frontdesk_callers (
    call_id String, caller String, opened Float64, version UInt64,
    INDEX of_caller caller TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = ReplacingMergeTree(version)
ORDER BY call_id
"""
_SCORES = """
CREATE TABLE IF NOT EXISTS frontdesk_scores (
    id String, trace_id String, call_id String, span_id Nullable(String), name String,
    value Nullable(Float64), label Nullable(String), comment Nullable(String), author String,
    created Float64, version UInt64,
    INDEX of_call call_id TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = ReplacingMergeTree(version)
ORDER BY (trace_id, id)
"""
TABLES = (_SPANS, _TIMES, _TIMES_FILLED, _TURNS, _CALLS, _AUDIO, _CALLERS, _SCORES)


def make(client: Client) -> None:
    """Make what is missing; tables that somebody else made so are left as they are."""
    try:
        client.run(TABLES[0])
    except NoTable:
        client.make_database()
    for table in TABLES:
        client.run(table)
