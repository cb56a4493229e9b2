"""Speech models of OpenAI and of any server that speaks its REST API."""
