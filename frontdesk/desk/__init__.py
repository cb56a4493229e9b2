"""YAML to a validated team: loader with line numbers, schema, prompts."""
