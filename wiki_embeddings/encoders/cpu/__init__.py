"""The engine `cpu`: ONNX Runtime in int8 or float32, and OpenVINO in bfloat16 on request."""
