"""A caller: places spoken calls to any Realtime server with the stock ``openai`` client."""
