input()
print("ASSAY")
