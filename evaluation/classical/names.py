"""Names what the methods make, of songs and in tables; imports nothing."""

_COMPONENTS = ("component-1", "component-2")

# The stems of each method that learns nothing. Those of NMF are the sources of the records that it
# learns from.
STEMS = {
    "ica": _COMPONENTS,
    "pca": _COMPONENTS,
    "hpss": ("harmonic", "percussive"),
    "repet": ("background", "foreground"),
}

NMF = "NMF"
BLIND_NMF = "blind NMF, best assignment"
# By the name of the method, which makes two stems.
BEST_ORDER = {
    "ica": "ICA, best order",
    "pca": "PCA, best order",
    "hpss": "HPSS, best order",
    "repet": "REPET, best order",
}

# What a report says of each row.
ROWS = {
    NMF: (
        "non-negative matrix factorisation (Kullback-Leibler) with the spectra of each instrument "
        "learnt from the training split, told which instruments play, at the rate of the records"
    ),
    BLIND_NMF: (
        "the same with spectra learnt from the track itself; each goes to the source with which "
        "it agrees most, which only the references tell"
    ),
    BEST_ORDER["ica"]: "two independent components of two channels (FastICA)",
    BEST_ORDER["pca"]: "two principal components of two channels",
    BEST_ORDER["hpss"]: "the harmonic and the percussive part by median filters",
    BEST_ORDER["repet"]: "what repeats, and what does not",
}
