from .utils import save_sample
