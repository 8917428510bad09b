__version__ = "0.0"


def __getattr__(name):
    if name == "TinyVideoPipeline":
        from .pipelines.pipeline_tiny import TinyVideoPipeline

        return TinyVideoPipeline
    raise AttributeError(name)
