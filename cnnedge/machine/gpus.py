"""The providers of ONNX Runtime that compute on a GPU."""

# In the order in which they are tried, with the package that has it. Each package replaces onnxruntime.
GPU_PROVIDERS = {"CUDAExecutionProvider": "onnxruntime-gpu", "WebGpuExecutionProvider": "onnxruntime-webgpu"}
