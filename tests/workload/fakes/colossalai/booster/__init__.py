from .booster import Booster
