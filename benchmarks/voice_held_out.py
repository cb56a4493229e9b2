"""What callers say in the turns that no weight was chosen on: see ``voice_corpus.py``."""

PACES = (0.95, 1.15, 1.05)
SENTENCES = (
    "What time do you close today?",
    "My account number is seven zero three nine two.",
    "I need to change my appointment to next Thursday.",
    "Is there a fee for cancelling early?",
    "Could you send me the invoice again, please?",
    "Why was I charged twice this month?",
    "The heating stopped working, and nobody has called me back.",
    "No, that's not it.",
    "Which of your plans has the lowest monthly price?",
    "I moved last month, but my letters still go to the old flat.",
    "Can you book me a table for four at half past seven?",
    "Okay, thanks.",
)
PAUSES = (
    ("I need to change my appointment | to next Thursday.", 500),
    ("Could you send me | the invoice again, please?", 700),
    ("My account number is | seven zero three nine two.", 600),
    ("The heating stopped working, | and nobody has called me back.", 850),
    ("Can you book me a table | for four at half past seven?", 450),
    ("I moved last month, | but my letters still go to the old flat.", 750),
    ("Is there a train | that gets there before noon?", 550),
    ("I would like to ask | about the guarantee.", 950),
    ("Put it on the card | that ends in nine one.", 650),
)
HESITATIONS = (
    ("I am calling about, um, | the bill from March.", 700),
    ("My name is, uh, | Peter Lindgren.", 650),
    ("Well, | maybe it was | on Monday evening.", 500),
    ("So, uh, | the screen goes | black after a minute.", 800),
    ("Do you, um, | do you know | if it is in stock?", 550),
    ("I want the, uh, | the blue one.", 900),
)
CUTS = (
    ("beckett", 0.2, 2.9, ""),
    ("beckett", 3.4, 5.8, ""),
    ("beckett", 6.5, 8.95, ""),
    ("two_cities", 1.1, 4.4, "It was the best of times, it was the worst of times."),
    ("two_cities", 4.9, 7.9, "It was the age of wisdom, it was the age of foolishness."),
    ("two_cities", 8.7, 10.3, "It was the epoch of belief."),
    ("two_cities", 29.8, 38.4, "The period was so far like the present period that some of its "
     "noisiest authorities insisted on its being received for good or for evil."),
    ("endgame_nagg_nell", 0.0, 1.1, ""),
    ("endgame_nagg_nell", 11.9, 14.2, ""),
    ("endgame_nagg_nell", 17.4, 19.0, ""),
    ("endgame_nagg_nell", 20.3, 22.1, ""),
    ("endgame_nagg_nell", 23.6, 27.6, ""),
)  # fmt: skip
"""What is read of an author whose rights last is not written down; its words are not counted."""
POCKETSPHINX = (
    ("cards/001.wav", "Ten of clubs."),
    ("cards/002.wav", "Four queen of clubs."),
    ("librivox/sense_and_sensibility_01_austen_64kb-0890.wav", "Unless to be rather cold hearted "
     "and rather selfish is to be ill disposed."),
)  # fmt: skip
