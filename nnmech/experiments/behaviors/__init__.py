"""Chats that show unwanted behaviour, read as raw text after a warning: is the behaviour taken over?"""

from nnmech.experiments.behaviors.config import ARMS, BehaviorSettings, preset
from nnmech.experiments.behaviors.experiment import BEHAVIORS

__all__ = ["ARMS", "BEHAVIORS", "BehaviorSettings", "preset"]
