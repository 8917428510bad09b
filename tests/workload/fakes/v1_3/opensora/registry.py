from tiny import Module, Registry

MODELS = Registry("model")
SCHEDULERS = Registry("scheduler")


def build_module(module, builder, **kwargs):
    return builder.build({**module, **kwargs}) if isinstance(module, dict) else module
