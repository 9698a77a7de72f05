"""The engine `cuda`: PyTorch on an NVIDIA GPU, sequences packed without padding."""
