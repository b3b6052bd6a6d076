"""Is the task of making single sounds.

step        its networks and objectives, for any Keras backend
losses      what a sound that comes back wrongly costs
task        examples, validation, summaries
sounds      the one-shots of records
making      sounds of numbers, and the numbers of sounds
distances   how far apart sounds are
"""
