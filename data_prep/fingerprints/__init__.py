"""Whether two splits share a recording.

sketches    sketches of a recording, which another copy of it has too
leaks       compares the sketches of tracks of different splits
"""
