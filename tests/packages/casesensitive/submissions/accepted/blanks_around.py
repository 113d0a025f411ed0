print()
print("  ", input().swapcase(), "  ")
print()
