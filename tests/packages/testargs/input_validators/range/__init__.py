# Makes this folder a module.
