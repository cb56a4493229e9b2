"""The ear and the mouth: audio formats, voice activity, turn end, speech models, played clock."""
