"""Scores how well a run puts clips in order, beside dice, the edge rule and sound without order.

room      what evaluation.evaluate asks for
rivals    the edge rule, which learns nothing
controls  sound of which nobody can learn an order
scores    figures by system and track, and the table of scores
document  the page
sounds    puzzles to hear
excitation  sound that excites single features, for play
playing     makes that of a run
play_page   the page of it
"""
