"""Makes single drum sounds by dice or from patches, for corpora that need no recording.

patch           says what a drum sounds like, as numbers
parts           plays what patches are made of: tones, noise, bands, overtones
effects         filters and distorts what the parts sum to
render          plays a whole patch
shapes          draws what patches of several drums are made of
recipes         draws patches for one class of drums each
dice            draws kits, whose sounds share a character
drumsynth       reads patches from the files of DrumSynth
drumsynth_file  reads the text of such a file
patch_folder    finds patches in a folder, and tells kits and classes by their names
kits            writes kits as folders of wav files
"""
