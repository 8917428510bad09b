import torch
from tiny import Module


class STDiT3(Module):
    def __init__(self, **_):
        super().__init__()

    def forward(self, x, timestep, y, **_):
        print("step", *timestep.values)
        torch.cuda.work("step", 0.02)
        return (x + timestep) * 0.01
