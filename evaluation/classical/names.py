"""Names what each method that learns nothing makes of any song; imports nothing."""

_COMPONENTS = ("component-1", "component-2")

# Those of NMF are the sources of the records that it learns from.
STEMS = {
    "ica": _COMPONENTS,
    "pca": _COMPONENTS,
    "hpss": ("harmonic", "percussive"),
    "repet": ("background", "foreground"),
}
