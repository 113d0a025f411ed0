def swapped_ends(letters)
  letters[0], letters[-1] = letters[-1], letters[0] unless letters.empty?
end
