def init_inference_environment():
    pass
