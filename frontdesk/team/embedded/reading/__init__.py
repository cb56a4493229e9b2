"""Reads what a tool needs from what people say: schema-driven, no word of any desk."""
