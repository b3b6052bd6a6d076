"""Computes the sizes of what networks read and estimate: their windows.

window     what sizes the window of every network has
patch      that of a Wave-U-Net, level by level
columns    those of networks that go by columns of a spectrum
"""

from configs.geometry.columns import OVERLAP, ColumnsWindow, MaskWindow
from configs.geometry.patch import MOST_LEVELS, Padding, PatchGeometry
from configs.geometry.window import Window

__all__ = [
    "MOST_LEVELS",
    "OVERLAP",
    "ColumnsWindow",
    "MaskWindow",
    "Padding",
    "PatchGeometry",
    "Window",
]
