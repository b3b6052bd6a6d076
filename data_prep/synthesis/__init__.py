"""Music by dice, for corpora that need no download.

composition    pieces as notes
timbres        notes as sound
"""
