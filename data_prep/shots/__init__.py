"""Makes one-shots: single sounds of one length, whose peaks stand at one place.

found      the sounds in a folder of kits or classes
classes    what a sound is, by the words of a name or a drumkit.xml
shaping    a sound to a one-shot
onsets     where sounds begin in a waveform, and which of them stand alone
stems      one-shots out of the stems of records
doubles    which one-shots are the same sound
splitting  kits to splits
prepared   the contract: what one_shots.json says
finished   is it there already?
making     the folder of one-shots
telling    what there is, in short
page       before_after.html
"""
