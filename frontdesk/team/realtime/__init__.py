"""A speech-to-speech model upstream, as the model that a team's agents think and speak with."""
