class Boosted:
    def __init__(self, module):
        self._module = module

    def unwrap(self):
        return self._module


class Booster:
    def boost(self, model, optimizer=None, criterion=None, dataloader=None, lr_scheduler=None):
        return Boosted(model), optimizer, criterion, dataloader, lr_scheduler
