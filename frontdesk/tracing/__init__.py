"""Spans and audio: the SDK bridge, OTLP out, the trace store, the dashboard."""
