"""Profiles: what the values of a table are like, in bounded size, mergeable, and without any single row's values."""

from nbdeploy.profiles.column import ColumnProfile
from nbdeploy.profiles.frequencies import Frequencies
from nbdeploy.profiles.numbers import Numbers
from nbdeploy.profiles.profile import ANONYMITY, ModelProfile, Profile, profile_of

__all__ = ["ANONYMITY", "ColumnProfile", "Frequencies", "ModelProfile", "Numbers", "Profile", "profile_of"]
