"""Tells metal, orchestral, electronic music and speech apart, an artist out at a time.

clips      draws clips of 6 s of each artist
features   what stands beside the layers of a tagger, and features laid side by side
choice     chooses layers and a penalty within what is learnt from
"""
